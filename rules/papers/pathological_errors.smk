# "SAE reconstruction errors are (empirically) pathological": what is measured, and the tables of its figures.

from workflow_scripts.papers.pathological_errors.plan import single_position_draws

ERRORS, ERRORS_PLAN = config["pathological_errors"], PLANS["pathological_errors"]
effects_of = lambda *subjects, saes=None: [
    effects_path(one) for one in ERRORS_PLAN.of(*subjects, saes=saes)
]


rule measure_single_positions:
    """What perturbations of one position do there and after it; `what` is single_token or pathology."""
    input:
        model="<store>/{model}/model.json",
        activations=analysis_activations,
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
    output:
        effects="<run>/effects/{model}/{site}/{sae}/{what}.npz",
    log:
        "<run>/logs/effects/{model}/{site}/{sae}/{what}.log",
    wildcard_constraints:
        what="single_token|pathology",
    conda:
        "../../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, input, attempt: attempt * (6000 + 2 * int(input.size_mb)),
        runtime=lambda w, attempt: 240 * attempt,
        gpu=GPU,
    params:
        code=code_of("measure_single_positions.py"),
        site="{site}",
        block=lambda w: ERRORS[w.what],
        draws=lambda w: single_position_draws(ERRORS, w.what),
        first=ERRORS["first_position"],
        analysis=ANALYSIS,
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../../workflow_scripts/measure_single_positions.py"


rule predict_examples:
    """The most probable next tokens of a few contexts, as the model is and under perturbations."""
    input:
        model="<store>/{model}/model.json",
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
        activations=analysis_activations,
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        effects="<run>/effects/{model}/{site}/{sae}/sae.zarr/manifest.json",
    output:
        table="<run>/effects/{model}/{site}/{sae}/examples.csv",
    log:
        "<run>/logs/effects/{model}/{site}/{sae}/examples.log",
    conda:
        "../../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, input, attempt: attempt * (6000 + 2 * int(input.size_mb)),
        runtime=lambda w, attempt: 60 * attempt,
        gpu=GPU,
    params:
        code=code_of("predict_examples.py"),
        site="{site}",
        examples=ERRORS["examples"],
        analysis=ANALYSIS,
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../../workflow_scripts/predict_examples.py"


include: "pathological_errors_tables.smk"
