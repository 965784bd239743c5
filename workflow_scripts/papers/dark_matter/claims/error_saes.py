"""Dark matter, Section 5.2: SAEs trained on linear and on nonlinear error."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import contrast
from workflow_scripts.anatomy.claims.counts import mean_over
from workflow_scripts.anatomy.claims.measures import (
    columns,
)
from workflow_scripts.anatomy.claims.rule import at_most, between, positive
from workflow_scripts.papers.dark_matter.claims.paper import LINEAR, MAIN_MODEL, NONLINEAR, OURS

DECILES = [f"Q{decile}" for decile in range(1, 11)]


def _reached(tables: Tables) -> pd.DataFrame:
    """Held-out FVU of the trained SAEs, a column for each component, a row for each seed."""
    wide = tables["sec5_2_final"].pivot(index="seed", columns="component", values="fvu_held_out")
    if not {LINEAR, NONLINEAR} <= set(wide) or wide[[LINEAR, NONLINEAR]].isna().any(axis=None):
        raise NotTestable("table sec5_2_final lacks one of the components for a seed")
    return wide


def _final_gap(tables: Tables) -> Measurement:
    wide = _reached(tables)
    return mean_over(wide[NONLINEAR] - wide[LINEAR], "seeds")


def _final(component: str) -> Measure:
    def measure(tables: Tables) -> Measurement:
        return mean_over(_reached(tables)[component], "seeds")

    return Measure(f"fvu_held_out of {component}, mean over seeds (sec5_2_final)", measure)


FINAL_GAP = Measure(
    "fvu_held_out of nonlinear_error minus linear_error, mean over seeds (sec5_2_final)", _final_gap
)


def _still_moving(tables: Tables) -> Measurement:
    """Largest relative change of mean FVU from the last but one to the last tenth of a training."""
    changes = []
    for _, part in tables["sec5_2"].groupby(["component", "seed"]):
        share = part["tokens"] / part["tokens"].max()
        last, earlier = part[share > 0.9], part[(share > 0.8) & (share <= 0.9)]
        if earlier.empty:
            raise NotTestable("table sec5_2 has too few steps to see whether a training converged")
        changes.append(abs(last["fvu"].mean() / earlier["fvu"].mean() - 1))
    return Measurement(float(np.max(changes)))


def _decile_gaps(tables: Tables) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accuracy on linear minus nonlinear error, by decile, with intervals, each (10,)."""
    table = tables["fig7"].set_index("quantile")
    sides = []
    for component in (LINEAR, NONLINEAR):
        part = table[table["component"] == component].reindex(DECILES)
        sides.append(columns(part, "accuracy"))
    gaps = [
        contrast([1, -1], *([side[part][at] for side in sides] for part in range(3)))
        for at in range(len(DECILES))
    ]
    return tuple(np.array(gaps).T)


def _least_decile_gap(tables: Tables) -> Measurement:
    return Measurement.of((np.min(end) for end in _decile_gaps(tables)), "latents")


def _mean_decile_gap(tables: Tables) -> Measurement:
    # The same latents are in all deciles, so the error of the mean is the mean of the errors.
    return Measurement.of((np.mean(end) for end in _decile_gaps(tables)), "latents")


CLAIMS = [
    Claim(
        "nonlinear_sae_converges_higher",
        "Section 5.2",
        "An SAE trained on nonlinear error ends at a higher FVU than one trained on linear error.",
        "higher for nonlinear error",
        FINAL_GAP,
        positive(),
    ),
    Claim(
        "nonlinear_sae_higher_by",
        "Section 5.2",
        "It ends higher by this much.",
        "0.05",
        FINAL_GAP,
        between(0.04, 0.06),
        MAIN_MODEL,
    ),
    Claim(
        "nonlinear_sae_fvu",
        "Section 5.2",
        "The SAE on nonlinear error converges to this FVU.",
        "about 0.59",
        _final(NONLINEAR),
        between(0.57, 0.61),
        MAIN_MODEL,
    ),
    Claim(
        "linear_sae_fvu",
        "Section 5.2",
        "The SAE on linear error converges to this FVU.",
        "about 0.54",
        _final(LINEAR),
        between(0.52, 0.56),
        MAIN_MODEL,
    ),
    Claim(
        "error_saes_converged",
        "Section 5.2",
        "The SAEs on error components are trained until they converge.",
        "converged after about 100M tokens",
        Measure(
            "largest relative change of mean fvu between the last two tenths of a training (sec5_2)",
            _still_moving,
        ),
        at_most(0.02),
        note=OURS,
    ),
    Claim(
        "linear_latents_more_interpretable",
        "Section 5.2, Fig. 7",
        "Latents of the SAE on linear error are easier to interpret, on average over deciles.",
        "more interpretable",
        Measure(
            "mean accuracy over deciles of linear minus nonlinear error (fig7)", _mean_decile_gap
        ),
        positive(),
    ),
    Claim(
        "linear_latents_more_interpretable_by",
        "Section 5.2, Fig. 7",
        "They are easier to interpret by this much.",
        "about 0.05",
        Measure(
            "mean accuracy over deciles of linear minus nonlinear error (fig7)", _mean_decile_gap
        ),
        between(0.03, 0.07),
        MAIN_MODEL,
    ),
    Claim(
        "linear_latents_every_decile",
        "Section 5.2, Fig. 7",
        "They are easier to interpret in every activation decile.",
        "across all deciles",
        Measure(
            "least accuracy of linear minus nonlinear error of any decile (fig7)", _least_decile_gap
        ),
        positive(),
    ),
]
