"""Where a latent fires: its strongest contexts, firings of every part of its range, and how strong it is."""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.interpretability.dashboard import strongest
from workflow_scripts.anatomy.interpretability.peaks import Best, Places, firings, window_start
from workflow_scripts.anatomy.interpretability.windows import Windows, gather
from workflow_scripts.anatomy.report.latents.extent import (
    STRATA,
    Extent,
    shares_of_maximum,
    strata_of,
)


@dataclass(frozen=True)
class Contexts:
    """n windows of all m latents, by latent, then stratum, then strength; a dead latent has none.

    latent (n,) int64; stratum (n,) int64, 0 for the strongest contexts, 1 to 5 for 0-10, 10-25, 25-50, 50-75 and
    75-100 % of the maximum; peak (n,) int64, the position that a window is shown for; windows.
    counts (m, 5) int64, firings in each part of the range; histogram (m, bins) int64, firings by size in equal
    bins from 0 to the maximum; maximum (m,) float32.
    """

    latent: np.ndarray
    stratum: np.ndarray
    peak: np.ndarray
    windows: Windows
    counts: np.ndarray
    histogram: np.ndarray
    maximum: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Of each latent's firings, the share in each part of its range, (m, 5) float32; 0 if it has none."""
        total = np.maximum(self.counts.sum(1, keepdims=True), 1)
        return (self.counts / total).astype(np.float32)

    @property
    def values(self) -> np.ndarray:
        """Activations of all windows one after another, uint8, see `shares_of_maximum`."""
        return shares_of_maximum(self.windows.activations, self.maximum[self.latent]).reshape(-1)


def contexts_of(store: ActivationStore, codes: CodesStore, extent: Extent, seed: int) -> Contexts:
    """Windows, histogram and strata of every latent; the codes are read twice, block by block.

    Only tokens that count are counted. Of the strongest contexts, each is shown once, around the latent's
    largest activation in it. Of each part of the range, every firing is as likely to be shown as any other;
    `seed` draws them, and decides between contexts that are equally strong. A quarter of a window comes after
    the token that it is shown for, unless the context begins or ends before.
    """
    count, positions, first = codes.width, store.shape[1], store.min_position
    maximum = codes.latents("activation_max")
    counts = np.zeros((count, STRATA), np.int64)
    histogram = np.zeros((count, extent.bins), np.int64)
    best = Best(count, extent.contexts, by_value=True)
    drawn = Best(count * STRATA, extent.per_stratum, by_value=False)
    for block in codes.block_slices():
        places = firings(codes, block, np.arange(count), codes.units.used(block), seed)
        largest = maximum[places.latent]
        share = places.value.astype(np.float64) / largest
        bins = np.minimum((share * extent.bins).astype(np.int64), extent.bins - 1)
        _count(histogram, places.latent, bins)
        stratum = strata_of(places.value, largest)
        _count(counts, places.latent, stratum - 1)
        best.add(strongest(places))
        drawn.add(places._replace(latent=places.latent * STRATA + stratum - 1))
    top, others = best.places(), drawn.places()
    stratum = np.concatenate([np.zeros(len(top.latent), np.int64), others.latent % STRATA + 1])
    others = others._replace(latent=others.latent // STRATA)
    found = Places(*(np.concatenate(pair) for pair in zip(top, others, strict=True)))
    order = np.lexsort((found.key, -found.value, stratum, found.latent))
    found, stratum = found.take(order), stratum[order]
    window = min(extent.window, positions - first)
    start = window_start(found.position, window, first, positions)
    rows = np.stack([found.context, start], 1)
    bounds = np.searchsorted(found.latent, np.arange(count + 1))
    plans = np.split(rows, bounds[1:-1])
    windows = gather(store, codes, np.arange(count), window, plans, None)
    return Contexts(found.latent, stratum, found.position, windows, counts, histogram, maximum)


def _count(counts: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Add 1 to each place of `counts`, in place."""
    flat = rows * counts.shape[1] + columns
    counts += np.bincount(flat, minlength=counts.size).reshape(counts.shape)
