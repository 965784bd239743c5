# The tables of "SAE reconstruction errors are (empirically) pathological", made from the effects.


use rule tabulate as tabulate_effects with:
    """What tables of effects have in common: the resamples."""
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate_drawn as tabulate_effects_drawn with:
    """The same of tables whose rows claims compare in pairs."""
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate_effects_drawn as tabulate_pathological_errors_interventions with:
    """Mean KL and increase in loss of every intervention, at every layer of the residual stream."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.layers),
    pathvars:
        exhibit="pathological_errors/interventions",


use rule tabulate_effects_drawn as tabulate_pathological_errors_attention with:
    """The same of attention."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.attention),
    pathvars:
        exhibit="pathological_errors/attention",


use rule tabulate_effects as tabulate_pathological_errors_kl_histogram with:
    """Distribution of KL over tokens, under Sae(x) and under random errors of its size."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.layers),
    output:
        table="<run>/tables/<exhibit>.csv",
        quantiles="<run>/tables/pathological_errors/kl_quantiles.csv",
    pathvars:
        exhibit="pathological_errors/kl_histogram",
    params:
        quantity="kl",


use rule tabulate_effects as tabulate_pathological_errors_ce_histogram with:
    """Distribution of the increase in loss over tokens."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.layers),
    pathvars:
        exhibit="pathological_errors/ce_histogram",
    params:
        quantity="ce",


use rule tabulate_effects as tabulate_pathological_errors_position with:
    """KL by position in the context."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.layers),
    pathvars:
        exhibit="pathological_errors/position",


use rule tabulate_effects_drawn as tabulate_pathological_errors_controls with:
    """The controls that the post's commenters asked for."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.layers),
    pathvars:
        exhibit="pathological_errors/controls",


use rule tabulate_effects_drawn as tabulate_pathological_errors_sweep with:
    """KL of random errors of many sizes, and the SAE's."""
    input:
        effects=effects_of("sweep"),
    pathvars:
        exhibit="pathological_errors/sweep",


use rule tabulate_effects_drawn as tabulate_pathological_errors_correlates with:
    """What the KL gap goes with."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.layers),
        tokens=lambda w: activations_path(ERRORS_PLAN.main.model),
    pathvars:
        exhibit="pathological_errors/correlates",


use rule tabulate_effects as tabulate_pathological_errors_top_tokens with:
    """The tokens with the largest mean KL gap."""
    input:
        effects=effects_of("sae", saes=[ERRORS_PLAN.main]),
        tokenizer=f"{STORE}/{ERRORS_PLAN.main.model}/tokenizer/tokenizer.json",
    pathvars:
        exhibit="pathological_errors/top_tokens",


use rule tabulate_effects_drawn as tabulate_pathological_errors_by_component with:
    """Parts of the error, pursuit codes and a stitched SAE, beside random errors of the same size."""
    input:
        effects=[effects_path(one) for one in ERRORS_PLAN.parts],
    pathvars:
        exhibit="pathological_errors/by_component",


use rule tabulate_effects_drawn as tabulate_pathological_errors_by_width with:
    """SAEs of one site by width and L0."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.compared),
    pathvars:
        exhibit="pathological_errors/by_width",


use rule tabulate_effects_drawn as tabulate_pathological_errors_by_architecture with:
    """SAEs of one site by architecture and L0."""
    input:
        effects=effects_of("sae", saes=ERRORS_PLAN.compared),
    pathvars:
        exhibit="pathological_errors/by_architecture",


use rule tabulate_effects_drawn as tabulate_pathological_errors_single_token with:
    """KL at a position that is replaced, and at those that follow."""
    input:
        effects=[
            f"{RUN}/effects/{sae.model}/{sae.site}/{sae.name}/single_token.npz"
            for sae in ERRORS_PLAN.layers
        ],
        saes=[sae_path(sae, "sae.safetensors") for sae in ERRORS_PLAN.layers],
    pathvars:
        exhibit="pathological_errors/single_token",
    params:
        position=ERRORS["single_token"]["position"],


use rule tabulate as tabulate_pathological_errors_pathology with:
    """Many random errors of single tokens, and the SAE's."""
    input:
        effects=f"{RUN}/effects/{ERRORS_PLAN.main.model}/{ERRORS_PLAN.main.site}/{ERRORS_PLAN.main.name}/pathology.npz",
        sae=sae_path(ERRORS_PLAN.main, "sae.safetensors"),
        tokenizer=f"{STORE}/{ERRORS_PLAN.main.model}/tokenizer/tokenizer.json",
    output:
        table="<run>/tables/<exhibit>.csv",
        random="<run>/tables/<exhibit>_draws.csv",
    pathvars:
        exhibit="pathological_errors/pathology",
    params:
        position=ERRORS["pathology"]["position"],


use rule tabulate as tabulate_pathological_errors_examples with:
    """The most probable next tokens at a few tokens."""
    input:
        examples=f"{RUN}/effects/{ERRORS_PLAN.main.model}/{ERRORS_PLAN.main.site}/{ERRORS_PLAN.main.name}/examples.csv",
    pathvars:
        exhibit="pathological_errors/examples",
