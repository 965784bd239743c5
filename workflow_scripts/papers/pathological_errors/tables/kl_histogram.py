"""Distributions over tokens of KL, or of the increase in loss, under Sae(x) and under random errors."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.draws import Estimate
from workflow_scripts.anatomy.base.tables import Named, Tables, with_draws
from workflow_scripts.anatomy.interventions.effect_means import Means, means_of, who
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore, open_effects
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.papers.pathological_errors.interventions import BASELINE

SHOWN = ("sae", BASELINE)
# Ends of the axis, as in the post, and into how many bins it is cut.
RANGE = {"kl": (0.0, 1.0), "ce": (-1.0, 1.0)}
BINS = 50
# Of KL: the quantiles whose ratio is given, and the fine grid that they are found on, in nats.
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)
GRID = np.concatenate([[0.0], np.geomspace(1e-9, 100.0, 800)])


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, one store a layer. params: quantity (`kl` or `ce`), bootstrap, seed."""
    histograms, quantiles = [], []
    for store in map(open_effects, input.effects):
        names = [f"{params.quantity}/{name}" for name in SHOWN]
        means = means_of(store, names, params.bootstrap, params.seed)
        fine = {name: _counts(store, f"{params.quantity}/{name}") for name in SHOWN}
        named = who(store, means)
        for name in SHOWN:
            row = named | {"intervention": name}
            histograms += [row | part for part in _histogram(store, params.quantity, name, means)]
        if params.quantity == "kl":
            quantiles += [named | row for row in _quantiles(fine, params.bootstrap, params.seed)]
    return {"table": pd.DataFrame(histograms), "quantiles": pd.DataFrame(quantiles)}


def _histogram(
    store: EffectsStore, quantity: str, name: str, means: Means
) -> Iterator[dict[str, Any]]:
    """Rows left, right, count; what is beyond the ends is in the outer bins. With mean and p999."""
    low, high = RANGE[quantity]
    edges = np.linspace(low, high, BINS + 1)
    count, parts = np.zeros(BINS, np.int64), []
    for draws in _values(store, f"{quantity}/{name}"):
        count += np.histogram(draws.clip(low, high), edges)[0]
        parts.append(draws.astype(np.float32))
    about = {
        "mean": means.value(f"{quantity}/{name}"),
        "p999": float(np.quantile(np.concatenate(parts), 0.999)),
        "beyond": float(np.mean(np.concatenate(parts) > high)),
    }
    for at in range(BINS):
        yield {"left": edges[at], "right": edges[at + 1], "count": int(count[at])} | about


def _values(store: EffectsStore, array: str) -> Iterator[NDArray]:
    """Every draw at every token, not the mean of a token's draws, of which the tail would be thinner."""
    for block in store.blocks():
        values = store.draws(array, block)
        yield values[~np.isnan(values)]


def _counts(store: EffectsStore, array: str) -> NDArray:
    """How many values of each group of documents are in each bin of `GRID`, (G, bins) float64."""
    n, bins = store.units.n_groups, len(GRID) - 1
    counts = np.zeros(n * bins)
    for block in store.blocks():
        values = store.draws(array, block)
        groups = np.broadcast_to(store.units.groups(block)[..., None], values.shape)
        known = ~np.isnan(values)
        at = np.searchsorted(GRID, values[known], side="right") - 1
        places = groups[known] * bins + at.clip(0, bins - 1)
        counts += np.bincount(places, minlength=n * bins)
    return counts.reshape(n, bins)


def _quantiles(fine: dict[str, NDArray], draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """Quantiles of KL under both, and their ratio, with intervals over documents."""
    for quantile in QUANTILES:
        row: dict[str, Any] = {"quantile": quantile}
        for name in SHOWN:
            row |= with_draws(f"kl_{name}", _interval(fine, [name], quantile, draws, seed))
        yield row | with_draws("ratio", _interval(fine, list(SHOWN), quantile, draws, seed))


def _interval(
    fine: dict[str, NDArray], names: list[str], quantile: float, draws: int, seed: int
) -> Estimate:
    def statistic(sums: Any) -> NDArray:
        found = [quantile_of(sums[name], quantile) for name in names]
        return found[0] if len(found) == 1 else found[0] / found[1]

    return document_interval(statistic, {name: fine[name] for name in names}, draws, seed)


def quantile_of(counts: NDArray, quantile: float) -> NDArray:
    """A quantile (...) of counts (..., bins) in the bins of `GRID`, as if spread evenly within each."""
    below = counts.cumsum(-1)
    wanted = quantile * below[..., -1:]
    at = (below < wanted).sum(-1, keepdims=True).clip(max=counts.shape[-1] - 1)
    here = np.take_along_axis(counts, at, -1)
    before = np.take_along_axis(below, at, -1) - here
    share = np.divide(wanted - before, here, out=np.zeros_like(wanted), where=here > 0)
    low, high = GRID[at], GRID[at + 1]
    return (low + share * (high - low))[..., 0]
