"""Canonical units, Section 4.2, Fig. 5, 17 and 22: from a smaller SAE to a larger one."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import contrast
from workflow_scripts.anatomy.claims.counts import (
    PAIR,
    mean_of,
    negated,
    share_below_zero,
    trend_of_means,
)
from workflow_scripts.anatomy.claims.measures import beside, columns, largest_absolute
from workflow_scripts.anatomy.claims.rule import (
    at_least,
    at_most,
    more_than,
    negative,
    positive,
)
from workflow_scripts.papers.canonical_units.claims.paper import OURS
from workflow_scripts.papers.canonical_units.claims.slips import swaps_note

BOTH = "contexts and swaps"
PHASES = {"insert": "adding the novel latents", "swap": "swapping all components"}


def _transitions(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each pair of SAEs in the order of the path, with the widths in words."""
    for _, rows in table.groupby(PAIR, sort=False):
        rows = rows.sort_values("step")
        first = rows.iloc[0]
        yield f"{first['width_small']:g} to {first['width_large']:g}", rows


def _phase_changes(tables: Tables, name: str, column: str, phase: str) -> dict[str, NDArray]:
    """Weights of the rows of a path that make the relative change over a phase, by pair of SAEs.

    Raises
    ------
    NotTestable: the path has no such phase.
    """
    table = tables[name]
    found = {}
    for words, rows in _transitions(table):
        steps = rows.index[(rows["phase"] == phase) & (rows["step"] > rows["step"].min())]
        if steps.empty:
            continue
        before = rows.index[rows.index.get_loc(steps[0]) - 1]
        weights = np.zeros(len(table))
        weights[steps[-1]] += 1 / table.loc[before, column]
        weights[before] -= 1 / table.loc[before, column]
        found[words] = weights
    if not found:
        raise NotTestable(f"the path of {name} has no step of kind {phase}")
    return found


def _phase_change(name: str, column: str, phase: str) -> Measure:
    """Relative change of a column over a phase of the path, mean over pairs of SAEs."""

    def measure(tables: Tables) -> Measurement:
        changes = _phase_changes(tables, name, column, phase)
        parts = columns(tables[name], column)
        found = contrast(sum(changes.values()) / len(changes), *parts)
        single = ", ".join(f"{words}: {each @ parts[0]:.3g}" for words, each in changes.items())
        return Measurement(*found, "contexts", single)

    words = f"relative change of {column} by {PHASES[phase]}, mean over pairs of SAEs ({name})"
    return Measure(words, measure)


def _largest_swap_phase(tables: Tables) -> Measurement:
    changes = _phase_changes(tables, "fig5", "mse", "swap").values()
    found = [contrast(each, *columns(tables["fig5"], "mse")) for each in changes]
    value, low, high = np.array(found).T
    return largest_absolute((value, low, high), "contexts")


def _detour(name: str) -> Measure:
    """The highest MSE on the way, relative to the worse of the two SAEs, at the worst transition."""

    def measure(tables: Tables) -> Measurement:
        table = tables[name]
        mse, found = table["mse"], []
        for _, rows in _transitions(table):
            first, last = rows.index[[0, -1]]
            worse = first if mse[first] >= mse[last] else last
            weights = np.zeros(len(table))
            weights[rows["mse"].idxmax()] += 1 / mse[worse]
            weights[worse] -= 1 / mse[worse]
            found.append(contrast(weights, *columns(table, "mse")))
        return Measurement.of((np.max(end) for end in zip(*found, strict=True)), "contexts")

    words = "highest mse of a path over that of the worse SAE at its ends, minus 1, worst pair"
    return Measure(f"{words} ({name})", measure)


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
    return Measurement(float(counts.iloc[-1] / counts.iloc[0]))


ENDS = (
    "the paper does not say what becomes of smaller latents without counterpart; here they go out in a "
    "third phase, which no claim is about"
)
SPARSER = "Slip: Section 4.2 says lower sparsity for a lower L0"


def _contradiction() -> str:
    return (
        "the paper contradicts itself: by Section 4.2 and Fig. 5 swaps lower the MSE on average, by the "
        f"caption of Fig. 17 they generally raise it; {swaps_note()}"
    )


# What a phase does to a column: name of the claim, statement, the paper's direction, rule.
PHASE_CLAIMS = (
    (
        ("l0", "insert"),
        "insertions_raise_l0",
        "adding the novel latents raises the average L0",
        "increases L0",
        positive(),
    ),
    (
        ("mse", "insert"),
        "insertions_lower_mse",
        "adding the novel latents lowers the MSE on average",
        "improves reconstruction on average",
        negative(),
    ),
    (
        ("l0", "swap"),
        "swaps_lower_l0",
        "swapping groups of reconstruction latents lowers the L0 on average",
        "decreases L0 on average",
        negative(),
    ),
    (
        ("mse", "swap"),
        "swaps_lower_mse",
        "swapping groups of reconstruction latents lowers the MSE on average",
        "improves reconstruction on average",
        negative(),
    ),
)


def _phase_claims(name: str, prefix: str, where: str, words: str) -> list[Claim]:
    return [
        Claim(
            f"{prefix}{claim}",
            where,
            f"{words}, {statement}.",
            direction,
            _phase_change(name, *change),
            rule,
            note=_contradiction if change == ("mse", "swap") else ENDS,
        )
        for change, claim, statement, direction, rule in PHASE_CLAIMS
    ]


CLAIMS = [
    *_phase_claims("fig5", "", "Section 4.2, Fig. 5", "On the path from the smallest SAE"),
    Claim(
        "swaps_keep_what_is_represented",
        "Section 4.2",
        "Reconstruction latents largely rebuild what the latents did that they replace.",
        "largely the same features",
        Measure(
            "largest absolute relative change of mse by swapping all components, of any pair of SAEs "
            "(fig5)",
            _largest_swap_phase,
        ),
        at_most(0.1),
        note=f"judged by the MSE: {OURS}",
    ),
    Claim(
        "path_interpolates",
        "Section 4.2, Fig. 5",
        "The path leads from one SAE to the next in MSE, too, without getting much worse on the way.",
        "interpolates",
        _detour("fig5"),
        at_most(0.05),
        note=f"{OURS}; the highest of many points, so it errs upwards",
    ),
    Claim(
        "swaps_generally_raise_mse",
        "Appendix A.7, Fig. 17",
        "Most swaps raise the MSE.",
        "generally increases the MSE",
        beside(_swaps("delta_mse", below=False), _mean_swap("delta_mse")),
        more_than(0.5),
        note=_contradiction,
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
            "number of swaps of the pair with the largest width_large over that of the smallest (fig17)",
            _number_of_swaps,
        ),
        more_than(1),
    ),
    *_phase_claims("fig22", "second_", "Appendix A.7, Fig. 22", "At the second model or site, too"),
    Claim(
        "second_path_interpolates",
        "Appendix A.7, Fig. 22",
        "At the second model or site, too, the path leads from one SAE to the other without a detour.",
        "interpolates",
        _detour("fig22"),
        at_most(0.05),
        note=OURS,
    ),
]
