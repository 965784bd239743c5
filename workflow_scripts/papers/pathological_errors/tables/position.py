"""KL by position in the context, under Sae(x) and under random errors of its size, at every layer."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.interventions.effect_means import means_of, summed, who
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore, open_effects
from workflow_scripts.anatomy.statistics.ratio_intervals import ratio_intervals
from workflow_scripts.papers.pathological_errors.interventions import BASELINE

SHOWN = ("sae", BASELINE, "epsilon_errors")
# At most so many bins of positions.
BINS = 64


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, one store a layer. params: bootstrap, seed."""
    parts = []
    for store in map(open_effects, input.effects):
        named = who(store, means_of(store, [], params.bootstrap, params.seed))
        edges = bins_of(store)
        sums = {name: _sums(store, f"kl/{name}", edges) for name in SHOWN}
        for name in SHOWN:
            kl = ratio_intervals(sums[name][0], sums[name][1], params.bootstrap, params.seed)
            numerator = sums[name][0] / sums[name][1].sum(0)
            baseline = sums[BASELINE][0] / sums[BASELINE][1].sum(0)
            ratio = ratio_intervals(numerator, baseline, params.bootstrap, params.seed)
            columns = {"first": edges[:-1], "last": edges[1:] - 1, "intervention": name}
            columns |= {"position": (edges[:-1] + edges[1:] - 1) / 2}
            columns |= with_interval("kl", kl) | with_interval("ratio", ratio)
            parts.append(pd.DataFrame(named | columns))
    return {"table": pd.concat(parts, ignore_index=True)}


def bins_of(store: EffectsStore) -> np.ndarray:
    """Edges of bins of as many positions each, (bins + 1,) int64; the last may have fewer."""
    positions = store.shape[1]
    step = -(-(positions - store.first) // BINS)
    return np.append(np.arange(store.first, positions, step), positions)


def _sums(store: EffectsStore, array: str, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums, and numbers of tokens, of each group of documents in each bin, (G, bins) float64."""
    n, bins = store.units.n_groups, len(edges) - 1
    found = np.zeros((n * bins, 2))
    at = np.searchsorted(edges, np.arange(store.shape[1]), side="right") - 1
    for block in store.blocks():
        values = store.values(array, block)
        places = store.units.groups(block) * bins + at
        found += summed(values.ravel(), places.ravel(), n * bins)
    total, number = found[:, 0], found[:, 1]
    return total.reshape(n, bins), number.reshape(n, bins)
