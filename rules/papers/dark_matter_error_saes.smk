# Section 5.2 of the dark-matter paper: SAEs trained on either part of an SAE's error.

from workflow_scripts.papers.dark_matter.plan import error_sae_block

ERROR_SAES = {
    f"{RUN}/error_saes/{component}-s{seed}": component
    for component in ("linear_error", "nonlinear_error")
    for seed in (DARK["error_saes"] or {"seeds": []})["seeds"]
}
PAPER_STORES += [f"{path}/codes.zarr/manifest.json" for path in ERROR_SAES]


rule train_error_sae:
    """Train an SAE on the linear or the nonlinear error of the reference SAE (section 5.2)."""
    input:
        training=lambda w: f"{STORE}/{DARK['main']['model']}/{DARK['error_saes']['harvest']}.zarr/manifest.json",
        activations=activations_path(DARK["main"]["model"]),
        sae=sae_path(DARK_PLAN.reference, "sae.safetensors"),
        maps=scores_path(DARK_PLAN.reference, file="maps.npz"),
    output:
        sae="<run>/error_saes/{component}-s{seed}/sae.safetensors",
        sae_lens="<run>/error_saes/{component}-s{seed}/sae_lens/cfg.json",
        curve="<run>/error_saes/{component}-s{seed}/training_curve.csv",
        codes="<run>/error_saes/{component}-s{seed}/codes.zarr/manifest.json",
    log:
        "<run>/logs/error_saes/{component}-s{seed}.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * (3000 + DARK["error_saes"]["width"] // 2),
        runtime=lambda w, attempt: attempt
        * (60 + DARK["error_saes"]["training"]["tokens"] // 1_000_000),
        gpu=GPU,
    params:
        code=code_of("train_error_sae.py"),
        site=DARK["main"]["site"],
        component="{component}",
        model_name=DARK["main"]["model"],
        sae=lambda w: error_sae_block(DARK, w.component, int(w.seed)),
        device=config["device"],
    script:
        "../../workflow_scripts/train_error_sae.py"


rule interpret_error_sae:
    """Explain latents of an SAE trained on a part of the error, and test the explanations."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        codes="<run>/error_saes/{component}-s{seed}/codes.zarr/manifest.json",
        tokenizer=f"{STORE}/{DARK['main']['model']}/tokenizer/tokenizer.json",
    output:
        scores="<run>/error_saes/{component}-s{seed}/interpretability.csv",
        explanations="<run>/error_saes/{component}-s{seed}/explanations.jsonl",
    log:
        "<run>/logs/error_saes/{component}-s{seed}.interpretability.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 240 * attempt,
    params:
        code=code_of("interpret_latents.py"),
        interpretability=config["interpretability"],
        site=DARK["main"]["site"],
        component="{component}",
        sae_seed=lambda w: int(w.seed),
        seed=config["seed"],
    script:
        "../../workflow_scripts/interpret_latents.py"


use rule tabulate_held_out as tabulate_dark_matter_sec5_2 with:
    """Section 5.2: training curves and final FVU of the SAEs trained on either part of the error."""
    input:
        curves=[f"{path}/training_curve.csv" for path in ERROR_SAES],
        saes=[f"{path}/sae.safetensors" for path in ERROR_SAES],
        codes=[f"{path}/codes.zarr/manifest.json" for path in ERROR_SAES],
        # What the codes are of is computed from these.
        activations=activations_path(DARK["main"]["model"]),
        sae=sae_path(DARK_PLAN.reference, "sae.safetensors"),
        maps=scores_path(DARK_PLAN.reference, file="maps.npz"),
    output:
        table="<run>/tables/<exhibit>.csv",
        final="<run>/tables/<exhibit>_final.csv",
    pathvars:
        exhibit="dark_matter/sec5_2",
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        components=list(ERROR_SAES.values()),
