"""Canonical units, Appendix A.7, Fig. 17: what single swaps do."""

import numpy as np

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import (
    PAIR,
    mean_of,
    negated,
    share_below_zero,
    trend_of_means,
)
from workflow_scripts.anatomy.claims.measures import beside, columns
from workflow_scripts.anatomy.claims.rule import at_least, more_than, negative
from workflow_scripts.papers.canonical_units.claims.paper import OURS
from workflow_scripts.papers.canonical_units.claims.slips import contradiction_note

BOTH = "documents and swaps"
SPARSER = "Slip: Section 4.2 says lower sparsity for a lower L0"


def _swaps(column: str, below: bool) -> Measure:
    """Share of swaps that lower or that raise something, all pairs of SAEs together."""

    def measure(tables: Tables) -> Measurement:
        parts = columns(tables["fig17"], column)
        return share_below_zero(parts if below else negated(parts), BOTH)

    return Measure(
        f"share of swaps with {column} {'below' if below else 'above'} 0 (fig17)", measure
    )


def _mean_swap(column: str) -> Measure:
    def measure(tables: Tables) -> Measurement:
        return mean_of(columns(tables["fig17"], column), BOTH)

    return Measure(f"mean {column} of a swap (fig17)", measure)


def _swap_trend(column: str) -> Measure:
    """Change of the mean size of a swap's effect with each doubling of the larger SAE."""

    def measure(tables: Tables) -> Measurement:
        pairs = list(tables["fig17"].groupby(PAIR, sort=False))
        effects = [rows[column].abs() for _, rows in pairs]
        octaves = [np.log2(rows["width_large"].iloc[0]) for _, rows in pairs]
        return trend_of_means(effects, octaves, "swaps, as if independent")

    words = (
        f"relative change of a swap's mean absolute {column} per doubling of width_large (fig17)"
    )
    return Measure(words, measure)


def _number_of_swaps(tables: Tables) -> Measurement:
    counts = tables["fig17"].groupby("width_large").size()
    if len(counts) < 2:
        raise NotTestable("table fig17 has one pair of SAEs")
    return Measurement(float(np.min(counts.to_numpy()[1:] / counts.to_numpy()[:-1])))


CLAIMS = [
    Claim(
        "swaps_generally_raise_mse",
        "Appendix A.7, Fig. 17",
        "Most swaps raise the MSE.",
        "generally increases the MSE",
        beside(_swaps("delta_mse", below=False), _mean_swap("delta_mse")),
        more_than(0.5),
        note=contradiction_note,
    ),
    Claim(
        "swaps_almost_always_lower_l0",
        "Appendix A.7, Fig. 17",
        "Nearly all swaps lower the L0.",
        "almost always decreases L0",
        beside(_swaps("delta_l0", below=True), _mean_swap("delta_l0")),
        at_least(0.9),
        note=f"{OURS}. {SPARSER}",
    ),
    *(
        Claim(
            f"swap_effect_on_{name}_shrinks",
            "Appendix A.7, Fig. 17",
            f"In per cent a swap changes the {name.upper()} less, the larger the SAEs.",
            "smaller for larger models",
            _swap_trend(f"delta_{name}_percent"),
            negative(),
        )
        for name in ("mse", "l0")
    ),
    Claim(
        "larger_saes_have_more_swaps",
        "Appendix A.7, Fig. 17",
        "That is because the way to a larger SAE takes more swaps.",
        "more swaps",
        Measure(
            "smallest ratio of the number of swaps of a width_large to that of the next smaller one (fig17)",
            _number_of_swaps,
        ),
        more_than(1),
    ),
]
