"""In which order latents and directions are ablated: two rules, both from training documents."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import read
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.interventions.attribution import Attributions
from workflow_scripts.papers.interpretable_features.labels import LabelledTokens


@dataclass(frozen=True)
class Order:
    """Scores, of which the highest comes first: latents (m,) float64; directions, of unit vectors (n, d)
    float64, a function that returns (n,) float64."""

    latents: Tensor
    directions: Callable[[Tensor], Tensor]


def by_attribution(found: Attributions) -> Order:
    """What taking each away costs the capability, to first order."""
    return Order(found.latents, found.of_directions)


def by_difference(labelled: LabelledTokens, sae: SaeOnHarvest) -> Order:
    """How much the means of the classes differ: the variance over classes of what each adds to x."""
    counts = labelled.counts().astype(float)
    of_latents = np.zeros((labelled.classes, sae.width))
    of_x = np.zeros((labelled.classes, sae.dictionary.d_in))
    array = labelled.store.activations(labelled.site)
    for block, kept, classes in labelled.blocks():
        member = np.eye(labelled.classes)[classes].T
        of_latents += member @ sae.codes.rows(block)[np.flatnonzero(kept)]
        of_x += member @ read(array, block, labelled.store.path)[kept].astype(np.float64)
    weights = torch.from_numpy(counts / counts.sum()).to(sae.device)

    def variance(means: Tensor) -> Tensor:
        return weights @ (means - weights @ means) ** 2

    means_of_latents, means = (
        torch.from_numpy(sums / counts.clip(1)[:, None]).to(sae.device)
        for sums in (of_latents, of_x)
    )
    lengths2 = (sae.directions.double() ** 2).sum(1) / sae.scale**2
    return Order(variance(means_of_latents) * lengths2, lambda rows: variance(means @ rows.T))
