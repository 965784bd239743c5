# "Decomposing The Dark Matter of Sparse Autoencoders": the tables of its figures.

from workflow_scripts.anatomy.setup.catalogue import at_sites

DARK, DARK_PLAN = config["dark_matter"], PLANS["dark_matter"]
ERROR_SAES = {
    f"{RUN}/error_saes/{component}-s{seed}": component
    for component in ("linear_error", "nonlinear_error")
    for seed in (DARK["error_saes"] or {"seeds": []})["seeds"]
}
PAPER_STORES += [f"{path}/codes.zarr/manifest.json" for path in ERROR_SAES]
if "fig1" in EXHIBITS["dark_matter"]:
    PAPER_STORES += [codes_path(sae, "pursuit") for sae in DARK_PLAN.scaling]


def error_sae_block(component, seed):
    """The SAE of section 5.2 as `train_sae` wants it."""
    block = DARK["error_saes"]
    return {
        "name": f"{component}-s{seed}",
        "group": "error_saes",
        "kind": "trained",
        "model": DARK["main"]["model"],
        "site": DARK["main"]["site"],
        "architecture": "topk",
        "width": block["width"],
        "nominal_l0": block["k"],
        "seed": seed,
        "k": block["k"],
        "training": block["training"],
        "harvest": block["harvest"],
    }


def error_sae_activations(w):
    return f"{STORE}/{DARK['main']['model']}/{DARK['error_saes']['harvest']}.zarr/manifest.json"


rule tabulate_dark_matter_scaling:
    """Figures 1 and 9a: FVU against width, with and without pursuit, and the fits."""
    input:
        scores=[scores_path(sae) for sae in DARK_PLAN.scaling],
        pursuit_scores=[scores_path(sae, "pursuit") for sae in DARK_PLAN.scaling],
    output:
        table="<run>/tables/dark_matter/{row}.csv",
        fit="<run>/tables/dark_matter/{row}_fit.csv",
    log:
        "<run>/logs/tables/dark_matter/{row}.log",
    wildcard_constraints:
        row="fig1|fig9a",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("tabulate_dark_matter_scaling.py"),
    script:
        "../../workflow_scripts/tabulate_dark_matter_scaling.py"


use rule tabulate as tabulate_dark_matter_contours with:
    """Figures 2, 10 and 11: the three predictions for every SAE of some sites."""
    input:
        scores=lambda w: [
            scores_path(sae) for sae in at_sites(DARK_PLAN.family, DARK["contours"][w.contour])
        ],
    output:
        table="<run>/tables/dark_matter/{contour}.csv",
    log:
        "<run>/logs/tables/dark_matter/{contour}.log",
    wildcard_constraints:
        contour="fig2|fig10|fig11",


use rule tabulate as tabulate_dark_matter_fig3 with:
    """Figure 3: error norm R^2 of the SAE nearest the target L0 at every layer."""
    input:
        scores=[scores_path(sae) for sae in DARK_PLAN.layers],
    pathvars:
        exhibit="dark_matter/fig3",


use rule tabulate as tabulate_dark_matter_fig4 with:
    """Figure 4: error norms of larger SAEs predicted from smaller ones (Eq. 13)."""
    input:
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
    pathvars:
        exhibit="dark_matter/fig4",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        analysis=config["analysis"],
        seed=config["seed"],


