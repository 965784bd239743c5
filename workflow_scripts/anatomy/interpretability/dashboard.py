"""What a dashboard shows of a latent: where it fires most, how often, and how strongly.

For any number of latents at once. The codes are read twice, block by block; what is held is a block of
the store, the windows that are shown, and a few numbers for each latent and group of documents.
"""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.interpretability.peaks import (
    Best,
    Places,
    firings,
    per_latent,
    window_start,
)
from workflow_scripts.anatomy.interpretability.windows import Windows, gather


@dataclass(frozen=True)
class Extent:
    """How much is shown of a latent: its `contexts` strongest contexts, a window of `window` tokens of
    each, and a histogram of its activations with `bins` bins."""

    contexts: int = 20
    window: int = 32
    bins: int = 24


@dataclass(frozen=True)
class Dashboards:
    """L latents; n windows of all of them, in the order of the latents, the strongest of each first.

    latents (L,) int64; firings (G, L) int64, tokens of each group of documents where it fires, of
    tokens (G,) int64; maximum (L,) float32, the largest activation.
    histogram (L, bins) int64: activations by size, in equal bins from 0 to the maximum.
    number (n,) int64, which of the latents a window is of; windows; peak (n,) int64, the position in its
    context where the latent is strongest.
    """

    latents: np.ndarray
    firings: np.ndarray
    tokens: np.ndarray
    maximum: np.ndarray
    histogram: np.ndarray
    number: np.ndarray
    windows: Windows
    peak: np.ndarray

    def places(self, number: int) -> set[tuple[int, int]]:
        """The strongest places, context and position, of one of the latents."""
        own = self.number == number
        return set(zip(self.windows.context[own].tolist(), self.peak[own].tolist(), strict=True))


def dashboards(
    store: ActivationStore, codes: CodesStore, latents: np.ndarray, extent: Extent, seed: int
) -> Dashboards:
    """Dashboards of some latents, (L,) int.

    Only tokens that count are counted. A context is shown once, around the
    latent's largest activation in it, the first of equals; of contexts that are equally strong, `seed`
    decides. A quarter of a window comes after that token, unless the context begins or ends before:
    windows are moved to fit, and shorter if contexts are. A latent that never fires has none.

    Raises
    ------
    AnatomyError: the codes are of other contexts.
    """
    if codes.shape != store.shape:
        raise AnatomyError(
            f"{codes.path}: codes of {codes.shape[0]} contexts of {codes.shape[1]} tokens, but "
            f"{store.path} has {store.shape[0]} of {store.shape[1]}; use codes of this harvest"
        )
    latents = np.asarray(latents, dtype=np.int64)
    first, positions = store.min_position, store.shape[1]
    units, count = codes.units, len(latents)
    maximum = codes.latents("activation_max")[latents]
    fired = np.zeros((units.n_groups, count), np.int64)
    tokens = np.zeros(units.n_groups, np.int64)
    histogram = np.zeros((count, extent.bins), np.int64)
    best = Best(count, extent.contexts, by_value=True)
    for block in codes.block_slices():
        groups = units.groups(block)
        used = units.used(block)
        tokens += np.bincount(groups[used], minlength=len(tokens))
        places = firings(codes, block, latents, used, seed)
        group = groups[places.context - block.start, places.position]
        np.add.at(fired, (group, places.latent), 1)
        share = places.value / maximum[places.latent]
        bins = np.minimum((share * extent.bins).astype(np.int64), extent.bins - 1)
        np.add.at(histogram, (places.latent, bins), 1)
        best.add(strongest(places))
    found = best.places()
    window = min(extent.window, positions - first)
    plans = [
        np.stack([own.context, window_start(own.position, window, first, positions)], 1)
        for own in per_latent(found, count)
    ]
    windows = gather(store, codes, latents, window, plans or [np.zeros((0, 2), np.int64)], None)
    return Dashboards(
        latents, fired, tokens, maximum, histogram, found.latent, windows, found.position
    )


def strongest(places: Places) -> Places:
    """Of places in one order, by latent and then by context, the strongest of each latent and context."""
    order = np.lexsort((places.position, -places.value, places.context, places.latent))
    places = places.take(order)
    new = np.ones(len(order), bool)
    new[1:] = (places.latent[1:] != places.latent[:-1]) | (
        places.context[1:] != places.context[:-1]
    )
    return places.take(np.flatnonzero(new))
