"""Which decompositions are shown: by a rule that is fixed before anybody looks at one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.papers.canonical_units.explanations.taken_apart import TakenApart

LARGEST, RANDOM = "largest variance explained", "random"
# The graph of figure 1 is of a latent with as many meta-latents, if one was chosen: two make no graph, and the
# directions that are explained best are often of one or two.
PARTS_OF_GRAPH = 3


@dataclass(frozen=True)
class Chosen:
    """Latents by their place among the firing ones, (n,) int64, and why each was chosen."""

    places: np.ndarray
    why: list[str]


def choose(apart: TakenApart, block: dict[str, Any], seed: int) -> Chosen:
    """The latents whose decompositions are shown, of those that fire as often as `firing_share` says.

    The `decompositions` of them with the largest variance explained, and `random_decompositions` of
    the others; fewer where there are fewer. A latent without a meta-latent has no decomposition.
    """
    low, high = block["firing_share"]
    share, active = apart.firing_share, np.diff(apart.activations.indptr) > 0
    open_to_choice = np.flatnonzero((low <= share) & (share <= high) & active)
    order = np.argsort(-apart.variance_explained[open_to_choice], kind="stable")
    best, others = np.split(open_to_choice[order], [block["decompositions"]])
    others = np.random.default_rng([seed, 1]).permutation(np.sort(others))
    others = others[: block["random_decompositions"]]
    why = [LARGEST] * len(best) + [RANDOM] * len(others)
    return Chosen(np.concatenate([best, others]).astype(np.int64), why)


def graph_of(apart: TakenApart, chosen: np.ndarray) -> np.ndarray:
    """The latent that Fig. 1 is about, (1,) of the places that were chosen, (n,), or none of none.

    The first one with three meta-latents or more, and the first of all where there is none.
    """
    parts = np.diff(apart.activations.indptr)[chosen]
    enough = chosen[parts >= PARTS_OF_GRAPH]
    return (enough if len(enough) else chosen)[:1]


def strongest_latents(apart: TakenApart, meta_latent: int, but: int, number: int) -> np.ndarray:
    """Places of the latents that a meta-latent is most active on, without one, the strongest first."""
    column = apart.activations[:, [meta_latent]].tocoo()
    places, values = column.row[column.row != but], column.data[column.row != but]
    return places[np.lexsort((places, -values))][:number].astype(np.int64)


def shown_latents(apart: TakenApart, block: dict[str, Any], seed: int) -> np.ndarray:
    """Numbers of the latents that Table 1 and Fig. 1 show the explanations of, ascending."""
    chosen = choose(apart, block, seed).places
    shown = set(chosen.tolist())
    for place in graph_of(apart, chosen):
        for meta_latent in apart.activations[[place]].indices:
            shown |= set(strongest_latents(apart, meta_latent, place, block["neighbours"]).tolist())
    return apart.latents[sorted(shown)]
