# "Decomposing The Dark Matter of Sparse Autoencoders": the tables of its figures.

from workflow_scripts.anatomy.catalogue import family, nearest_l0, nearest_per_layer

DARK = config["dark_matter"]
DARK_FAMILY = [sae for sae in SAES.values() if sae.group in DARK["saes"]]
DARK_MAIN = family(DARK_FAMILY, [DARK["main"]])
DARK_SCALING = nearest_l0(DARK_MAIN, DARK["target_l0"])
DARK_LAYERS = nearest_per_layer(DARK_FAMILY, DARK["layer_target_l0"] or DARK["target_l0"])


rule tabulate_dark_matter_scaling:
    """Figures 1 and 9a: FVU against width, with and without pursuit, and the fits."""
    input:
        scores=[scores_path(sae) for sae in DARK_SCALING],
        pursuit_scores=[scores_path(sae, "pursuit") for sae in DARK_SCALING],
    output:
        table="<run>/tables/dark_matter/{row}.csv",
        fit="<run>/tables/dark_matter/{row}_fit.csv",
    log:
        "<run>/logs/tables/dark_matter/{row}.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/{row}.tsv"
    wildcard_constraints:
        row="fig1|fig9a",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("tabulate_dark_matter_scaling.py"),
    script:
        "../../workflow_scripts/tabulate_dark_matter_scaling.py"


rule tabulate_dark_matter_contours:
    """Figures 2, 10 and 11: the three predictions for every SAE of some sites."""
    input:
        scores=lambda w: [scores_path(s) for s in family(DARK_FAMILY, DARK["contours"][w.row])],
    output:
        table="<run>/tables/dark_matter/{row}.csv",
    log:
        "<run>/logs/tables/dark_matter/{row}.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/{row}.tsv"
    wildcard_constraints:
        row="fig2|fig10|fig11",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("select_columns.py"),
        columns={"norm_r2": "norm_r2_error"} | {c: c for c in ("error_r2", "fvu", "fvu_nonlinear")},
    script:
        "../../workflow_scripts/select_columns.py"


rule tabulate_dark_matter_fig3:
    """Figure 3: error norm R^2 of the SAE nearest the target L0 at every layer."""
    input:
        scores=[scores_path(sae) for sae in DARK_LAYERS],
    output:
        table="<run>/tables/dark_matter/fig3.csv",
    log:
        "<run>/logs/tables/dark_matter/fig3.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/fig3.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("select_columns.py"),
        columns={"norm_r2": "norm_r2_error"},
    script:
        "../../workflow_scripts/select_columns.py"


rule tabulate_dark_matter_fig4:
    """Figure 4: error norms of larger SAEs predicted from smaller ones (Eq. 13)."""
    input:
        codes=[codes_path(sae) for sae in DARK_SCALING],
    output:
        table="<run>/tables/dark_matter/fig4.csv",
    log:
        "<run>/logs/tables/dark_matter/fig4.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/fig4.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_of("tabulate_dark_matter_fig4.py"),
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig4.py"


rule tabulate_dark_matter_tokens:
    """Figures 5 and 12: error norms of consecutive tokens, whole, linear and nonlinear."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        tokenizer=f"{STORE}/{DARK['main']['model']}/tokenizer/tokenizer.json",
        codes=[codes_path(sae) for sae in DARK_SCALING],
        norms=[scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_SCALING],
    output:
        table="<run>/tables/dark_matter/{row}.csv",
    log:
        "<run>/logs/tables/dark_matter/{row}.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/{row}.tsv"
    wildcard_constraints:
        row="fig5|fig12",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_of("tabulate_dark_matter_tokens.py"),
        analysis=config["analysis"],
        seed=config["seed"],
        tokens_shown=DARK["tokens_shown"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_tokens.py"


rule tabulate_dark_matter_fig6:
    """Figure 6: the norm prediction test for five vectors, over all SAEs of the run."""
    input:
        scores=[scores_path(sae) for sae in SAES.values()],
    output:
        table="<run>/tables/dark_matter/fig6.csv",
    log:
        "<run>/logs/tables/dark_matter/fig6.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/fig6.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("tabulate_dark_matter_fig6.py"),
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig6.py"


rule tabulate_dark_matter_appendix_a1:
    """Appendix A.1: norms of reconstructions, and whether b* only undoes shrinkage."""
    input:
        scores=[scores_path(sae) for sae in SAES.values()],
    output:
        table="<run>/tables/dark_matter/appendix_a1.csv",
    log:
        "<run>/logs/tables/dark_matter/appendix_a1.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/appendix_a1.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("select_columns.py"),
        columns={"norm_ratio": "norm_ratio", "cosine": "cosine"},
    script:
        "../../workflow_scripts/select_columns.py"


rule tabulate_dark_matter_appendix_c1:
    """Appendix C.1: correlation of a linear predictor with the squared norm, in theory and in draws."""
    output:
        table="<run>/tables/dark_matter/appendix_c1.csv",
    log:
        "<run>/logs/tables/dark_matter/appendix_c1.log",
    benchmark:
        "<run>/benchmarks/tables/dark_matter/appendix_c1.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("tabulate_dark_matter_appendix_c1.py"),
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_appendix_c1.py"
