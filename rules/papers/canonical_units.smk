# "Sparse Autoencoders Do Not Find Canonical Units of Analysis": SAE stitching.


rule tabulate_canonical_units_fig4:
    """Figures 4 and 21: change in MSE when each latent of the larger SAE is added alone (Eq. 5)."""
    input:
        activations=lambda w: activations_path(stitching(w.row).model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching(w.row).saes],
        codes=lambda w: [codes_path(s) for s in stitching(w.row).saes],
    output:
        table="<run>/tables/canonical_units/{row}.csv",
    log:
        "<run>/logs/tables/canonical_units/{row}.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/{row}.tsv"
    wildcard_constraints:
        row="fig4|fig21",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory(w.row),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig4.py"),
        site=lambda w: stitching(w.row).site,
        threshold=lambda w: stitching(w.row).threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig4.py"


rule tabulate_canonical_units_fig5:
    """Figures 5 and 22: the path from the smallest SAE to the largest, insertion by insertion and swap by swap."""
    input:
        activations=lambda w: activations_path(stitching(w.row).model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching(w.row).saes],
        codes=lambda w: [codes_path(s) for s in stitching(w.row).saes],
    output:
        table="<run>/tables/canonical_units/{row}.csv",
    log:
        "<run>/logs/tables/canonical_units/{row}.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/{row}.tsv"
    wildcard_constraints:
        row="fig5|fig22",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory(w.row),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig5.py"),
        site=lambda w: stitching(w.row).site,
        threshold=lambda w: stitching(w.row).threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig5.py"


rule tabulate_canonical_units_fig10:
    """Figure 10: maximum decoder cosines of the larger SAE's latents (Eq. 6)."""
    input:
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig10").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig10").saes],
    output:
        table="<run>/tables/canonical_units/fig10.csv",
    log:
        "<run>/logs/tables/canonical_units/fig10.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig10.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig10"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig10.py"),
        threshold=lambda w: stitching("fig10").threshold,
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig10.py"


rule tabulate_canonical_units_fig11:
    """Figure 11: activation similarity against decoder similarity."""
    input:
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig11").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig11").saes],
    output:
        table="<run>/tables/canonical_units/fig11.csv",
    log:
        "<run>/logs/tables/canonical_units/fig11.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig11.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig11"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig11.py"),
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig11.py"


rule tabulate_canonical_units_fig14:
    """Figure 14: MSE where novel latents are active, and where not."""
    input:
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig14").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig14").saes],
    output:
        table="<run>/tables/canonical_units/fig14.csv",
    log:
        "<run>/logs/tables/canonical_units/fig14.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig14.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig14"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig14.py"),
        threshold=lambda w: stitching("fig14").threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig14.py"


rule tabulate_canonical_units_fig15:
    """Figure 15: connected components of similar latents."""
    input:
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig15").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig15").saes],
    output:
        table="<run>/tables/canonical_units/fig15.csv",
        edges="<run>/tables/canonical_units/fig15_edges.csv",
    log:
        "<run>/logs/tables/canonical_units/fig15.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig15.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig15"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig15.py"),
        threshold=lambda w: stitching("fig15").threshold,
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig15.py"


rule tabulate_canonical_units_fig16:
    """Figure 16: ROC of the cosine as a predictor of what adding a latent does."""
    input:
        activations=lambda w: activations_path(stitching("fig16").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig16").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig16").saes],
    output:
        table="<run>/tables/canonical_units/fig16.csv",
    log:
        "<run>/logs/tables/canonical_units/fig16.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig16.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig16"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig16.py"),
        site=lambda w: stitching("fig16").site,
        threshold=lambda w: stitching("fig16").threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig16.py"


rule tabulate_canonical_units_fig17:
    """Figure 17: effect of each swap on MSE and L0."""
    input:
        activations=lambda w: activations_path(stitching("fig17").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig17").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig17").saes],
    output:
        table="<run>/tables/canonical_units/fig17.csv",
    log:
        "<run>/logs/tables/canonical_units/fig17.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig17.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig17"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig17.py"),
        site=lambda w: stitching("fig17").site,
        threshold=lambda w: stitching("fig17").threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig17.py"


rule tabulate_canonical_units_fig18:
    """Figure 18: all novel latents added in random orders."""
    input:
        activations=lambda w: activations_path(stitching("fig18").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig18").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig18").saes],
    output:
        table="<run>/tables/canonical_units/fig18.csv",
    log:
        "<run>/logs/tables/canonical_units/fig18.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig18.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig18"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig18.py"),
        site=lambda w: stitching("fig18").site,
        threshold=lambda w: stitching("fig18").threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig18.py"


rule tabulate_canonical_units_fig20:
    """Figure 20: decoder biases of the SAEs of a site."""
    input:
        activations=lambda w: activations_path(stitching("fig20").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig20").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig20").saes],
    output:
        table="<run>/tables/canonical_units/fig20.csv",
    log:
        "<run>/logs/tables/canonical_units/fig20.log",
    benchmark:
        "<run>/benchmarks/tables/canonical_units/fig20.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: attempt * stitching_memory("fig20"),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig20.py"),
        site=lambda w: stitching("fig20").site,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig20.py"