rule tabulate_dark_matter_tokens:
    """Figures 5 and 12: error norms of consecutive tokens, whole, linear and nonlinear."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        tokenizer=f"{STORE}/{DARK['main']['model']}/tokenizer/tokenizer.json",
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
        norms=[scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_PLAN.scaling],
    output:
        table="<run>/tables/dark_matter/{row}.csv",
    log:
        "<run>/logs/tables/dark_matter/{row}.log",
    wildcard_constraints:
        row="fig5|fig12",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
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
        scores=[scores_path(sae) for sae in DARK_PLAN.judged],
    output:
        table="<run>/tables/dark_matter/fig6.csv",
    log:
        "<run>/logs/tables/dark_matter/fig6.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("tabulate_dark_matter_fig6.py"),
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig6.py"


use rule tabulate as tabulate_dark_matter_appendix_a1 with:
    """Appendix A.1: norms of reconstructions, and whether b* only undoes shrinkage."""
    input:
        scores=[scores_path(sae) for sae in DARK_PLAN.judged],
    pathvars:
        exhibit="dark_matter/appendix_a1",


rule tabulate_dark_matter_appendix_c1:
    """Appendix C.1: correlation of a linear predictor with the squared norm, in theory and in draws."""
    output:
        table="<run>/tables/dark_matter/appendix_c1.csv",
    log:
        "<run>/logs/tables/dark_matter/appendix_c1.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("tabulate_dark_matter_appendix_c1.py"),
        options=DARK["appendix_c1"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_appendix_c1.py"


rule tabulate_dark_matter_sec5_2:
    """Section 5.2: training curves and final FVU of the SAEs trained on either part of the error."""
    input:
        curves=[f"{path}/training_curve.csv" for path in ERROR_SAES],
        saes=[f"{path}/sae.safetensors" for path in ERROR_SAES],
        codes=[f"{path}/codes.zarr/manifest.json" for path in ERROR_SAES],
    output:
        table="<run>/tables/dark_matter/sec5_2.csv",
        final="<run>/tables/dark_matter/sec5_2_final.csv",
    log:
        "<run>/logs/tables/dark_matter/sec5_2.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("tabulate_dark_matter_sec5_2.py"),
        components=list(ERROR_SAES.values()),
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_sec5_2.py"


rule tabulate_dark_matter_fig7:
    """Figure 7: detection accuracy by activation decile, for both parts of the error."""
    input:
        scores=[f"{path}/interpretability.csv" for path in ERROR_SAES],
    output:
        table="<run>/tables/dark_matter/fig7.csv",
    log:
        "<run>/logs/tables/dark_matter/fig7.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("tabulate_dark_matter_fig7.py"),
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig7.py"


rule tabulate_dark_matter_fig8:
    """Figure 8: the loss that each part of the error recovers, against width and against L0."""
    input:
        losses=losses_path(DARK_PLAN.reference),
        saes=[sae_path(sae, "sae.safetensors") for sae in DARK_PLAN.scaling],
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
        saes_by_l0=[sae_path(sae, "sae.safetensors") for sae in DARK_PLAN.of_reference_width],
        codes_by_l0=[codes_path(sae) for sae in DARK_PLAN.of_reference_width],
    output:
        table="<run>/tables/dark_matter/fig8.csv",
    log:
        "<run>/logs/tables/dark_matter/fig8.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("tabulate_dark_matter_fig8.py"),
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig8.py"


rule tabulate_dark_matter_fig9b:
    """Figure 9b: the error of the reference SAE from SAE reconstructions of what feeds its site."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        maps=scores_path(DARK_PLAN.reference, file="maps.npz"),
        saes=[sae_path(sae, "sae.safetensors") for sae in DARK_PLAN.circuit.values()],
        codes=[codes_path(sae) for sae in DARK_PLAN.circuit.values()],
    output:
        table="<run>/tables/dark_matter/fig9b.csv",
    log:
        "<run>/logs/tables/dark_matter/fig9b.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (4000 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 120 * attempt,
        gpu=GPU,
    params:
        code=code_of("tabulate_dark_matter_fig9b.py"),
        sources=list(DARK_PLAN.circuit),
        analysis=config["analysis"],
        seed=config["seed"],
        device=config["device"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig9b.py"


rule tabulate_dark_matter_fig13:
    """Figure 13: the error norm from the activation, and from simpler regressors, by layer."""
    input:
        activations=[activations_path(m) for m in sorted({sae.model for sae in DARK_PLAN.layers})],
        codes=[codes_path(sae) for sae in DARK_PLAN.layers],
        norms=[scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_PLAN.layers],
        scores=[scores_path(sae) for sae in DARK_PLAN.layers],
    output:
        table="<run>/tables/dark_matter/fig13.csv",
    log:
        "<run>/logs/tables/dark_matter/fig13.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tabulate_dark_matter_fig13.py"),
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig13.py"


rule tabulate_dark_matter_fig14:
    """Figure 14: the norm probe of Sae(x) against the latents, for the widest SAE (Eq. 21, 22)."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        sae=sae_path(DARK_PLAN.scaling[-1], "sae.safetensors"),
        codes=codes_path(DARK_PLAN.scaling[-1]),
    output:
        table="<run>/tables/dark_matter/fig14.csv",
    log:
        "<run>/logs/tables/dark_matter/fig14.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (4000 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 60 * attempt,
        gpu=GPU,
    params:
        code=code_of("tabulate_dark_matter_fig14.py"),
        site=DARK["main"]["site"],
        analysis=config["analysis"],
        seed=config["seed"],
        device=config["device"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig14.py"


rule tabulate_dark_matter_fig15:
    """Figure 15 and table 1: the decomposition on x' = Sae(x) with noise of known size."""
    input:
        activations=activations_path(DARK["main"]["model"]),
        sae=sae_path(DARK_PLAN.reference, "sae.safetensors"),
    output:
        table="<run>/tables/dark_matter/fig15.csv",
        correlations="<run>/tables/dark_matter/table1.csv",
    log:
        "<run>/logs/tables/dark_matter/fig15.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (4000 + 8 * int(input.size_mb)),
        runtime=lambda w, attempt: 120 * attempt,
        gpu=GPU,
    params:
        code=code_of("tabulate_dark_matter_fig15.py"),
        site=DARK["main"]["site"],
        options=DARK["fig15"],
        analysis=config["analysis"],
        seed=config["seed"],
        device=config["device"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig15.py"


rule tabulate_dark_matter_fig16:
    """Figure 16: does the nonlinear error's norm help to predict a larger SAE's error norm (Eq. 23)?"""
    input:
        codes=[codes_path(sae) for sae in DARK_PLAN.scaling],
        norms=[scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_PLAN.scaling],
    output:
        table="<run>/tables/dark_matter/fig16.csv",
    log:
        "<run>/logs/tables/dark_matter/fig16.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("tabulate_dark_matter_fig16.py"),
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_fig16.py"


rule tabulate_dark_matter_appendix_d:
    """Appendix D: the test of figure 15 on a sparse power-law sum of random directions."""
    output:
        table="<run>/tables/dark_matter/appendix_d.csv",
    log:
        "<run>/logs/tables/dark_matter/appendix_d.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tabulate_dark_matter_appendix_d.py"),
        options=DARK["appendix_d"],
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_appendix_d.py"


rule tabulate_dark_matter_planted_truth:
    """Appendix B's estimators on data whose decomposition is known, and their bias."""
    output:
        table="<run>/tables/dark_matter/planted_truth.csv",
    log:
        "<run>/logs/tables/dark_matter/planted_truth.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tabulate_dark_matter_planted_truth.py"),
        options=DARK["planted_truth"],
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_dark_matter_planted_truth.py"


rule train_error_sae:
    """Train an SAE on the linear or the nonlinear error of the reference SAE (section 5.2)."""
    input:
        training=error_sae_activations,
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
        sae=lambda w: error_sae_block(w.component, int(w.seed)),
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
