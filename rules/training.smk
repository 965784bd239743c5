# SAEs: trained here from an activation store, or imported; all end in one canonical form.

TRAINED_SAES = "|".join(sorted({s.name for s in SAES.values() if s.kind == "trained"})) or "(?!)"
IMPORTED_SAES = "|".join(sorted({s.name for s in SAES.values() if s.kind != "trained"})) or "(?!)"


rule train_saes:
    """Train the SAEs of one site and seed side by side, on one stream of activations."""
    input:
        activations=stream_activations,
    output:
        stream="<store>/{model}/{site}/streams/{stream}.json",
    log:
        "<store>/logs/{model}/{site}/streams/{stream}.log",
    benchmark:
        "<store>/benchmarks/{model}/{site}/streams/{stream}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: lambda w: 1 if max(s.width for s in stream_saes(w)) <= 4096 else 8
    resources:
        mem_mb=lambda w, attempt: attempt * (2500 + sum(s.width for s in stream_saes(w)) // 2),
        runtime=lambda w, attempt: attempt
        * (30 + sum(s.block()["training"]["tokens"] for s in stream_saes(w)) // 1_000_000),
        gpu=GPU,
    params:
        code=code_of("train_saes.py"),
        saes=lambda w: [sae.block() for sae in stream_saes(w)],
        model_name="{model}",
        device=config["device"],
    script:
        "../workflow_scripts/train_saes.py"


rule hand_out_sae:
    """Take one trained SAE out of its stream; another SAE in the stream changes nothing for it."""
    input:
        stream=lambda w: ancient(f"{STORE}/{w.model}/{w.site}/streams/{stream_of(w)}.json"),
        activations=training_activations,
    output:
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        sae_lens="<store>/{model}/{site}/{sae}/sae_lens/cfg.json",
        weights="<store>/{model}/{site}/{sae}/sae_lens/sae_weights.safetensors",
        curve="<store>/{model}/{site}/{sae}/training_curve.csv",
    log:
        "<store>/logs/{model}/{site}/{sae}.log",
    benchmark:
        "<store>/benchmarks/{model}/{site}/{sae}.tsv"
    wildcard_constraints:
        sae=TRAINED_SAES,
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 500 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("hand_out_sae.py"),
        training=code_of("train_saes.py"),
        sae=sae_block,
    script:
        "../workflow_scripts/hand_out_sae.py"


rule import_sae:
    """Turn a released or a local SAE into the canonical form."""
    input:
        local_sae_files,
    output:
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
    log:
        "<store>/logs/{model}/{site}/{sae}.log",
    benchmark:
        "<store>/benchmarks/{model}/{site}/{sae}.tsv"
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


rule tabulate_training_curves:
    """The training curves of all SAEs trained in this run."""
    input:
        tables=[
            f"{STORE}/{s.model}/{s.site}/{s.name}/training_curve.csv"
            for s in SAES.values()
            if s.kind == "trained"
        ],
    output:
        table="<run>/tables/saes/training_curves.csv",
    log:
        "<run>/logs/tables/saes/training_curves.log",
    benchmark:
        "<run>/benchmarks/tables/saes/training_curves.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("concatenate_tables.py"),
    script:
        "../workflow_scripts/concatenate_tables.py"
