"""Accuracies of probes with intervals over test documents, and differences between SAEs in pairs.

All SAEs are judged on the same examples, so in every resample of the documents all are judged anew, and
what is said of two of them, or of a trend, is said of each resample.
"""

import json
from collections.abc import Mapping
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
    arrays: ``count`` (G, P, 2), and whatever the script measured.
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


def mean_of_classes(correct: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean of the accuracies on negative and on positive examples, (...,), of sums (..., 2).

    Problems are balanced, so on the data that is the accuracy. Resamples of documents are not, as a class
    is in some documents more often than in others; to say the same of everything would there be right by luck.
    """
    return (correct / count).mean(-1)


def drawn_sums(parts: Mapping[str, np.ndarray], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Sums over documents, on the data and on each resample of them, (1 + draws, ..., P, 2) by name.

    Where a resample lacks one of the classes of a problem, the problem has there the sums of the next
    resample that has both: without it, means over problems would be of other problems. This is the same for
    all SAEs, so they stay paired.

    Parameters
    ----------
    parts: (G, ..., P, 2) by name, sums of each document by problem and class; one is ``count``.
    """
    weights = data_and_resamples(len(parts["count"]), draws, seed)
    sums = {name: np.tensordot(weights, part, 1) for name, part in parts.items()}
    known = np.all(sums["count"] > 0, axis=-1)
    for problem in np.flatnonzero(~known.all(0)):
        lack = np.flatnonzero(~known[:, problem])
        have = 1 + np.flatnonzero(known[1:, problem])
        if len(have):
            source = have[np.searchsorted(have, lack) % len(have)]
            for part in sums.values():
                part[lack, ..., problem, :] = part[source, ..., problem, :]
    return sums


def drawn_accuracy(correct: np.ndarray, count: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Mean accuracy over problems on the data and on each resample of documents, (1 + draws,).

    correct, count: (G, p, 2) sums per document, problem and class.
    """
    sums = drawn_sums({"correct": correct, "count": count}, draws, seed)
    with np.errstate(invalid="ignore"):
        return mean_of_classes(sums["correct"], sums["count"]).mean(-1)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Value on the data and 95 % interval over resamples, of (1 + draws,); NaN ends without any."""
    if np.isnan(values[1:]).all():
        return float(values[0]), np.nan, np.nan
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
