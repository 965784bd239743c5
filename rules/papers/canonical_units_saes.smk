# Canonical units: the tables about SAEs as they are, each by itself and by architecture.

from workflow_scripts.anatomy.setup.catalogue import trained_alike
from workflow_scripts.papers.canonical_units.plan import COMPARED


use rule tabulate_drawn as tabulate_canonical_units_table2 with:
    """Table 2: size, L0, MSE and cross-entropy loss recovered of every SAE of the run."""
    input:
        losses=[losses_path(sae) for sae in SAES.values()],
        saes=[sae_path(sae, "sae.safetensors") for sae in SAES.values()],
        codes=[codes_path(sae) for sae in SAES.values()],
    pathvars:
        exhibit="canonical_units/table2",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        trained_as=trained_alike(list(SAES.values())),
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate as tabulate_canonical_units_fig7 with:
    """Figures 7 and 8: normalised MSE and increase in cross-entropy by architecture, dictionary size and k."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.comparisons[w.exhibit][0].model),
        losses=lambda w: losses_path(CANON_PLAN.comparisons[w.exhibit][0]),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in CANON_PLAN.comparisons[w.exhibit]],
        codes=lambda w: [codes_path(s) for s in CANON_PLAN.comparisons[w.exhibit]],
    output:
        table="<run>/tables/canonical_units/{exhibit}.csv",
        draws="<run>/tables/canonical_units/{exhibit}.draws.npz",
    log:
        "<run>/logs/tables/canonical_units/{exhibit}.log",
    wildcard_constraints:
        exhibit="fig7|fig8",
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        chosen=lambda w: CANON[COMPARED[w.exhibit][0]],
        nominal_l0=lambda w: [s.nominal_l0 for s in CANON_PLAN.comparisons[w.exhibit]],
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate as tabulate_canonical_units_fig9 with:
    """Figure 9: distribution of active latents per token by architecture, BOS tokens apart."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.comparisons["fig9"][0].model),
        saes=lambda w: [sae_path(s, "sae.safetensors") for s in CANON_PLAN.comparisons["fig9"]],
        codes=lambda w: [codes_path(s) for s in CANON_PLAN.comparisons["fig9"]],
    pathvars:
        exhibit="canonical_units/fig9",
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
