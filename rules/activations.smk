# Activations of a set of hook points, stored in one forward pass.


rule harvest_activations:
    """Run a model once over a set of contexts and store the activations of every hook point."""
    input:
        model="<store>/{model}/model.json",
        tokens=harvest_tokens,
    output:
        manifest="<store>/{model}/{harvest}.zarr/manifest.json",
    log:
        "<store>/logs/{model}/{harvest}.log",
    priority: 10
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, attempt: attempt
        * (16000 if w.model in IMPORTED_MODELS.split("|") else 3000),
        runtime=lambda w, attempt: 240 * attempt,
        gpu=GPU,
    params:
        code=code_of("harvest_activations.py"),
        name="{harvest}",
        model_name="{model}",
        harvest=lookup(dpath="harvests/{harvest}", within=config),
        device=config["device"],
        threads=config["threads"],
        dtype=lookup(dpath="models/{model}/dtype", within=config),
    script:
        "../workflow_scripts/harvest_activations.py"
