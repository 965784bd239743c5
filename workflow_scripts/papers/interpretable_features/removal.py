"""Ways of removing a capability from the activations of a site, fitted on training documents."""

from collections.abc import Sequence

import torch

from workflow_scripts.anatomy.interpretability.directions import candidates
from workflow_scripts.anatomy.interventions.editing import (
    Edits,
    LatentAblation,
    PartialErasure,
    SubspaceAblation,
)
from workflow_scripts.anatomy.probing.erasure import leace, mean_difference
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.components import Components
from workflow_scripts.papers.interpretable_features.labels import LabelledTokens
from workflow_scripts.papers.interpretable_features.order import Order

METHODS = ("sae", "leace", "mean_difference", "pca", "random")
# Shares of the way to the erased activation: a map is one point, and a path of these has others before it.
STRENGTHS = (0.25, 0.5, 0.75, 1.0)


def edits_of(
    labelled: LabelledTokens,
    dictionary: Dictionary,
    components: dict[str, Components],
    order: Order,
    counts: Sequence[int],
    seed: int,
) -> dict[str, Edits]:
    """What each of `METHODS` does to activations.

    order: puts latents and directions in order; counts: how many of them are taken. Random directions are
    as many as there are latents, of which the first in order are taken.
    """
    device = dictionary.W_dec.device
    mean = torch.from_numpy(components["pca"].mean).to(device)
    ranked = order.latents.argsort(descending=True, stable=True)
    some = _at_most(counts, dictionary.width)
    edits: dict[str, Edits] = {"sae": LatentAblation(dictionary, ranked[: some[-1]], some)}
    for name, fit in (("leace", leace), ("mean_difference", mean_difference)):
        erase = fit(labelled.activations(str(device)), labelled.classes)
        edits[name] = PartialErasure(erase, erase.rank, STRENGTHS)
    # One side of each component is enough: a subspace has none.
    drawn = candidates("random", components, dictionary.width, seed)
    for name, rows in (("pca", components["pca"].readers), ("random", drawn)):
        directions = torch.from_numpy(rows).to(device)
        ranked = order.directions(directions).argsort(descending=True, stable=True)
        some = _at_most(counts, min(directions.shape))
        edits[name] = SubspaceAblation.of(mean, directions[ranked], some)
    return edits


def _at_most(counts: Sequence[int], most: int) -> list[int]:
    """The counts that there are, ascending; all there are where every count is more."""
    return sorted({n for n in counts if n <= most}) or [most]
