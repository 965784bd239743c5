"""Are the decoder biases of two SAEs of a site alike, and can one take the other's? (Fig. 20)"""

from dataclasses import dataclass

import numpy as np
import torch

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.codes.reconstruct import activation_blocks
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.statistics.units import sum_by_group
from workflow_scripts.papers.canonical_units.stitching.pair import (
    check_harvest,
    n_groups,
    used_groups,
    used_rows,
)


@dataclass(frozen=True)
class Bias:
    """An SAE's decoder bias (d,) float64 in units of the activations, and its error on a harvest.

    error: (G, d) float64, summed x - Sae(x) of each group of documents; error2: (G,), its summed
    squared norm.
    """

    bias: np.ndarray
    error: np.ndarray
    error2: np.ndarray

    def exchanged(self, other: "Bias", count: np.ndarray) -> np.ndarray:
        """Change (G,) of the summed squared error if this SAE had the other's decoder bias.

        With D the difference of biases, |r - D|^2 - |r|^2 = |D|^2 - 2 r.D.
        """
        difference = other.bias - self.bias
        return count * (difference @ difference) - 2 * self.error @ difference


def bias_of(sae: SaeOnHarvest, activations: ActivationStore, site: str) -> tuple[Bias, np.ndarray]:
    """The bias of an SAE and its summed errors, in one pass; and tokens per group (G,) int64."""
    check_harvest(sae, activations, site)
    sae.dictionary.require_one_bias("a comparison of biases")
    groups = n_groups(sae.codes)
    error = np.zeros((groups, len(sae.bias)))
    error2, count = np.zeros(groups), np.zeros(groups, np.int64)
    for contexts, x in activation_blocks(activations, site, "cpu", f"errors of {sae.name}"):
        x = x[torch.from_numpy(sae.codes.units.used(contexts))]
        residual = sae.residual(x, used_rows(sae.codes, contexts)).numpy()
        group = used_groups(sae.codes, contexts)
        error += sum_by_group(residual, group, groups)
        error2 += np.bincount(group, (residual**2).sum(-1), minlength=groups)
        count += np.bincount(group, minlength=groups)
    return Bias(sae.bias.numpy(), error, error2), count
