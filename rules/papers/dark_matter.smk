# "Decomposing The Dark Matter of Sparse Autoencoders": the tables of its figures.

from workflow_scripts.anatomy.setup.catalogue import at_sites

DARK, DARK_PLAN = config["dark_matter"], PLANS["dark_matter"]
contour_saes = lambda w: at_sites(DARK_PLAN.family, DARK["contours"][w.exhibit])
if "fig1" in EXHIBITS["dark_matter"]:
    PAPER_STORES += [codes_path(sae, "pursuit") for sae in DARK_PLAN.scaling]
if "fig14" in EXHIBITS["dark_matter"]:
    NORM_PROBED += [f"{RUN}/tables/dark_matter/fig14.csv"]


use rule tabulate_drawn as tabulate_held_out with:
    """What tables of numbers on held-out tokens have in common: the split, and the resamples."""
    params:
        analysis=ANALYSIS,
        seed=config["seed"],


include: "dark_matter_error_saes.smk"


use rule tabulate as tabulate_dark_matter_scaling with:
    """Figures 1 and 9a: FVU against width, with and without pursuit, and the fits."""
    input:
        scores=[scores_path(sae) for sae in DARK_PLAN.scaling],
        draws=[draws_path(sae) for sae in DARK_PLAN.scaling],
        pursuit_scores=[scores_path(sae, "pursuit") for sae in DARK_PLAN.scaling],
        pursuit_draws=[draws_path(sae, "pursuit") for sae in DARK_PLAN.scaling],
    output:
        table="<run>/tables/dark_matter/{exhibit}.csv",
        draws="<run>/tables/dark_matter/{exhibit}.draws.npz",
        fit="<run>/tables/dark_matter/{exhibit}_fit.csv",
    log:
        "<run>/logs/tables/dark_matter/{exhibit}.log",
    wildcard_constraints:
        exhibit="fig1|fig9a",


use rule tabulate as tabulate_dark_matter_contours with:
    """Figures 2, 10 and 11: the three predictions for every SAE of some sites."""
    input:
        scores=lambda w: [scores_path(sae) for sae in contour_saes(w)],
        draws=lambda w: [draws_path(sae) for sae in contour_saes(w)],
    output:
        table="<run>/tables/dark_matter/{exhibit}.csv",
        draws="<run>/tables/dark_matter/{exhibit}.draws.npz",
    log:
        "<run>/logs/tables/dark_matter/{exhibit}.log",
    wildcard_constraints:
        exhibit="fig2|fig10|fig11",


use rule tabulate_drawn as tabulate_dark_matter_fig3 with:
    """Figure 3: error norm R^2 of the SAE nearest the target L0 at every layer."""
    input:
        scores=[scores_path(sae) for sae in DARK_PLAN.layers],
        draws=[draws_path(sae) for sae in DARK_PLAN.layers],
    pathvars:
        exhibit="dark_matter/fig3",


use rule tabulate_held_out as tabulate_dark_matter_fig4 with:
    """Figure 4: error norms of larger SAEs predicted from smaller ones (Eq. 13)."""
    input:
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
    pathvars:
        exhibit="dark_matter/fig4",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,


