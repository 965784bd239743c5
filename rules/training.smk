# SAEs: trained here from an activation store, or imported; all end in one canonical form.

TRAINED_SAES = any_of(sorted({s.name for s in SAES.values() if s.kind == "trained"}))
IMPORTED_SAES = any_of(sorted({s.name for s in SAES.values() if s.kind != "trained"}))


rule train_sae:
    """Train one SAE on the stored activations of its site."""
    input:
        activations=training_activations,
    output:
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        sae_lens="<store>/{model}/{site}/{sae}/sae_lens/cfg.json",
        curve="<store>/{model}/{site}/{sae}/training_curve.csv",
    log:
        "<store>/logs/{model}/{site}/{sae}.log",
    wildcard_constraints:
        sae=TRAINED_SAES,
    conda:
        "../envs/environment.yaml"
    threads: lambda w: sae_threads(sae_block(w)["width"])
    resources:
        mem_mb=lambda w, attempt: attempt * (2500 + sae_block(w)["width"] // 2),
        runtime=lambda w, attempt: attempt * (30 + sae_block(w)["training"]["tokens"] // 1_000_000),
        gpu=GPU,
    params:
        code=code_of("train_sae.py"),
        sae=sae_block,
        model_name="{model}",
        device=config["device"],
        threads=lambda w: sae_threads(sae_block(w)["width"]),
    script:
        "../workflow_scripts/train_sae.py"


rule import_sae:
    """Turn a released or a local SAE into the canonical form."""
    input:
        local_sae_files,
    output:
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
    log:
        "<store>/logs/{model}/{site}/{sae}.log",
    wildcard_constraints:
        sae=IMPORTED_SAES,
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * (8000 + (sae_block(w)["width"] or 16384) // 10),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("import_sae.py"),
        files=fingerprint_of(local_sae_files),
        sae=imported_block,
        model_name="{model}",
    script:
        "../workflow_scripts/import_sae.py"
