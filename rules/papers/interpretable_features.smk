# "Sparse Autoencoders Find Highly Interpretable Features in Language Models": its tables, and the
# components and explanations that they are made from.

from workflow_scripts.anatomy.interpretability.directions import METHODS

FEATURES, FEATURES_PLAN = config["interpretable_features"], PLANS["interpretable_features"]
# The model, the site and the SAE whose latents are set against other directions.
FEATURES_MODEL, FEATURES_SITE = (FEATURES["main"][name] for name in ("model", "site"))
FEATURES_SAE = sae_path(FEATURES_PLAN.main, "sae.safetensors")
FEATURES_CODES = codes_path(FEATURES_PLAN.main)
EXPLAINED[FEATURES_MODEL, FEATURES_SITE, FEATURES_PLAN.main.name] = f"{RUN}/directions/sae.csv"


rule find_components:
    """Principal and independent components of the training tokens of a site."""
    input:
        activations=activations_path(FEATURES_MODEL),
        moments=f"<run>/regressions/{FEATURES_MODEL}/{FEATURES_SITE}/moments.npz",
    output:
        components="<run>/directions/components.npz",
    log:
        "<run>/logs/directions/components.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("find_components.py"),
        site=FEATURES_SITE,
        tokens=FEATURES["ica_tokens"],
        analysis=ANALYSIS,
        seed=config["seed"],
    script:
        "../../workflow_scripts/find_components.py"


rule interpret_directions:
    """Explain latents of an SAE, or directions that are as often active, and test the explanations."""
    input:
        activations=activations_path(FEATURES_MODEL),
        codes=FEATURES_CODES,
        components="<run>/directions/components.npz",
        tokenizer=f"{STORE}/{FEATURES_MODEL}/tokenizer/tokenizer.json",
    output:
        scores="<run>/directions/{method}.csv",
        explanations="<run>/directions/{method}.explanations.jsonl",
    log:
        "<run>/logs/directions/{method}.log",
    wildcard_constraints:
        method="|".join(METHODS),
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 240 * attempt,
    params:
        code=code_of("interpret_directions.py"),
        method="{method}",
        interpretability=config["interpretability"],
        directions=FEATURES["directions"],
        site=FEATURES_SITE,
        seed=config["seed"],
    script:
        "../../workflow_scripts/interpret_directions.py"


use rule tabulate as tabulate_interpretable_features_autointerp with:
    """Interpretability of SAE latents, and of as many directions of other kinds."""
    input:
        scores=[f"<run>/directions/{method}.csv" for method in METHODS],
        sae=FEATURES_SAE,
        codes=FEATURES_CODES,
    output:
        table="<run>/tables/<exhibit>.csv",
        means="<run>/tables/<exhibit>_means.csv",
    pathvars:
        exhibit="interpretable_features/autointerp",
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate as tabulate_features with:
    """What tables of the activations of the site have in common."""
    params:
        site=FEATURES_SITE,
        analysis=ANALYSIS,
        seed=config["seed"],


use rule tabulate_features as tabulate_features_of_tokens with:
    """What those of them need that go through all tokens."""
    group:
        "long_tables"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,


use rule tabulate_features_of_tokens as tabulate_interpretable_features_pareto with:
    """FVU against L0 of every SAE of the site, and of as many principal or independent components."""
    input:
        activations=activations_path(FEATURES_MODEL),
        components="<run>/directions/components.npz",
        saes=[sae_path(sae, "sae.safetensors") for sae in FEATURES_PLAN.family],
        codes=[codes_path(sae) for sae in FEATURES_PLAN.family],
    pathvars:
        exhibit="interpretable_features/pareto",


use rule tabulate_features as tabulate_interpretable_features_erasure with:
    """A capability removed by ablating latents, and in other ways."""
    input:
        model=f"<store>/{FEATURES_MODEL}/model.json",
        tokenizer=f"{STORE}/{FEATURES_MODEL}/tokenizer/tokenizer.json",
        activations=activations_path(FEATURES_MODEL),
        components="<run>/directions/components.npz",
        sae=FEATURES_SAE,
        codes=FEATURES_CODES,
    output:
        table="<run>/tables/<exhibit>.csv",
        matched="<run>/tables/<exhibit>_matched.csv",
    pathvars:
        exhibit="interpretable_features/erasure",
    group:
        "long_tables"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (8000 + 2 * int(input.size_mb)),
        runtime=lambda w, attempt: 240 * attempt,
        gpu=GPU,
    params:
        erasure=FEATURES["erasure"],
        contexts=config["interventions"]["contexts"],
        device=config["device"],
