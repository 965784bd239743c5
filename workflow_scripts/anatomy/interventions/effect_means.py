"""Means over tokens of what perturbations do, and their ratios, by resampling documents.

Stores of one harvest are about the same contexts, and so the same documents: what is drawn with one seed
is drawn alike for all of them, and numbers of different SAEs are paired.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.draws import Estimate
from workflow_scripts.anatomy.base.tables import with_draws
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore
from workflow_scripts.anatomy.setup.catalogue import layer_left
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.anatomy.statistics.units import sum_by_group

ATTRIBUTES = ("model", "site", "sae", "architecture", "width", "seed")
# Of what takes the place of x, as a mean over tokens, where the store has it.
ABOUT = ("l0", "distance", "cosine", "norm")


@dataclass(frozen=True)
class Means:
    """sums: name -> sum and number of tokens of each group of documents, (G, 2) float64."""

    sums: Mapping[str, NDArray]
    draws: int
    seed: int

    def value(self, name: str) -> float:
        """The mean of an array; NaN where it is not there."""
        if name not in self.sums:
            return np.nan
        total, number = self.sums[name].sum(0)
        return float(total / number)

    def mean(self, name: str) -> Estimate:
        """The mean of an array."""
        return self._interval(lambda sums: _mean(sums[name]), name)

    def ratio(self, name: str, of: str) -> Estimate:
        """The mean of an array over that of another; NaN, without draws, where that is 0 everywhere."""
        if not self.sums[of][:, 0].any():
            return Estimate(np.nan, np.nan, np.nan, np.empty(0))
        return self._interval(lambda sums: _mean(sums[name]) / _mean(sums[of]), name, of)

    def columns(self, name: str, of: str) -> dict[str, Any]:
        """Columns kl, ce_increase, and ratio and ce_ratio to another perturbation, with intervals and draws."""
        found = with_draws("kl", self.mean(f"kl/{name}"))
        found |= with_draws("ce_increase", self.mean(f"ce/{name}"))
        found |= with_draws("ratio", self.ratio(f"kl/{name}", f"kl/{of}"))
        return found | with_draws("ce_ratio", self.ratio(f"ce/{name}", f"ce/{of}"))

    def _interval(self, statistic: Any, *names: str) -> Estimate:
        with np.errstate(divide="ignore", invalid="ignore"):
            sums = {name: self.sums[name] for name in names}
            return document_interval(statistic, sums, self.draws, self.seed)


def means_of(store: EffectsStore, names: Iterable[str], draws: int, seed: int) -> Means:
    """Sum arrays of a store, by name, a block at a time; `ABOUT` are among them."""
    wanted = [*dict.fromkeys(names), *(name for name in ABOUT if name in store.group)]
    groups_of, sums = (
        store.units.groups,
        {name: np.zeros((store.units.n_groups, 2)) for name in wanted},
    )
    for block in store.blocks():
        groups = groups_of(block).ravel()
        for name in wanted:
            sums[name] += summed(store.values(name, block).ravel(), groups, store.units.n_groups)
    return Means(sums, draws, seed)


def summed(values: NDArray, groups: NDArray, n: int) -> NDArray:
    """Sum and number of the values (N,) of each of n groups that are not NaN, (n, 2) float64."""
    known = ~np.isnan(values)
    return sum_by_group(np.stack([values[known], np.ones(known.sum())], axis=1), groups[known], n)


def effects_names(*perturbations: str) -> list[str]:
    """The arrays of KL and of the increase in loss of some perturbations."""
    return [f"{kind}/{name}" for name in perturbations for kind in ("kl", "ce")]


def who(store: EffectsStore, means: Means) -> dict[str, Any]:
    """The identifying columns of a store's SAE, with its layer and its mean L0 on these tokens."""
    attributes = {name: store.group.attrs[name] for name in ATTRIBUTES}
    return attributes | {"l0": means.value("l0"), "layer": layer_left(store.group.attrs["site"])}


def about(means: Means) -> dict[str, float]:
    """Mean distance of what stands for x from it, their cosine, and the norm of x."""
    return {name: means.value(name) for name in ("distance", "cosine", "norm")}


def _mean(sums: NDArray) -> NDArray:
    return sums[..., 0] / sums[..., 1]
