"""Automated interpretability of SAE latents, and of as many directions of other kinds."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.tables import (
    Named,
    Tables,
    concatenate,
    identity,
    with_interval,
)
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interpretability.directions import SAE
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS, resampling_weights

IDENTIFYING = ("model", "site", "sae", "width", "l0", "seed")


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of the directions of each method, csv files; the sae that they are compared with, and
    its codes. params: bootstrap, seed. Intervals are over directions; documents are not resampled."""
    metadata, summary = description(input.sae)["metadata"], open_codes(input.codes).summary
    who = {name: identity(metadata, summary)[name] for name in IDENTIFYING}
    # Of the examples behind a score the explorer tells.
    table = concatenate(input.scores).drop(columns=["n", "misses"])
    for at, (name, value) in enumerate(who.items()):
        table.insert(at, name, value)
    by_method = {name: part["score"].dropna() for name, part in table.groupby("method", sort=False)}
    drawn = {
        method: _means(scores.to_numpy(), params.bootstrap, (params.seed, at))
        for at, (method, scores) in enumerate(by_method.items())
    }
    rows = []
    for method, scores in by_method.items():
        row = who | {"method": method, "directions": len(scores)}
        row |= with_interval("score", _interval(drawn[method]))
        against = np.full(3, np.nan) if method == SAE else _interval(drawn[SAE] - drawn[method])
        rows.append(row | with_interval("advantage", tuple(against)))
    return {"table": table, "means": pd.DataFrame(rows)}


def _means(scores: NDArray, draws: int, seed: tuple[int, ...]) -> NDArray:
    """Mean of all scores, and of each resample of them, (1 + draws,)."""
    if len(scores) == 0:
        return np.full(1 + draws, np.nan)
    weights = resampling_weights(len(scores), draws, seed)
    return np.concatenate([[scores.mean()], weights @ scores / len(scores)])


def _interval(drawn: NDArray) -> tuple[float, float, float]:
    low, high = np.quantile(drawn[1:], LEVELS)
    return float(drawn[0]), float(low), float(high)
