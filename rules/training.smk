# SAEs: trained here from an activation store, or imported; all end in one canonical form.

TRAINED_ALONE = (
    "|".join(sorted({s.name for s in SAES.values() if s.kind == "trained" and not s.stream}))
    or "(?!)"
)
IMPORTED_SAES = "|".join(sorted({s.name for s in SAES.values() if s.kind != "trained"})) or "(?!)"


def sae_threads(width):
    """Of a small SAE, a step is too short to be shared."""
    return 1 if width <= 4096 else config["threads"]


rule train_sae:
    """Train one SAE on the stored activations of its site."""
    input:
        activations=training_activations,
    output:
        saes=["<store>/{model}/{site}/{sae}/sae.safetensors"],
        sae_lens=["<store>/{model}/{site}/{sae}/sae_lens/cfg.json"],
        curves=["<store>/{model}/{site}/{sae}/training_curve.csv"],
    log:
        "<store>/logs/{model}/{site}/{sae}.log",
    wildcard_constraints:
        sae=TRAINED_ALONE,
    conda:
        "../envs/environment.yaml"
    threads: lambda w: sae_threads(sae_block(w)["width"])
    resources:
        mem_mb=lambda w, attempt: attempt * (2500 + sae_block(w)["width"] // 2),
        runtime=lambda w, attempt: attempt * (30 + sae_block(w)["training"]["tokens"] // 1_000_000),
        gpu=GPU,
    params:
        code=code_of("train_saes.py"),
        saes=lambda w: [sae_block(w)],
        model_name="{model}",
        device=config["device"],
        threads=lambda w: sae_threads(sae_block(w)["width"]),
    script:
        "../workflow_scripts/train_saes.py"


for (model, site, stream), members in streams().items():

    rule:
        # Train SAEs that see the same batches side by side, on one stream of activations.
        name:
            f"train_{model}_{site}_{stream}"
        input:
            activations=f"{STORE}/{model}/{members[0].block()['harvest']}.zarr/manifest.json",
        output:
            saes=[sae_path(sae, "sae.safetensors") for sae in members],
            sae_lens=[sae_path(sae, "sae_lens/cfg.json") for sae in members],
            curves=[sae_path(sae, "training_curve.csv") for sae in members],
        log:
            f"{STORE}/logs/{model}/{site}/streams/{stream}.log",
        conda:
            "../envs/environment.yaml"
        threads: sae_threads(max(sae.width for sae in members))
        resources:
            mem_mb=lambda w, attempt, saes=members: attempt
            * (2500 + sum(sae.width for sae in saes) // 2),
            runtime=lambda w, attempt, saes=members: attempt
            * (30 + sum(s.block()["training"]["tokens"] for s in saes) // 1_000_000),
            gpu=GPU,
        params:
            code=code_of("train_saes.py"),
            saes=[sae.block() for sae in members],
            model_name=model,
            device=config["device"],
            threads=sae_threads(max(sae.width for sae in members)),
        script:
            "../workflow_scripts/train_saes.py"


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
        sae=sae_block,
        model_name="{model}",
    script:
        "../workflow_scripts/import_sae.py"
