"""Canonical units, Appendix A.6 and A.7, Table 2 and Fig. 20: properties of the SAEs and their biases."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.changes import mean_change
from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import Columns
from workflow_scripts.anatomy.claims.counts import consecutive_sizes, minus
from workflow_scripts.anatomy.claims.measures import (
    columns,
    combination,
    largest_absolute,
    lowest,
)
from workflow_scripts.anatomy.claims.paired import combined, drawn, narrowed, paired
from workflow_scripts.anatomy.claims.rule import at_least, at_most, negative, positive
from workflow_scripts.papers.canonical_units.claims.paper import (
    GEMMA,
    GPT2,
    OURS,
    PRINTED,
    SITES,
    TABLE_2,
)
from workflow_scripts.papers.canonical_units.claims.slips import recovery_note

DOCUMENTS = "documents"
# L0s of the printed GPT-2 SAEs are within this factor of each other.
ALIKE = 1.3
# Lowest cosine of two biases that are alike, and what an exchange of them may cost, per cent of MSE.
COSINE, COST = 0.9, 5
EVERY = (
    "steps between SAEs that were trained alike, of one architecture and seed, whose L0s are within a factor "
    "of 1.3, as in Table 2"
)
UNITS = (
    "the paper does not say whether its MSE is a sum or a mean over dimensions, nor of which scale the "
    "activations are; relative to the smallest SAE this does not matter"
)


def _per_doubling(column: str, relative: bool) -> Measure:
    """Change of a column per doubling of width at about the same L0, at the step where it does least
    of what is claimed: where the relative change of an error or the change of a recovery is worst."""
    pick = np.max if relative else np.min

    def measure(tables: Tables) -> Measurement:
        table = tables["table2"]
        steps = consecutive_sizes(table, ALIKE)
        if not steps:
            raise NotTestable("table table2 has no two sizes of about the same L0")
        found = []
        for before, after, octaves in steps:
            if relative:
                step = mean_change(table, column, [(after, before, before)])
            else:
                rows = np.arange(len(table))
                step = combination(table, column, (rows == after) * 1.0 - (rows == before))
            found.append([getattr(step, end) / octaves for end in ("value", "lo", "hi")])
        ends = (pick(end) for end in zip(*found, strict=True))
        return Measurement.of(ends, step.over)

    how = "largest relative change" if relative else "smallest change"
    return Measure(f"{how} of {column} per doubling of width at any step (table2)", measure)


def _least_zero_above_mean(tables: Tables) -> Measurement:
    """The least difference of the two in a row, and where it is.

    Both are one loss of one SAE on the same tokens, relative to two ablations, so what the SAE's loss
    is uncertain by moves both alike: without draws the ends of the two intervals are paired.
    """
    table = tables["table2"]
    pairs = zip(columns(table, "celr_zero"), columns(table, "celr_mean"), strict=True)
    rows = zip(*(zero - mean for zero, mean in pairs), strict=True)
    resampled = combined(table, ["celr_zero", "celr_mean"], [1, -1])
    found = [paired(row, each, DOCUMENTS) for row, each in zip(rows, resampled, strict=True)]
    least = table.loc[np.argmin([each.value for each in found])]
    ends = (min(getattr(each, end) for each in found) for end in ("value", "lo", "hi"))
    return replace(
        Measurement.of(ends, found[0].over), detail=f"least at {least['site']}, {least['sae']}"
    )


def _biases_apart(tables: Tables) -> Measurement:
    """Of all pairs, the largest of what the angle and what an exchange make of their limits."""
    table = tables["fig20"]
    angle = (1 - table["cosine"].to_numpy(float)).max() / (1 - COSINE)
    cost = largest_absolute(columns(table, "mse_change"), DOCUMENTS)
    found = [np.maximum(angle, each / COST) for each in (cost.value, cost.lo, cost.hi)]
    return Measurement.of(found, DOCUMENTS)


def _printed_rows(tables: Tables, model: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measured and printed rows of the SAEs of the paper's layer, the nearest in L0 of each width."""
    table, rows, printed = tables["table2"], [], []
    table = table[table["site"].str.startswith(SITES[model])]
    for width, numbers in TABLE_2[model].items():
        part = table[table["width"] == width]
        if not part.empty:
            rows.append(part.loc[(part["l0"] / numbers[0]).apply(np.log).abs().idxmin()])
            printed.append(numbers)
    if len(rows) < 2:
        raise NotTestable("table table2 has fewer than two of the printed sizes")
    measured = pd.DataFrame(rows).reset_index(drop=True)
    return measured, pd.DataFrame(printed, columns=list(PRINTED))


def _relative(parts: Columns, to: Columns) -> Columns:
    """Relative differences of numbers from others, the errors of both independent."""
    value, low, high = minus(parts, to)
    return value / to[0], low / to[0], high / to[0]


def _to_smallest(table: pd.DataFrame, column: str, target: NDArray) -> Columns:
    """As `_relative`, of the ratios of all rows but the first to the first, from those of `target`."""
    factor = target[1:] / target[0]
    value, low, high = columns(table, column)
    found = _relative(
        (value[1:], low[1:], high[1:]), (value[0] * factor, low[0] * factor, high[0] * factor)
    )
    rows = drawn(table, column)
    resampled = rows[1:] / rows[0] / factor[:, None] - 1
    narrow = [
        narrowed(row, each) for row, each in zip(zip(*found, strict=True), resampled, strict=True)
    ]
    return tuple(np.array(narrow).T)  # type: ignore[return-value]


