"""Accuracies of probes with intervals over test documents, and differences between SAEs in pairs.

All SAEs are judged on the same examples, so in every resample of the documents all are judged anew, and
what is said of two of them, or of a trend, is said of each resample.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS, data_and_resamples


@dataclass(frozen=True)
class Results:
    """What was measured of one SAE, or of the activations (no SAE), on one labelled entry.

    about: {"labelled", "who", "problems"}, `who` the identifying columns of the SAE, or {}.
    arrays: ``count`` (G, P), and whatever the script measured.
    """

    about: dict[str, Any]
    arrays: Any

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """Data set, class and family of every problem."""
        return [tuple(each) for each in self.about["problems"]]


def open_results(path: str | Path) -> Results:
    """Open what `probe_activations` or `probe_latents` wrote."""
    arrays = np.load(path, allow_pickle=False)
    return Results(json.loads(str(arrays["about"])), arrays)


def drawn_accuracy(correct: np.ndarray, count: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Mean accuracy over problems on the data and on each resample of documents, (1 + draws,).

    correct, count: (G, p) sums per document. A problem with no document in a resample is left out of it.
    """
    weights = data_and_resamples(len(count), draws, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = (weights @ correct) / (weights @ count)
    known = ~np.isnan(accuracy)
    return np.where(known, accuracy, 0).sum(1) / known.sum(1)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Value on the data and 95 % interval over resamples, of (1 + draws,)."""
    low, high = np.nanquantile(values[1:], LEVELS)
    return float(values[0]), float(low), float(high)


def between_widths(name: str, values: np.ndarray, widths: np.ndarray) -> list[dict[str, float]]:
    """For every SAE, what paired resamples say of it beside the others; NaN where there is no other.

    Parameters
    ----------
    values: (SAEs, 1 + draws), ascending widths; widths: (SAEs,).

    Returns
    -------
    Columns with intervals: <name>_step, less that of the next narrower SAE; <name>_lead, less that of the
    best other SAE; <name>_trend, change per doubling of the width, the same for all.
    """
    number = len(values)
    nothing = np.full(values.shape[1], np.nan)
    trend = nothing
    if number > 1:
        octaves = np.log2(np.asarray(widths, float))
        centred = octaves - octaves.mean()
        trend = centred @ values / (centred @ centred)
    rows = []
    for at in range(number):
        others = np.delete(values, at, 0)
        found = {
            "step": values[at] - values[at - 1] if at else nothing,
            "lead": values[at] - others.max(0) if number > 1 else nothing,
            "trend": trend,
        }
        row: dict[str, float] = {}
        for kind, each in found.items():
            known = not np.isnan(each).all()
            row |= with_interval(f"{name}_{kind}", interval(each) if known else (np.nan,) * 3)
        rows.append(row)
    return rows
