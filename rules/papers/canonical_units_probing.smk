# Appendix A.9 of the canonical-units paper: sparse probing and targeted probe perturbation.

PROBINGS = [probing_path(sae, name) for sae, name in CANON_PLAN.probed]
DENSE_PROBES = sorted({dense_path(sae, name) for sae, name in CANON_PLAN.probed})


use rule tabulate as tabulate_canonical_units_fig24 with:
    """Figure 24: accuracy of the probe on the fewest latents, by dictionary size."""
    input:
        dense=DENSE_PROBES,
        sparse=PROBINGS,
    pathvars:
        exhibit="canonical_units/fig24",
    params:
        k=min(config["probing"]["k_latents"]),
        fewest=min(config["probing"]["k_latents"]),
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate_canonical_units_fig24 as tabulate_canonical_units_fig25 with:
    """Figure 25: accuracy of the probe on the most latents, by dictionary size."""
    pathvars:
        exhibit="canonical_units/fig25",
    params:
        k=max(config["probing"]["k_latents"]),


use rule tabulate as tabulate_canonical_units_fig26 with:
    """Figure 26: targeted probe perturbation (Eq. 12) by dictionary size."""
    input:
        sparse=PROBINGS,
    pathvars:
        exhibit="canonical_units/fig26",
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],
