# What every SAE makes of the activations it is judged on: sparse codes, and how good they are.


rule reconstruct_activations:
    """Encode and decode a harvest with one SAE: sparse codes, errors, per-latent statistics."""
    input:
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        activations="<store>/{model}/{harvest}.zarr/manifest.json",
    output:
        codes="<store>/{model}/{site}/{sae}/{harvest}.codes.zarr/manifest.json",
        summary="<store>/{model}/{site}/{sae}/{harvest}.summary.json",
    log:
        "<store>/logs/{model}/{site}/{sae}/{harvest}.codes.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (1500 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 60 * attempt,
        gpu=GPU,
    params:
        code=code_of("reconstruct_activations.py"),
        site="{site}",
        sae="{sae}",
        device=config["device"],
    script:
        "../workflow_scripts/reconstruct_activations.py"


rule pursue_activations:
    """Codes by non-negative gradient pursuit on an SAE's decoder, with its L0 token by token."""
    input:
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        activations="<store>/{model}/{harvest}.zarr/manifest.json",
        codes="<store>/{model}/{site}/{sae}/{harvest}.codes.zarr/manifest.json",
    output:
        codes="<store>/{model}/{site}/{sae}/{harvest}.pursuit.zarr/manifest.json",
    log:
        "<store>/logs/{model}/{site}/{sae}/{harvest}.pursuit.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (4000 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 240 * attempt,
        gpu=GPU,
    params:
        code=code_of("pursue_activations.py"),
        site="{site}",
        sae="{sae}",
        device=config["device"],
    script:
        "../workflow_scripts/pursue_activations.py"
