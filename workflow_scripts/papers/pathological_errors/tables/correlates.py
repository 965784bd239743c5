"""What the KL gap of a token goes with: properties of the token, and the gap at other layers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.activations.store import open_activations, read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import Named, Tables, with_draws
from workflow_scripts.anatomy.interventions.effect_means import means_of, who
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore, open_effects
from workflow_scripts.papers.pathological_errors.correlation import correlation, ranks
from workflow_scripts.papers.pathological_errors.interventions import BASELINE

# Arrays of a store that a token has, besides its position and how often it occurs.
PROPERTIES = ("cosine", "distance", "norm", "l0", "loss")
GAP = "gap_of_layer"


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, one store a layer; tokens, the harvest they are about. params: bootstrap, seed.

    variable: a property of the token, or ``gap_of_layer``, the gap at layer `other_layer`. method:
    ``pearson`` or ``spearman``.
    """
    stores = [open_effects(path) for path in input.effects]
    _check_contexts(stores)
    frequency = _log_frequency(input.tokens, stores[0].first)
    gaps = {store.group.attrs["site"]: _gap(store) for store in stores}
    groups = _flat(stores[0], lambda block: stores[0].units.groups(block))
    draws, seed, rows = params.bootstrap, params.seed, []
    for store in stores:
        named = who(store, means_of(store, [], draws, seed))
        gap = gaps[store.group.attrs["site"]]
        for about, values in _variables(store, stores, gaps, frequency):
            known = ~np.isnan(gap) & ~np.isnan(values)
            sides = {"pearson": (gap[known], values[known])}
            sides["spearman"] = (ranks(gap[known]), ranks(values[known]))
            for method, (one, other) in sides.items():
                units = groups[known], store.units.n_groups
                found = correlation(one, other, *units, draws, seed)
                rows.append(named | about | {"method": method} | with_draws("correlation", found))
    return {"table": pd.DataFrame(rows)}


def _variables(
    store: EffectsStore,
    stores: list[EffectsStore],
    gaps: dict[str, NDArray],
    frequency: NDArray,
) -> Iterator[tuple[dict[str, Any], NDArray]]:
    """Every variable, with its columns, at every token of a store, flat."""
    of = lambda name: _flat(store, lambda block: store.values(name, block))  # noqa: E731
    for name in PROPERTIES:
        if name in store.group:
            yield {"variable": name, "other_layer": np.nan}, of(name)
    positions = np.broadcast_to(np.arange(store.shape[1], dtype=float), store.shape)
    yield {"variable": "position", "other_layer": np.nan}, positions.ravel()
    tokens = _flat(store, lambda block: store.group["tokens"][block]).astype(np.int64)
    yield {"variable": "log_frequency", "other_layer": np.nan}, frequency[tokens]
    for other in stores:
        site = other.group.attrs["site"]
        if site != store.group.attrs["site"]:
            layer = who(other, means_of(other, [], 0, 0))["layer"]
            yield {"variable": GAP, "other_layer": layer}, gaps[site]


def _gap(store: EffectsStore) -> NDArray:
    """KL under Sae(x) less the mean KL of random errors of its size, at every token, flat."""
    return _flat(
        store,
        lambda block: store.values("kl/sae", block) - store.values(f"kl/{BASELINE}", block),
    )


def _flat(store: EffectsStore, function: Any) -> NDArray:
    return np.concatenate([function(block).ravel() for block in store.blocks()])


def _log_frequency(harvest: str, first: int) -> NDArray:
    """Logarithm of how often each token of the vocabulary is in the harvest; that of 1 where it is not."""
    store = open_activations(harvest)
    units = store.units_from(first)
    count = np.zeros(0, np.int64)
    for block in store.block_slices():
        tokens = read(store.group["tokens"], block, store.path)[units.used(block)]
        found = np.bincount(tokens, minlength=len(count))
        found[: len(count)] += count
        count = found
    return np.log(np.maximum(count, 1))


def _check_contexts(stores: list[EffectsStore]) -> None:
    contexts = [store.group["contexts"][:] for store in stores]
    for store, its in zip(stores, contexts, strict=True):
        if not np.array_equal(its, contexts[0]):
            raise AnatomyError(
                f"{store.path} is about other contexts than {stores[0].path}; delete both and rerun"
            )
