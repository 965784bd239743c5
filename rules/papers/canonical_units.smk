# "Sparse Autoencoders Do Not Find Canonical Units of Analysis": SAE stitching.

from workflow_scripts.papers.canonical_units.plan import COMPARED

CANON, CANON_PLAN = config["canonical_units"], PLANS["canonical_units"]


def stitching(exhibit):
    return CANON_PLAN.stitchings[exhibit]


def stitching_memory(exhibit, files):
    """Decoders, twice, and float64 sums for every group of contexts and latent, three times; in MB."""
    width = max(sae.width for sae in stitching(exhibit).saes)
    return 2500 + width // 100 + 2 * int(files.size_mb)


def comparison(exhibit):
    """The block of the configuration that a figure about architectures is of."""
    return CANON[COMPARED[exhibit][0]]


rule tabulate_canonical_units_fig4:
    """Figures 4 and 16: change in MSE when each latent is added alone (Eq. 5), and its ROC."""
    input:
        activations=lambda w: activations_path(stitching("fig4").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig4").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig4").saes],
    output:
        table="<run>/tables/canonical_units/fig4.csv",
        curve="<run>/tables/canonical_units/fig16.csv",
    log:
        "<run>/logs/tables/canonical_units/fig4.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig4", input),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig4.py"),
        site=lambda w: stitching("fig4").site,
        threshold=lambda w: stitching("fig4").threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig4.py"


use rule tabulate_canonical_units_fig4 as tabulate_canonical_units_fig21 with:
    """Figure 21: figure 4 for the second chain of SAEs."""
    input:
        activations=lambda w: activations_path(stitching("fig21").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig21").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig21").saes],
    output:
        table="<run>/tables/canonical_units/fig21.csv",
    log:
        "<run>/logs/tables/canonical_units/fig21.log",
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig21", input),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        site=lambda w: stitching("fig21").site,
        threshold=lambda w: stitching("fig21").threshold,


rule tabulate_canonical_units_fig5:
    """Figures 5 and 17: the path from the smallest SAE to the largest, and its swaps."""
    input:
        activations=lambda w: activations_path(stitching("fig5").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig5").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig5").saes],
    output:
        table="<run>/tables/canonical_units/fig5.csv",
        swaps="<run>/tables/canonical_units/fig17.csv",
    log:
        "<run>/logs/tables/canonical_units/fig5.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig5", input),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig5.py"),
        site=lambda w: stitching("fig5").site,
        threshold=lambda w: stitching("fig5").threshold,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig5.py"


use rule tabulate_canonical_units_fig5 as tabulate_canonical_units_fig22 with:
    """Figure 22: figure 5 for the second chain of SAEs."""
    input:
        activations=lambda w: activations_path(stitching("fig22").model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig22").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig22").saes],
    output:
        table="<run>/tables/canonical_units/fig22.csv",
    log:
        "<run>/logs/tables/canonical_units/fig22.log",
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig22", input),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        site=lambda w: stitching("fig22").site,
        threshold=lambda w: stitching("fig22").threshold,


rule tabulate_canonical_units_fig10:
    """Figure 10: maximum decoder cosines of the larger SAE's latents (Eq. 6)."""
    input:
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in stitching("fig10").saes],
        codes=lambda w: [codes_path(s) for s in stitching("fig10").saes],
    output:
        table="<run>/tables/canonical_units/fig10.csv",
    log:
        "<run>/logs/tables/canonical_units/fig10.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig10", input),
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
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig11", input),
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
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig14", input),
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
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig15", input),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig15.py"),
        threshold=lambda w: stitching("fig15").threshold,
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig15.py"


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
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig18", input),
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
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig20", input),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig20.py"),
        site=lambda w: stitching("fig20").site,
        analysis=config["analysis"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig20.py"


rule tabulate_canonical_units_table2:
    """Table 2: size, L0, MSE and cross-entropy loss recovered of every SAE of the run."""
    input:
        losses=[losses_path(sae) for sae in SAES.values()],
        saes=[sae_path(sae, "sae.safetensors") for sae in SAES.values()],
        codes=[codes_path(sae) for sae in SAES.values()],
    output:
        table="<run>/tables/canonical_units/table2.csv",
    log:
        "<run>/logs/tables/canonical_units/table2.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tabulate_canonical_units_table2.py"),
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_table2.py"


rule tabulate_canonical_units_fig7:
    """Figures 7 and 8: normalised MSE and increase in cross-entropy by architecture, dictionary size and k."""
    input:
        activations=lambda w: activations_path(comparison(w.row)["model"]),
        losses=lambda w: losses_path(CANON_PLAN.comparisons[w.row][0]),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in CANON_PLAN.comparisons[w.row]],
        codes=lambda w: [codes_path(s) for s in CANON_PLAN.comparisons[w.row]],
    output:
        table="<run>/tables/canonical_units/{row}.csv",
    log:
        "<run>/logs/tables/canonical_units/{row}.log",
    wildcard_constraints:
        row="fig7|fig8",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig7.py"),
        chosen=lambda w: comparison(w.row),
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig7.py"


rule tabulate_canonical_units_fig9:
    """Figure 9: distribution of active latents per token by architecture, BOS tokens apart."""
    input:
        activations=lambda w: activations_path(comparison("fig9")["model"]),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in CANON_PLAN.comparisons["fig9"]],
        codes=lambda w: [codes_path(s) for s in CANON_PLAN.comparisons["fig9"]],
    output:
        table="<run>/tables/canonical_units/fig9.csv",
    log:
        "<run>/logs/tables/canonical_units/fig9.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig9.py"),
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig9.py"


rule tabulate_canonical_units_fig2:
    """Figure 2: an SAE of atoms and an SAE of compositions, trained on coloured shapes."""
    output:
        table="<run>/tables/canonical_units/fig2.csv",
        latents="<run>/tables/canonical_units/fig2_latents.csv",
    log:
        "<run>/logs/tables/canonical_units/fig2.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1500 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig2.py"),
        toy=lambda w: config["canonical_units"]["toy"],
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig2.py"


rule tabulate_canonical_units_fig19:
    """Figure 19: share of reconstruction latents between seeds, and between sizes."""
    input:
        seeds=[sae_path(sae, "sae.safetensors") for sae in CANON_PLAN.seeds],
        seeds_codes=[codes_path(sae) for sae in CANON_PLAN.seeds],
        sizes=lambda w: [sae_path(sae, "sae.safetensors") for sae in stitching("fig19").saes],
        sizes_codes=lambda w: [codes_path(sae) for sae in stitching("fig19").saes],
    output:
        table="<run>/tables/canonical_units/fig19.csv",
    log:
        "<run>/logs/tables/canonical_units/fig19.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * stitching_memory("fig19", input),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tabulate_canonical_units_fig19.py"),
        threshold=lambda w: stitching("fig19").threshold,
    script:
        "../../workflow_scripts/tabulate_canonical_units_fig19.py"