def _departure(model: tuple[str, ...], column: str, how: str) -> Measure:
    """Largest departure from the printed column: absolute, relative, or `smallest`, of the ratios to
    the smallest SAE."""

    def measure(tables: Tables) -> Measurement:
        measured, printed = _printed_rows(tables, model)
        parts, target = columns(measured, column), printed[column].to_numpy(float)
        exact = (target, *np.full((2, len(target)), np.nan))
        if how == "absolute":
            off = minus(parts, exact)
        elif how == "relative":
            off = _relative(parts, exact)
        else:
            off = _to_smallest(measured, column, target)
        return largest_absolute(off, DOCUMENTS)

    words = {
        "absolute": f"largest absolute difference of {column} from Table 2",
        "relative": f"largest relative difference of {column} from Table 2",
        "smallest": f"largest relative difference from Table 2 of {column} over that of the smallest SAE",
    }
    return Measure(f"{words[how]} (table2)", measure)


def _largest_norm_difference(tables: Tables) -> Measurement:
    return Measurement(float(np.abs(tables["fig20"]["norm_ratio"].to_numpy(float) - 1).max()))


def _largest_exchange(tables: Tables) -> Measurement:
    return largest_absolute(columns(tables["fig20"], "mse_change"), DOCUMENTS)


NORMS = Measure("largest absolute norm_ratio - 1 (fig20)", _largest_norm_difference)

CLAIMS = [
    Claim(
        "mse_falls_with_size",
        "Appendix A.6, Table 2",
        "The larger the SAE, the lower its MSE.",
        "falls at every step",
        _per_doubling("mse", relative=True),
        negative(),
        note=EVERY,
    ),
    *(
        Claim(
            f"{column}_rises_with_size",
            "Appendix A.6, Table 2",
            f"The larger the SAE, the more of the loss it recovers, against {words} ablation.",
            "rises at every step",
            _per_doubling(column, relative=False),
            positive(),
            note=EVERY,
        )
        for column, words in (("celr_zero", "zero"), ("celr_mean", "mean"))
    ),
    Claim(
        "zero_ablation_is_worse_than_mean",
        "Appendix A.6, Table 2",
        "Against zero ablation more of the loss is recovered than against mean ablation.",
        "CELR zero above CELR mean in every row",
        Measure(
            "least celr_zero - celr_mean of a row (table2)",
            _least_zero_above_mean,
        ),
        positive(),
        note=recovery_note,
    ),
    *(
        Claim(
            f"{name}_{column}_as_printed{suffix}",
            "Appendix A.6, Table 2",
            f"The {words} SAEs have the printed {what}.",
            f"{numbers[0][at]:g} to {numbers[-1][at]:g}",
            _departure(model, column, how),
            at_most(tolerance),
            model,
            f"{OURS}{f'; {UNITS}' if column == 'mse' else ''}",
        )
        for name, model, words in (("gpt2", GPT2, "GPT-2"), ("gemma", GEMMA, "Gemma Scope"))
        for numbers in (list(TABLE_2[model].values()),)
        for column, suffix, how, tolerance, what in (
            ("l0", "", "relative", 0.1, "L0"),
            ("mse", "", "relative", 0.1, "MSE"),
            ("mse", "_relatively", "smallest", 0.05, "MSE relative to the smallest of them"),
            ("celr_zero", "", "absolute", 0.01, "loss recovered against zero ablation"),
            ("celr_mean", "", "absolute", 0.01, "loss recovered against mean ablation"),
        )
        for at in (PRINTED.index(column),)
    ),
    Claim(
        "biases_alike",
        "Appendix A.7, Fig. 20",
        "SAEs of one site have decoder biases of about the same direction, so one does for the other.",
        "very similar",
        Measure(
            f"the larger of (1 - cosine) / {1 - COSINE:g} and |mse_change| / {COST}, with another SAE's "
            "decoder bias, of any pair (fig20)",
            _biases_apart,
        ),
        at_most(1),
        note=f"{OURS}: a cosine of {COSINE} and {COST} % of the MSE, as a high cosine of two long biases may "
        "hide a costly difference",
    ),
    Claim(
        "biases_of_one_length",
        "Appendix A.7, Fig. 20",
        "SAEs of one site have decoder biases of about the same length.",
        "very similar",
        NORMS,
        at_most(0.1),
        note=OURS,
    ),
    Claim(
        "biases_alike_by",
        "Appendix A.7, Fig. 20",
        "The lowest cosine of two decoder biases.",
        "0.9970",
        lowest(["fig20"], "cosine"),
        at_least(0.99695),
        GPT2,
    ),
    Claim(
        "biases_of_one_length_by",
        "Appendix A.7, Fig. 20",
        "The lengths of any two decoder biases differ by less than this.",
        "0.1 %",
        NORMS,
        at_most(0.001),
        GPT2,
    ),
    Claim(
        "biases_exchangeable",
        "Appendix A.7, Fig. 20",
        "So it hardly matters whose decoder bias a stitched SAE has.",
        "a concern that does not matter in practice",
        Measure(
            "largest absolute mse_change, in per cent, with another SAE's decoder bias (fig20)",
            _largest_exchange,
        ),
        at_most(COST),
        note=f"{OURS}; the sentence about Fig. 20 is cut off in the text at hand",
    ),
]
