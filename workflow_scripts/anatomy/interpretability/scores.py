"""Detection accuracy per decile, with 95 % intervals by resampling latents; and where explanations are wrong."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.interpretability.examples import (
    QUANTILES,
    SILENT_WINDOW,
    LatentExamples,
)
from workflow_scripts.anatomy.interpretability.judgement import UNKNOWN, Judgement, correct
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS, data_and_resamples

QUANTILE_NAMES = ["Not", *(f"Q{i}" for i in range(1, QUANTILES + 1))]
DRAWS = 2000


def tidy(
    examples: Sequence[LatentExamples],
    judgements: Sequence[Judgement],
    component: str | None = None,
) -> pd.DataFrame:
    """One row for each latent and quantile.

    Columns: component (if given), latent, quantile (Not, Q1 weakest to Q10 strongest), accuracy
    (share of the windows judged rightly, NaN without any), n (windows judged), firings,
    explanation, problem. A latent that could not be judged has its rows too.
    """
    rows = []
    for own, judgement in zip(examples, judgements, strict=True):
        right = correct(own, judgement)
        for quantile, name in enumerate(QUANTILE_NAMES):
            asked = right[(own.quantile == quantile) & ~np.isnan(right)]
            rows.append(
                {
                    "latent": own.latent,
                    "quantile": name,
                    "accuracy": asked.mean() if len(asked) else np.nan,
                    "n": len(asked),
                    "firings": own.firings,
                    "explanation": judgement.explanation,
                    "problem": judgement.problem,
                }
            )
    table = pd.DataFrame(rows)
    if component is not None:
        table.insert(0, "component", component)
    return table


def latent_scores(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each latent: its balanced accuracy, and the two it is the mean of.

    Columns: component (if there), latent, score, accuracy_silent, accuracy_active (mean over the
    deciles), firings, explanation, problem; NaN where a latent could not be judged. Chance is 0.5.
    """
    by = [name for name in ("component", "latent") if name in table]
    first = table.groupby(by, sort=False)[["firings", "explanation", "problem"]].agg(
        lambda column: column.iloc[0]
    )
    silent = table["quantile"] == "Not"
    first.insert(0, "accuracy_silent", table[silent].groupby(by, sort=False)["accuracy"].mean())
    first.insert(1, "accuracy_active", table[~silent].groupby(by, sort=False)["accuracy"].mean())
    first.insert(0, "score", (first["accuracy_silent"] + first["accuracy_active"]) / 2)
    return first.reset_index()


def scores_and_misses(
    examples: Sequence[LatentExamples], judgements: Sequence[Judgement]
) -> pd.DataFrame:
    """`latent_scores`, and what is behind each.

    Further columns: n (windows judged), misses: where the latent fires and its explanation says that it does
    not, ``context:position`` of its largest activation in each such window, the strongest first, with spaces
    between; empty without any, NaN where the latent could not be judged.
    """
    scores = latent_scores(tidy(examples, judgements))
    pairs = list(zip(examples, judgements, strict=True))
    numbers = [int((judgement.fires != UNKNOWN).sum()) for _, judgement in pairs]
    misses = [
        _misses(*pair) if number else None for pair, number in zip(pairs, numbers, strict=True)
    ]
    return scores.assign(n=numbers, misses=misses)


def _misses(examples: LatentExamples, judgement: Judgement) -> str:
    wrong = (examples.quantile != SILENT_WINDOW) & (judgement.fires == 0)
    windows = examples.detection.take(np.flatnonzero(wrong))
    if not len(windows):
        return ""
    peak = windows.start + windows.activations.argmax(1)
    order = np.lexsort((peak, windows.context, -windows.activations.max(1)))
    return " ".join(f"{windows.context[at]}:{peak[at]}" for at in order)


def summarise(table: pd.DataFrame, seed: int, draws: int = DRAWS) -> pd.DataFrame:
    """Mean accuracy over latents of each component and quantile.

    Columns: component, quantile, accuracy, accuracy_lo, accuracy_hi, latents (how many were
    judged). The intervals are the 2.5 % and 97.5 % quantiles of the mean over `draws` resamples
    of latents with replacement; one resample serves all quantiles of a component.
    """
    rows = []
    for component, part in _components(table):
        accuracy = _wide(part)
        _, low, high = interval(accuracy, seed, draws)
        for at, name in enumerate(QUANTILE_NAMES):
            judged = ~np.isnan(accuracy[:, at])
            rows.append(
                {
                    "component": component,
                    "quantile": name,
                    "accuracy": accuracy[judged, at].mean() if judged.any() else np.nan,
                    "accuracy_lo": low[at],
                    "accuracy_hi": high[at],
                    "latents": int(judged.sum()),
                }
            )
    return pd.DataFrame(rows)


def difference(
    table: pd.DataFrame, first: str, second: str, seed: int, draws: int = DRAWS
) -> tuple[float, float, float]:
    """How much higher the mean accuracy over deciles Q1 to Q10 of one component is than another's.

    Returns the difference and its 95 % interval, with the latents of both resampled. The paper's
    number is 0.05, of linear over nonlinear error.
    """
    parts = dict(_components(table))
    ones, others = (
        _means(_wide(parts[name])[:, 1:].mean(1, keepdims=True), seed + at, draws)[:, 0]
        for at, name in enumerate((first, second))
    )
    low, high = np.nanquantile(ones[1:] - others[1:], LEVELS)
    return float(ones[0] - others[0]), float(low), float(high)


def interval(
    accuracy: np.ndarray, seed: int, draws: int = DRAWS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of the columns of (latents, k) and their 95 % intervals; NaN counts for nothing.

    The intervals are NaN for columns with fewer than two latents.
    """
    means = _means(accuracy, seed, draws)
    enough = (~np.isnan(accuracy)).sum(0) > 1
    bounds = np.full((2, accuracy.shape[1]), np.nan)
    if enough.any():
        bounds[:, enough] = np.nanquantile(means[1:, enough], LEVELS, axis=0)
    return means[0], bounds[0], bounds[1]


def _means(accuracy: np.ndarray, seed: int, draws: int) -> np.ndarray:
    """Column means of all latents (row 0), and of each resample of them, (draws + 1, k)."""
    latents = len(accuracy)
    known = ~np.isnan(accuracy)
    weights = data_and_resamples(latents, draws, seed)
    with np.errstate(invalid="ignore"):
        return (weights @ np.where(known, accuracy, 0.0)) / (weights @ known)


def _components(table: pd.DataFrame):
    if "component" in table:
        yield from table.groupby("component", sort=False)
    else:
        yield "", table


def _wide(part: pd.DataFrame) -> np.ndarray:
    """Accuracy, (latents, quantiles)."""
    wide = part.pivot(index="latent", columns="quantile", values="accuracy")
    return wide.reindex(columns=QUANTILE_NAMES).to_numpy(np.float64)
