"""Figure 14: MSE of both SAEs where each novel latent of the larger one is active, and where it is not."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.ratio_intervals import (
    column_intervals,
    ratio_intervals,
)
from workflow_scripts.papers.canonical_units.stitching.novelty import Firing, firing
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import firing_similarity


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes of one site, two or more, and codes of these in the same order. params: threshold,
    analysis, seed."""
    draws, seed = params.analysis["bootstrap"], params.seed
    tables = []
    for small, large in consecutive(input.saes, input.codes):
        likeness = firing_similarity(small, large, params.threshold)
        # A latent that never fires has no tokens to compare with the others, and is not novel.
        latents = np.flatnonzero(likeness.novel)
        sums = firing(small, large, latents)
        who = describe_pair(small.codes, large.codes, seed)
        increases = _increases(sums, draws, seed)
        for active in (True, False):
            columns = {"latent": latents, "active": active, **_errors(sums, active, draws, seed)}
            columns |= increases
            tables.append(pd.DataFrame(columns).assign(**who, **likeness.silent))
    return {"table": pd.concat(tables)}


def _errors(sums: Firing, active: bool, draws: int, seed: int) -> dict[str, Any]:
    """Tokens where each latent is active, or where it is not, and the MSE of both SAEs on them."""

    def of_tokens(name: str) -> np.ndarray:
        where_active = getattr(sums, name)
        return where_active if active else getattr(sums, f"all_{name}")[:, None] - where_active

    count = of_tokens("count")
    columns: dict[str, Any] = {"tokens": count.sum(0).astype(np.int64)}
    for size in ("small", "large"):
        mse = ratio_intervals(of_tokens(f"error2_{size}"), count, draws, seed)
        columns |= with_interval(f"mse_{size}", mse)
    return columns


def _increases(sums: Firing, draws: int, seed: int) -> dict[str, Any]:
    """By how much the MSE of either SAE is higher where each latent is active than where it is not, and
    by how much more that of the smaller SAE is; in every resample of the same documents."""

    def increase(of: Mapping[str, np.ndarray], size: str) -> np.ndarray:
        active, count = of[f"error2_{size}"], of["count"]
        rest, others = of[f"all_error2_{size}"] - active, of["all_count"] - count
        return active / count - rest / others

    statistics = {
        "increase_small": lambda s: increase(s, "small"),
        "increase_large": lambda s: increase(s, "large"),
        "increase_gap": lambda s: increase(s, "small") - increase(s, "large"),
    }
    columns: dict[str, Any] = {}
    for name, statistic in statistics.items():
        columns |= with_interval(name, column_intervals(statistic, vars(sums), draws, seed))
    return columns
