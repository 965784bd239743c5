# What there is of every run: its language models, its SAEs, and their errors.


use rule tabulate as tabulate_overview_loss_curves with:
    """The loss curves of all language models trained in this run."""
    input:
        curves=[
            f"{STORE}/{model}/loss_curve.csv"
            for model, block in config["models"].items()
            if block["kind"] == "train"
        ],
    pathvars:
        exhibit="overview/loss_curves",


use rule tabulate as tabulate_overview_training_curves with:
    """The training curves of all SAEs trained in this run."""
    input:
        curves=[
            sae_path(sae, "training_curve.csv") for sae in SAES.values() if sae.kind == "trained"
        ],
    pathvars:
        exhibit="overview/training_curves",


use rule tabulate as tabulate_overview_summary with:
    """One row per SAE of the run: width, L0, FVU, dead latents, decoder norms; and densities."""
    input:
        codes=[codes_path(sae) for sae in SAES.values()],
        saes=[sae_path(sae, "sae.safetensors") for sae in SAES.values()],
    output:
        table="<run>/tables/overview/summary.csv",
        densities="<run>/tables/overview/densities.csv",
    pathvars:
        exhibit="overview/summary",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        nominal_l0=[sae.nominal_l0 for sae in SAES.values()],


use rule tabulate_drawn as tabulate_overview_decomposition with:
    """The linear and the nonlinear error of the SAEs that are taken apart."""
    input:
        scores=[scores_path(sae) for sae in DECOMPOSED],
        draws=[draws_path(sae) for sae in DECOMPOSED],
    pathvars:
        exhibit="overview/decomposition",


use rule tabulate_drawn as tabulate_overview_losses with:
    """The model's loss with what every SAE makes of a site in its place."""
    input:
        losses=[losses_path(sae) for sae in SAES.values()],
        saes=[sae_path(sae, "sae.safetensors") for sae in SAES.values()],
        codes=[codes_path(sae) for sae in SAES.values()],
    pathvars:
        exhibit="overview/losses",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate_drawn as tabulate_overview_effects with:
    """What SAEs do to the model's predictions, beside random errors of the same size."""
    input:
        effects=[effects_path(one) for one in EFFECTS if one.subject == "sae"],
    pathvars:
        exhibit="overview/effects",
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],
