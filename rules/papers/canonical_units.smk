# "Sparse Autoencoders Do Not Find Canonical Units of Analysis": the tables of its figures.

CANON, CANON_PLAN = config["canonical_units"], PLANS["canonical_units"]


include: "canonical_units_meta.smk"
include: "canonical_units_probing.smk"
include: "canonical_units_saes.smk"


# Paths of the SAEs that are stitched; as functions, since rules stay where a run lacks the exhibit.
stitched = lambda exhibit, path, *file: (
    lambda w: [path(sae, *file) for sae in CANON_PLAN.stitchings[exhibit].saes]
)


use rule tabulate as tabulate_stitched with:
    """What the figures of stitched SAEs have in common."""
    group:
        "long_tables"
    resources:
        mem_mb=lambda w, input, attempt: attempt * decoders_memory(input),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        seed=config["seed"],


use rule tabulate_stitched as tabulate_canonical_units_fig4 with:
    """Figures 4 and 16: change in MSE when each latent is added alone (Eq. 5), and its ROC."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig4"].model),
        saes=stitched("fig4", sae_path, "sae.safetensors"),
        codes=stitched("fig4", codes_path),
    output:
        table="<run>/tables/<exhibit>.csv",
        curve="<run>/tables/canonical_units/fig16.csv",
    pathvars:
        exhibit="canonical_units/fig4",
    params:
        site=lambda w: CANON_PLAN.stitchings["fig4"].site,
        threshold=lambda w: CANON_PLAN.stitchings["fig4"].threshold,
        analysis=ANALYSIS,
        curve=True,


use rule tabulate_canonical_units_fig4 as tabulate_canonical_units_fig21 with:
    """Figure 21: figure 4 for the second chain of SAEs."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig21"].model),
        saes=stitched("fig21", sae_path, "sae.safetensors"),
        codes=stitched("fig21", codes_path),
    output:
        table="<run>/tables/<exhibit>.csv",
    pathvars:
        exhibit="canonical_units/fig21",
    params:
        site=lambda w: CANON_PLAN.stitchings["fig21"].site,
        threshold=lambda w: CANON_PLAN.stitchings["fig21"].threshold,
        curve=False,


STITCHES = "workflow_scripts.papers.canonical_units.stitching.described"
INSERTED = [exhibit for exhibit in ("fig4", "fig21") if exhibit in CANON_PLAN.stitchings]
STITCHED += [f"{RUN}/latents/stitched/{exhibit}.csv" for exhibit in INSERTED]


rule describe_stitched_latents:
    """What stitching says of each latent: its counterparts, and what adding it alone changes."""
    input:
        insertions="<run>/tables/canonical_units/{inserted}.csv",
        saes=lambda w: [
            sae_path(sae, "sae.safetensors") for sae in CANON_PLAN.stitchings[w.inserted].saes
        ],
        codes=lambda w: [codes_path(sae) for sae in CANON_PLAN.stitchings[w.inserted].saes],
    output:
        table="<run>/latents/stitched/{inserted}.csv",
    log:
        "<run>/logs/latents/stitched/{inserted}.log",
    wildcard_constraints:
        inserted="|".join(INSERTED) or "(?!)",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * decoders_memory(input),
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("describe_stitched_latents.py", f"{STITCHES}:describe"),
        described_by=STITCHES,
        threshold=lambda w: CANON_PLAN.stitchings[w.inserted].threshold,
    script:
        "../../workflow_scripts/describe_stitched_latents.py"


use rule tabulate_stitched as tabulate_canonical_units_fig5 with:
    """Figures 5 and 17: the path from the smallest SAE to the largest, and its swaps."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig5"].model),
        saes=stitched("fig5", sae_path, "sae.safetensors"),
        codes=stitched("fig5", codes_path),
    output:
        table="<run>/tables/<exhibit>.csv",
        draws="<run>/tables/<exhibit>.draws.npz",
        swaps="<run>/tables/canonical_units/fig17.csv",
    pathvars:
        exhibit="canonical_units/fig5",
    params:
        site=lambda w: CANON_PLAN.stitchings["fig5"].site,
        threshold=lambda w: CANON_PLAN.stitchings["fig5"].threshold,
        analysis=ANALYSIS,
        swaps=True,


use rule tabulate_canonical_units_fig5 as tabulate_canonical_units_fig22 with:
    """Figure 22: figure 5 for the second chain of SAEs."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig22"].model),
        saes=stitched("fig22", sae_path, "sae.safetensors"),
        codes=stitched("fig22", codes_path),
    output:
        table="<run>/tables/<exhibit>.csv",
        draws="<run>/tables/<exhibit>.draws.npz",
    pathvars:
        exhibit="canonical_units/fig22",
    params:
        site=lambda w: CANON_PLAN.stitchings["fig22"].site,
        threshold=lambda w: CANON_PLAN.stitchings["fig22"].threshold,
        swaps=False,


