"""Dark matter, Appendix B.1, C.1 and C.2: why squared norms are predictable."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.measures import chosen, columns, largest_absolute, lowest
from workflow_scripts.anatomy.claims.rule import at_least, at_most, between
from workflow_scripts.papers.dark_matter.claims.paper import OURS
from workflow_scripts.papers.dark_matter.claims.slips import (
    frobenius_note,
    poisson_formula_note,
    poisson_note,
    printed_poisson_correlation,
)
from workflow_scripts.papers.dark_matter.measures.norm_theory import Z_95


def _poisson_at_one(tables: Tables) -> Measurement:
    row = chosen(tables["appendix_c1"], distribution="poisson", rate_profile="equal", rate=1)
    return Measurement.of((end[0] for end in columns(row, "rho_monte_carlo")), "draws")


def _formula_error(tables: Tables) -> Measurement:
    rows = chosen(tables["appendix_c1"], distribution="poisson", rate_profile="equal")
    value, low, high = columns(rows, "rho_monte_carlo")
    printed = printed_poisson_correlation(rows["rate"].to_numpy(float))
    return largest_absolute((printed - value, printed - high, printed - low), "draws")


def _lost_to_least_squares(tables: Tables) -> Measurement:
    table = tables["appendix_c1"]
    lost = (table["rho_best_linear"] - table["rho_closed_form"]).to_numpy(float)
    return Measurement(float(lost.max()))


def _latents(tables: Tables) -> pd.DataFrame:
    """Latents that fire, with the weight of each: its inverse error squared, that of its probe_dot.

    Of a latent that hardly fires the probe knows nothing; it must not count like the others.
    """
    table = tables["fig14"].dropna(subset=["average_activation", "probe_dot"])
    error = (table["probe_dot_hi"] - table["probe_dot_lo"]) / (2 * Z_95)
    table = table.assign(error=error)[error > 0]
    if len(table) < 3:
        raise NotTestable("fewer than three latents of table fig14 fire and have an error")
    return table.assign(weight=1 / table["error"] ** 2)


def _probe_correlation(tables: Tables) -> Measurement:
    """Weighted correlation; interval from its influence function, as of independent latents."""
    table = _latents(tables)
    share = (table["weight"] / table["weight"].sum()).to_numpy(float)
    scores = []
    for name in ("average_activation", "probe_dot"):
        value = table[name].to_numpy(float)
        centred = value - share @ value
        scores.append(centred / np.sqrt(share @ centred**2))
    u, v = scores
    rho = float(share @ (u * v))
    influence = u * v - rho * (u**2 + v**2) / 2
    margin = Z_95 * float(np.sqrt((share**2) @ influence**2))
    return Measurement(rho, rho - margin, rho + margin, "latents, as if independent")


def _probe_ratio(tables: Tables) -> Measurement:
    """Weighted least squares of the probe's dot products on the activations, through the origin.

    Errors of the dot products count as moving together; the spread of latents about the line is added
    in quadrature.
    """
    table = _latents(tables)
    dot, average, weight, error = (
        table[name].to_numpy(float)
        for name in ("probe_dot", "average_activation", "weight", "error")
    )
    share = weight * average / (weight @ average**2)
    ratio = float(share @ dot)
    spread = np.sqrt(share**2 @ (dot - ratio * average) ** 2)
    half = Z_95 * float(np.hypot(spread, np.abs(share) @ error))
    return Measurement(ratio, ratio - half, ratio + half, "documents and latents")


CLAIMS = [
    Claim(
        "bernoulli_norm_exact",
        "Appendix C.1",
        "For orthogonal features with scaled Bernoulli weights a probe gives the squared norm exactly.",
        "correlation 1",
        lowest(["appendix_c1"], "rho_closed_form", distribution="bernoulli"),
        at_least(1 - 1e-9),
        note=frobenius_note,
    ),
    Claim(
        "poisson_norm_at_one",
        "Appendix C.1",
        "For Poisson weights of rate 1 the probe has this correlation with the squared norm.",
        "0.73",
        Measure("rho_monte_carlo for equal Poisson rates of 1 (appendix_c1)", _poisson_at_one),
        between(0.725, 0.735),
        note=poisson_note,
    ),
    Claim(
        "poisson_norm_formula",
        "Appendix C.1",
        "The printed formula gives this correlation for all Poisson rates.",
        "a closed form",
        Measure(
            "largest absolute difference of the printed formula from rho_monte_carlo (appendix_c1)",
            _formula_error,
        ),
        at_most(0.01),
        note=poisson_formula_note,
    ),
    Claim(
        "probe_is_least_squares",
        "Appendix C.1",
        "Least squares gives the weights E(w^2) / E(w), so no linear probe correlates better.",
        "ordinary least squares",
        Measure("largest rho_best_linear - rho_closed_form (appendix_c1)", _lost_to_least_squares),
        at_most(1e-6),
        note="the proof uses one equation that least squares satisfies, which is not enough to solve it; "
        "with an intercept the weights are Cov(w, w^2) / Var(w)",
    ),
    Claim(
        "mean_weight_probe",
        "Appendix B.1",
        "Weighting each feature by its average weight gives a probe that predicts the squared norm.",
        "perfect for orthogonal features",
        lowest(["appendix_c1"], "rho_mean_weight", distribution="bernoulli"),
        at_least(0.99),
        note="B.1 weights by E(w), C.1 by E(w^2) / E(w); they agree where a weight is the average over "
        "the tokens on which its feature is active",
    ),
    Claim(
        "probe_tracks_activation",
        "Appendix B.1, C.2, Fig. 14",
        "The learned probe for the norm of Sae(x) weights latents by their average activation.",
        "approximately equal",
        Measure(
            "correlation of probe_dot with average_activation, latents weighted by precision (fig14)",
            _probe_correlation,
        ),
        at_least(0.5),
        note=f"{OURS}. Slip: Eq. 21 has the squared norm as target, the sentence above it the norm",
    ),
    Claim(
        "probe_equals_activation",
        "Appendix C.2, Fig. 14",
        "The probe's weight of a latent is about equal to its average activation.",
        "approximately equal",
        Measure(
            "ratio of probe_dot to average_activation, latents weighted by precision (fig14)",
            _probe_ratio,
        ),
        between(0.8, 1.25),
        note=OURS,
    ),
]
