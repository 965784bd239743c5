"""Dark matter, Section 4.4, Appendix A.4: error norms of single tokens at several widths."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import LEVEL, moving_blocks
from workflow_scripts.anatomy.claims.rule import at_least, at_most, negative
from workflow_scripts.papers.dark_matter.claims.paper import OURS

DRAWS = 1000


def _by_width(table: pd.DataFrame, name: str) -> NDArray:
    """Norms of the shown tokens, (widths, tokens), ascending widths."""
    wide = table.pivot(index="width", columns="position", values=name).sort_index()
    if len(wide) < 2:
        raise NotTestable("one width has no other to be compared with")
    return wide.to_numpy(float)


def _resampled(
    tables: Tables, norms: NDArray, statistic: Callable[[NDArray], NDArray]
) -> Measurement:
    """A statistic of (..., n, tokens) -> (n,), its interval from resampled blocks of neighbours."""
    drawn = statistic(norms[..., moving_blocks(norms.shape[-1], DRAWS, tables.seed)])
    ends = np.quantile(drawn, [1 - LEVEL, LEVEL])
    return Measurement.of((statistic(norms[..., None, :])[0], *ends), "blocks of ten tokens")


def _shared_difficulty(tables: Tables) -> Measurement:
    def statistic(norms: NDArray) -> NDArray:
        z = (norms - norms.mean(-1, keepdims=True)) / norms.std(-1, keepdims=True)
        pairs = combinations(range(len(norms)), 2)
        return np.mean([(z[a] * z[b]).mean(-1) for a, b in pairs], axis=0)

    return _resampled(tables, _by_width(tables["fig5"], "error_norm"), statistic)


def _octave_weights(table: pd.DataFrame) -> NDArray:
    """Weights of numbers of ascending widths, (widths,), that make a least-squares slope."""
    octaves = np.log2(np.sort(table["width"].unique()).astype(float))
    centred = octaves - octaves.mean()
    return centred / (centred @ centred)


def _linear_norm_slope(tables: Tables) -> Measurement:
    """Over all widths, so that a way back between the smallest and the largest is seen."""
    norms = _by_width(tables["fig12"], "linear_norm")
    weights = _octave_weights(tables["fig12"])
    return _resampled(tables, norms, lambda part: np.expm1(weights @ np.log(part.mean(-1))))


def _nonlinear_norm_range(tables: Tables) -> Measurement:
    """The mean norm that is furthest from that of the smallest width, at whichever width."""

    def statistic(part: NDArray) -> NDArray:
        mean = part.mean(-1)
        return np.abs(mean / mean[0] - 1).max(0)

    return _resampled(tables, _by_width(tables["fig12"], "nonlinear_norm"), statistic)


def _linear_falls_more(tables: Tables) -> Measurement:
    both = [_by_width(tables["fig12"], f"{part}_norm") for part in ("linear", "nonlinear")]
    weights = _octave_weights(tables["fig12"])

    def statistic(part: NDArray) -> NDArray:
        linear, nonlinear = (weights @ np.log(each.mean(-1)) for each in part)
        return np.maximum(linear, linear - nonlinear)

    return _resampled(tables, np.stack(both), statistic)


CLAIMS = [
    Claim(
        "same_tokens_are_hard",
        "Abstract, Section 4.4, Fig. 5",
        "Tokens that a small SAE reconstructs badly are those that larger SAEs reconstruct badly.",
        "correlated error norms",
        Measure(
            "mean correlation between widths of error_norm over the shown tokens (fig5)",
            _shared_difficulty,
        ),
        at_least(0.5),
        note=OURS,
    ),
    Claim(
        "token_linear_norm_falls",
        "Appendix A.4, Fig. 12",
        "Token by token the linear error gets smaller with width.",
        "decreases",
        Measure(
            "relative change of the mean linear_norm per doubling of width (fig12)",
            _linear_norm_slope,
        ),
        negative(),
    ),
    Claim(
        "token_nonlinear_norm_stays",
        "Appendix A.4, Fig. 12",
        "Token by token the nonlinear error mostly stays as it is with width.",
        "mostly constant",
        Measure(
            "largest absolute relative change of the mean nonlinear_norm from the smallest width to any "
            "other (fig12)",
            _nonlinear_norm_range,
        ),
        at_most(0.1),
        note=OURS,
    ),
    Claim(
        "token_linear_falls_more",
        "Appendix A.4, Fig. 12",
        "With width the linear error norm of tokens falls more than the nonlinear one.",
        "one decreases, the other stays",
        Measure(
            "the larger of the change of the log of mean linear_norm per doubling of width and that minus "
            "the same of nonlinear_norm (fig12)",
            _linear_falls_more,
        ),
        negative(),
    ),
]