use rule tabulate_stitched as tabulate_canonical_units_fig10 with:
    """Figure 10: maximum decoder cosines of the larger SAE's latents (Eq. 6)."""
    input:
        saes=stitched("fig10", sae_path, "sae.safetensors"),
        codes=stitched("fig10", codes_path),
    pathvars:
        exhibit="canonical_units/fig10",
    params:
        threshold=lambda w: CANON_PLAN.stitchings["fig10"].threshold,


use rule tabulate_stitched as tabulate_canonical_units_fig11 with:
    """Figure 11: activation similarity against decoder similarity."""
    input:
        saes=stitched("fig11", sae_path, "sae.safetensors"),
        codes=stitched("fig11", codes_path),
    pathvars:
        exhibit="canonical_units/fig11",
    params:
        analysis=ANALYSIS,


use rule tabulate_stitched as tabulate_canonical_units_fig14 with:
    """Figure 14: MSE where novel latents are active, and where not."""
    input:
        saes=stitched("fig14", sae_path, "sae.safetensors"),
        codes=stitched("fig14", codes_path),
    pathvars:
        exhibit="canonical_units/fig14",
    params:
        threshold=lambda w: CANON_PLAN.stitchings["fig14"].threshold,
        analysis=ANALYSIS,


use rule tabulate_stitched as tabulate_canonical_units_fig15 with:
    """Figure 15: connected components of similar latents."""
    input:
        saes=stitched("fig15", sae_path, "sae.safetensors"),
        codes=stitched("fig15", codes_path),
    output:
        table="<run>/tables/<exhibit>.csv",
        edges="<run>/tables/<exhibit>_edges.csv",
    pathvars:
        exhibit="canonical_units/fig15",
    params:
        threshold=lambda w: CANON_PLAN.stitchings["fig15"].threshold,


use rule tabulate_stitched as tabulate_canonical_units_fig18 with:
    """Figure 18: all novel latents added in random orders."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig18"].model),
        saes=stitched("fig18", sae_path, "sae.safetensors"),
        codes=stitched("fig18", codes_path),
    pathvars:
        exhibit="canonical_units/fig18",
    params:
        site=lambda w: CANON_PLAN.stitchings["fig18"].site,
        threshold=lambda w: CANON_PLAN.stitchings["fig18"].threshold,
        analysis=ANALYSIS,


use rule tabulate_stitched as tabulate_canonical_units_fig20 with:
    """Figure 20: decoder biases of the SAEs of a site."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig20"].model),
        saes=stitched("fig20", sae_path, "sae.safetensors"),
        codes=stitched("fig20", codes_path),
    pathvars:
        exhibit="canonical_units/fig20",
    params:
        site=lambda w: CANON_PLAN.stitchings["fig20"].site,
        analysis=ANALYSIS,


use rule tabulate as tabulate_canonical_units_fig19 with:
    """Figure 19: share of reconstruction latents between seeds, and between sizes."""
    input:
        seeds=[sae_path(sae, "sae.safetensors") for sae in CANON_PLAN.seeds],
        seeds_codes=[codes_path(sae) for sae in CANON_PLAN.seeds],
        sizes=stitched("fig19", sae_path, "sae.safetensors"),
        sizes_codes=stitched("fig19", codes_path),
    pathvars:
        exhibit="canonical_units/fig19",
    resources:
        mem_mb=lambda w, input, attempt: attempt * decoders_memory(input),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        threshold=lambda w: CANON_PLAN.stitchings["fig19"].threshold,


use rule tabulate as tabulate_canonical_units_fig2 with:
    """Figure 2: an SAE of atoms and an SAE of compositions, trained on coloured shapes."""
    output:
        table="<run>/tables/<exhibit>.csv",
        latents="<run>/tables/<exhibit>_latents.csv",
    pathvars:
        exhibit="canonical_units/fig2",
    resources:
        mem_mb=lambda w, attempt: 1500 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        toy=CANON["toy"],


include: "canonical_units_dashboards.smk"
include: "canonical_units_explanations.smk"
