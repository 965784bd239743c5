# What is known of each latent: for the explorer of latents, the cards of SAEs, and whoever wants a table.


rule describe_latents:
    """Every latent of an SAE: its part in the error, where it fires, what it promotes, what is near."""
    input:
        activations=analysis_activations,
        model="<store>/{model}/model.json",
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        codes=lambda w: codes_path(SAES[w.model, w.site, w.sae]),
        norms=lambda w: norms_of_sae(explored(w)),
        other_saes=lambda w: [sae_path(sae, "sae.safetensors") for sae in others_at(w)],
        other_codes=lambda w: [codes_path(sae) for sae in others_at(w)],
    output:
        table="<run>/latents/{model}/{site}/{sae}/latents.csv",
        arrays="<run>/latents/{model}/{site}/{sae}/latents.npz",
    log:
        "<run>/logs/latents/{model}/{site}/{sae}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        # Decoders of two SAEs, sums of latents and groups of documents, and the model for its unembedding.
        mem_mb=lambda w, input, attempt: attempt
        * (
            3000
            + 2 * int(input.size_mb / (1 + len(input.other_saes)))
            + (16000 if IMPORTED_MODELS != "(?!)" else 0)
        ),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("describe_latents.py"),
        explorer=config.get("explorer"),
        draws=config["analysis"]["bootstrap"],
        seed=config["seed"],
    script:
        "../workflow_scripts/describe_latents.py"
