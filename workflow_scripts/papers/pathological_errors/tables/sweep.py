"""KL of random errors of many sizes and at many cosines, and the SAE's among them, at every layer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.tables import Named, Tables, with_draws
from workflow_scripts.anatomy.interventions.effect_means import Means, about, means_of, summed, who
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore, open_effects

# Axes of random errors, as their names begin in the store, and the one that tokens are told apart by.
AXES = ("distance", "cosine")
TOKENS = "cosine_of_tokens"
# Tokens in so many equal parts by the cosine of Sae(x) to x.
PARTS = 5


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects of random errors, one store a layer. params: bootstrap, seed.

    axis ``distance``: level is a multiple of the SAE's distance, ``cosine``: the cosine to x, at the norm
    of Sae(x); ``cosine_of_tokens``: random errors as far away as Sae(x), on a fifth of the tokens by the
    cosine of Sae(x) to x; part is which, from 0, and level the mean cosine there. kl is of the random
    errors, kl_sae of Sae(x), ratio the second over the first.
    """
    rows = []
    for store in map(open_effects, input.effects):
        levels = _levels(store)
        names = ["kl/sae", *(f"kl/{name}" for _, _, name in levels)]
        means = means_of(store, names, params.bootstrap, params.seed)
        named = who(store, means) | about(means)
        for axis, level, name in levels:
            row = named | {"axis": axis, "part": np.nan, "level": level}
            rows.append(row | _compared(means, f"kl/{name}"))
        same = [name for axis, level, name in levels if (axis, level) == ("distance", 1.0)]
        for row in _by_cosine(store, f"kl/{same[0]}", params) if same else ():
            rows.append(named | {"axis": TOKENS} | row)
    return {"table": pd.DataFrame(rows)}


def _levels(store: EffectsStore) -> list[tuple[str, float, str]]:
    """Axis, level and name of every kind of random error of a store, in order."""
    found = []
    for name in store.perturbations:
        axis, _, level = name.partition("_")
        if axis in AXES:
            found.append((axis, float(level), name))
    return sorted(found, key=lambda each: (AXES.index(each[0]), each[1]))


def _compared(means: Means, random: str) -> dict[str, Any]:
    found = with_draws("kl", means.mean(random)) | with_draws("kl_sae", means.mean("kl/sae"))
    return found | with_draws("ratio", means.ratio("kl/sae", random))


def _by_cosine(store: EffectsStore, random: str, params: Named) -> Iterator[dict[str, Any]]:
    """Both KLs on each fifth of the tokens by the cosine of Sae(x) to x."""
    blocks = store.blocks()
    cosines = np.concatenate([_known(store.values("cosine", block)) for block in blocks])
    edges = np.quantile(cosines, np.linspace(0, 1, PARTS + 1)[1:-1])
    names, n = ("kl/sae", random, "cosine"), store.units.n_groups
    sums = {name: np.zeros((n * PARTS, 2)) for name in names}
    for block in blocks:
        fifth = np.searchsorted(edges, store.values("cosine", block).ravel(), side="right")
        places = store.units.groups(block).ravel() * PARTS + fifth
        for name in names:
            sums[name] += summed(store.values(name, block).ravel(), places, n * PARTS)
    for part in range(PARTS):
        of_part = {name: each.reshape(n, PARTS, 2)[:, part] for name, each in sums.items()}
        means = Means(of_part, params.bootstrap, params.seed)
        yield {"part": part, "level": means.value("cosine")} | _compared(means, random)


def _known(values: NDArray) -> NDArray:
    return values[~np.isnan(values)]