use rule tabulate_held_out as tabulate_dark_matter_tokens with:
    """Figures 5 and 12: error norms of consecutive tokens, whole, linear and nonlinear."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        tokenizer=f"{STORE}/{DARK['main']['model']}/tokenizer/tokenizer.json",
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
        norms=[scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_PLAN.scaling],
    output:
        table="<run>/tables/dark_matter/{exhibit}.csv",
    log:
        "<run>/logs/tables/dark_matter/{exhibit}.log",
    wildcard_constraints:
        exhibit="fig5|fig12",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        tokens_shown=DARK["tokens_shown"],


use rule tabulate_drawn as tabulate_dark_matter_fig6 with:
    """Figure 6: the norm prediction test for five vectors, over all SAEs of the run."""
    input:
        scores=[scores_path(sae) for sae in DARK_PLAN.judged],
        draws=[draws_path(sae) for sae in DARK_PLAN.judged],
    pathvars:
        exhibit="dark_matter/fig6",


use rule tabulate_dark_matter_fig6 as tabulate_dark_matter_appendix_a1 with:
    """Appendix A.1: norms of reconstructions, and whether b* only undoes shrinkage."""
    pathvars:
        exhibit="dark_matter/appendix_a1",


use rule tabulate as tabulate_dark_matter_appendix_c1 with:
    """Appendix C.1: correlation of a linear predictor with the squared norm, in theory and in draws."""
    pathvars:
        exhibit="dark_matter/appendix_c1",
    params:
        options=DARK["appendix_c1"],
        seed=config["seed"],


use rule tabulate as tabulate_dark_matter_fig7 with:
    """Figure 7: detection accuracy by activation decile, for both parts of the error."""
    input:
        scores=[f"{path}/interpretability.csv" for path in ERROR_SAES],
    pathvars:
        exhibit="dark_matter/fig7",
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate_held_out as tabulate_dark_matter_fig8 with:
    """Figure 8: the loss that each part of the error recovers, against width and against L0."""
    input:
        losses=losses_path(DARK_PLAN.reference),
        saes=[sae_path(sae, "sae.safetensors") for sae in DARK_PLAN.scaling],
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
        saes_by_l0=[sae_path(sae, "sae.safetensors") for sae in DARK_PLAN.of_reference_width],
        codes_by_l0=[codes_path(sae) for sae in DARK_PLAN.of_reference_width],
    pathvars:
        exhibit="dark_matter/fig8",


use rule tabulate_held_out as tabulate_dark_matter_fig9b with:
    """Figure 9b: the error of the reference SAE from SAE reconstructions of what feeds its site."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        maps=scores_path(DARK_PLAN.reference, file="maps.npz"),
        saes=[sae_path(sae, "sae.safetensors") for sae in DARK_PLAN.circuit.values()],
        codes=[codes_path(sae) for sae in DARK_PLAN.circuit.values()],
    pathvars:
        exhibit="dark_matter/fig9b",
    group:
        "long_tables"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (4000 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 120 * attempt,
        gpu=GPU,
    params:
        sources=list(DARK_PLAN.circuit),
        device=config["device"],


use rule tabulate_held_out as tabulate_dark_matter_fig13 with:
    """Figure 13: the error norm from the activation, and from simpler regressors, by layer."""
    input:
        activations=[activations_path(m) for m in sorted({sae.model for sae in DARK_PLAN.layers})],
        codes=[codes_path(sae) for sae in DARK_PLAN.layers],
        norms=[scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_PLAN.layers],
        scores=[scores_path(sae) for sae in DARK_PLAN.layers],
        draws=[draws_path(sae) for sae in DARK_PLAN.layers],
    pathvars:
        exhibit="dark_matter/fig13",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,


use rule tabulate_held_out as tabulate_dark_matter_fig14 with:
    """Figure 14: the norm probe of Sae(x) against the latents, for the widest SAE (Eq. 21, 22)."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        sae=sae_path(DARK_PLAN.scaling[-1], "sae.safetensors"),
        codes=codes_path(DARK_PLAN.scaling[-1]),
    output:
        table="<run>/tables/<exhibit>.csv",
    pathvars:
        exhibit="dark_matter/fig14",
    group:
        "long_tables"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (4000 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 60 * attempt,
        gpu=GPU,
    params:
        device=config["device"],


use rule tabulate_held_out as tabulate_dark_matter_fig15 with:
    """Figure 15 and table 1: the decomposition on x' = Sae(x) with noise of known size."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        sae=sae_path(DARK_PLAN.reference, "sae.safetensors"),
    output:
        table="<run>/tables/<exhibit>.csv",
        correlations="<run>/tables/dark_matter/table1.csv",
    pathvars:
        exhibit="dark_matter/fig15",
    group:
        "long_tables"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (4000 + 8 * int(input.size_mb)),
        runtime=lambda w, attempt: 120 * attempt,
        gpu=GPU,
    params:
        site=DARK["main"]["site"],
        options=DARK["fig15"],
        device=config["device"],


use rule tabulate_held_out as tabulate_dark_matter_fig16 with:
    """Figure 16: does the nonlinear error's norm help to predict a larger SAE's error norm (Eq. 23)?"""
    input:
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
        norms=[scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_PLAN.scaling],
    pathvars:
        exhibit="dark_matter/fig16",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,


use rule tabulate as tabulate_dark_matter_appendix_d with:
    """Appendix D: the test of figure 15 on a sparse power-law sum of random directions."""
    pathvars:
        exhibit="dark_matter/appendix_d",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        options=DARK["appendix_d"],
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate_dark_matter_appendix_d as tabulate_dark_matter_planted_truth with:
    """Appendix B's estimators on data whose decomposition is known, and their bias."""
    pathvars:
        exhibit="dark_matter/planted_truth",
    params:
        options=DARK["planted_truth"],
