"""The windows of the strongest activations of latents, where nothing has to be tested on others."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability.halves import Halves
from workflow_scripts.anatomy.interpretability.peaks import Best, firings, peaks, window_start
from workflow_scripts.anatomy.interpretability.windows import Windows, gather


@dataclass(frozen=True)
class Strongest:
    """The strongest windows of n latents, those of a latent together, the strongest first.

    windows: of all latents. bounds: (n + 1,) int64, where each latent's begin in them.
    """

    windows: Windows
    bounds: np.ndarray

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def of(self, at: int) -> Windows:
        """The windows of the latent at this place."""
        return self.windows.take(slice(self.bounds[at], self.bounds[at + 1]))

    def __iter__(self) -> Iterator[Windows]:
        return (self.of(at) for at in range(len(self)))


def strongest_windows(
    store: ActivationStore,
    codes: Any,
    latents: np.ndarray,
    window: int,
    number: int,
    halves: Halves | None = None,
) -> Strongest:
    """The windows about the `number` largest peaks of each latent, fewer where it has fewer.

    Parameters
    ----------
    store, codes: as of `examples.draw_examples`.
    latents: (n,) int, which columns of the codes.
    window: tokens in a window; a peak is the largest activation of its window.
    halves: look in the explanation half alone, and the windows are those of `LatentExamples.top`; None
        for everywhere.

    Raises
    ------
    AnatomyError: contexts too short for the window.
    """
    latents = np.asarray(latents, dtype=np.int64)
    positions, first = store.shape[1], store.min_position
    if positions - first < window:
        raise AnatomyError(
            f"interpretability: window {window} does not fit in {store.path}, where "
            f"{positions - first} positions of each context count; choose a smaller window"
        )
    best = Best(len(latents), number, by_value=True)
    for block in store.block_slices():
        fired = firings(codes, block, latents, store.units.used(block))
        if halves is None:
            start = window_start(fired.position, window, first, positions)
            chosen = peaks(fired, start, window)
        else:
            start, explain, fits = halves.windows(fired.context, fired.position, window)
            chosen = peaks(fired, start, window) & explain & fits
        # From here on a place stands for its window, and `position` is where that starts.
        best.add(fired._replace(position=start).take(chosen))
    places = best.places()
    bounds = np.searchsorted(places.latent, np.arange(len(latents) + 1))
    rows = np.stack([places.context, places.position], axis=1)
    plans = [rows[begin:end] for begin, end in pairwise(bounds)]
    return Strongest(gather(store, codes, latents, window, plans, None), bounds)
