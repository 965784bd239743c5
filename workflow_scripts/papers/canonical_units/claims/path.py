"""Canonical units, Section 4.2, Fig. 5 and 22: from a smaller SAE to a larger one."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.changes import Step, mean_change
from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import PAIR
from workflow_scripts.anatomy.claims.measures import largest_absolute
from workflow_scripts.anatomy.claims.rule import at_most, negative, positive
from workflow_scripts.papers.canonical_units.claims.paper import OURS
from workflow_scripts.papers.canonical_units.claims.slips import contradiction_note

PHASES = {"insert": "adding the novel latents", "swap": "swapping all components"}


def _transitions(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each pair of SAEs in the order of the path, with the widths in words."""
    for _, rows in table.groupby(PAIR, sort=False):
        rows = rows.sort_values("step")
        first = rows.iloc[0]
        yield f"{first['width_small']:g} to {first['width_large']:g}", rows


def _phase_steps(tables: Tables, name: str, phase: str) -> dict[str, Step]:
    """Rows after and before a phase of a path, and at the start of that path, by pair of SAEs.

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
        found[words] = (steps[-1], before, rows.index[0])
    if not found:
        raise NotTestable(f"the path of {name} has no step of kind {phase}")
    return found


def _mean_phase_change(table: pd.DataFrame, column: str, steps: dict[str, Step]) -> Measurement:
    """Mean change over phases, each relative to what was before it; those of the pairs as a detail."""
    relative = {words: (after, before, before) for words, (after, before, _) in steps.items()}
    single = ", ".join(
        f"{words}: {mean_change(table, column, [step]).value:.3g}"
        for words, step in relative.items()
    )
    return replace(mean_change(table, column, list(relative.values())), detail=single)


def _phase_change(name: str, column: str, phase: str) -> Measure:
    """Relative change of a column over a phase of the path, mean over pairs of SAEs."""

    def measure(tables: Tables) -> Measurement:
        return _mean_phase_change(tables[name], column, _phase_steps(tables, name, phase))

    words = f"relative change of {column} by {PHASES[phase]}, mean over pairs of SAEs ({name})"
    return Measure(words, measure)


def _swaps_after_gain(name: str) -> Measure:
    """As `_phase_change` of the MSE by the swaps, of paths whose insertions lowered it.

    Swaps that undo part of what insertions spoilt do not improve the reconstruction.
    """

    def measure(tables: Tables) -> Measurement:
        table, mse = tables[name], tables[name]["mse"]
        inserted = _phase_steps(tables, name, "insert")
        swapped = _phase_steps(tables, name, "swap")
        gained = {
            words: step
            for words, step in swapped.items()
            if words in inserted and mse[inserted[words][0]] < mse[inserted[words][1]]
        }
        if not gained:
            raise NotTestable(
                f"on no path of {name} the insertions lowered the mse, so swaps that lower it may but undo "
                "what these spoilt"
            )
        found, left = _mean_phase_change(table, "mse", gained), len(swapped) - len(gained)
        return replace(found, detail=found.detail + f"; left out: {left}" * bool(left))

    words = (
        f"relative change of mse by {PHASES['swap']}, mean over the pairs of SAEs whose novel latents lower "
        f"it ({name})"
    )
    return Measure(words, measure)


def _largest_swap_phase(tables: Tables) -> Measurement:
    """Relative to the smaller SAE, as insertions may have raised what comes before the swaps."""
    steps = _phase_steps(tables, "fig5", "swap").values()
    found = [mean_change(tables["fig5"], "mse", [step]) for step in steps]
    value, low, high = np.array([(each.value, each.lo, each.hi) for each in found]).T
    return largest_absolute((value, low, high), found[0].over)


def _detour(name: str) -> Measure:
    """The highest MSE on the way, relative to the worse of the two SAEs, at the worst transition."""

    def measure(tables: Tables) -> Measurement:
        table = tables[name]
        mse, found = table["mse"], []
        for _, rows in _transitions(table):
            first, last = rows.index[[0, -1]]
            worse = first if mse[first] >= mse[last] else last
            found.append(mean_change(table, "mse", [(mse[rows.index].idxmax(), worse, worse)]))
        ends = (max(getattr(each, end) for each in found) for end in ("value", "lo", "hi"))
        return Measurement.of(ends, found[0].over)

    words = "highest mse of a path over that of the worse SAE at its ends, minus 1, worst pair"
    return Measure(f"{words} ({name})", measure)


ENDS = (
    "the paper does not say what becomes of smaller latents without counterpart; here they go out in a "
    "third phase, which no claim is about"
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
            _swaps_after_gain(name) if change == ("mse", "swap") else _phase_change(name, *change),
            rule,
            note=contradiction_note if change == ("mse", "swap") else ENDS,
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
            "largest absolute change of mse by swapping all components over the smaller SAE's mse, of any "
            "pair of SAEs (fig5)",
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
