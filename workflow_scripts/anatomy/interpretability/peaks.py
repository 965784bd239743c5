"""Where latents peak, and a sample of these places of bounded size, the same for any block size."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15


class Places(NamedTuple):
    """Positions of latents, as arrays of equal length.

    latent: int64, number of the latent in the selection. context: int64. position: int64, in the
    context. value: float32, its activation there. key: uint64, a random number of the place.
    """

    latent: np.ndarray
    context: np.ndarray
    position: np.ndarray
    value: np.ndarray
    key: np.ndarray

    def take(self, which: np.ndarray) -> "Places":
        return Places(*(column[which] for column in self))


def random_keys(seed: int, *numbers: np.ndarray) -> np.ndarray:
    """A random uint64 for every tuple of integers, a function of the tuple and the seed alone.

    The finaliser of splitmix64 after each number; a key does not depend on what else is drawn, so
    samples by smallest key do not depend on the order or the blocks in which a store is read.
    """
    key = np.full(np.shape(numbers[0]), seed % 2**64, dtype=np.uint64)
    for number in numbers:
        key = key + np.asarray(number).astype(np.uint64) * np.uint64(2) + np.uint64(1)
        key = key * np.uint64(GOLDEN)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key = key ^ (key >> np.uint64(31))
    return key


def window_start(
    position: np.ndarray, window: int, first: int | np.ndarray, positions: int | np.ndarray
) -> np.ndarray:
    """Start of the window of a position: a quarter comes after it, shifted to fit between `first` and
    `positions`."""
    before = window - 1 - window // 4
    return np.clip(position - before, first, positions - window)


def firings(
    codes: Any, contexts: slice, latents: np.ndarray, counted: np.ndarray, seed: int = 0
) -> Places:
    """All places in some contexts, of those that are `counted` (c, T) bool, where the latents fire.

    Sorted by latent, then by place.
    """
    block = codes.rows(contexts)
    number = np.full(block.shape[1], -1, dtype=np.int64)
    number[latents] = np.arange(len(latents))
    wanted = number[block.indices]
    rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    positions = counted.shape[1]
    used = np.flatnonzero((wanted >= 0) & (block.data > 0) & counted.ravel()[rows])
    used = used[np.argsort(wanted[used], kind="stable")]
    latent, row = wanted[used], rows[used]
    context, position = contexts.start + row // positions, row % positions
    key = random_keys(seed, latents[latent], context, position)
    return Places(latent, context, position, block.data[used], key)


def peaks(places: Places, start: np.ndarray, window: int) -> np.ndarray:
    """Which of the places of `firings` are peaks, as (places,) bool, given where their windows start.

    A peak is the largest activation of its own window, and the first one of equals.
    """
    kept = np.ones(len(start), dtype=bool)
    for step in range(1, window):
        earlier, later = slice(None, -step), slice(step, None)
        same = places.latent[earlier] == places.latent[later]
        same &= places.context[earlier] == places.context[later]
        ahead = same & (places.position[later] < start[earlier] + window)
        behind = same & (places.position[earlier] >= start[later])
        if not (ahead.any() or behind.any()):
            break
        kept[earlier] &= ~(ahead & (places.value[later] > places.value[earlier]))
        kept[later] &= ~(behind & (places.value[earlier] >= places.value[later]))
    return kept


class Best:
    """Keeps, for each latent, the `size` places with the smallest key, or the largest value."""

    def __init__(self, latents: int, size: int, by_value: bool):
        self.size, self.by_value = size, by_value
        self.limit = 2 * latents * size + 4096
        self.parts: list[Places] = []
        self.held = 0

    def add(self, places: Places) -> None:
        self.parts.append(places)
        self.held += len(places.latent)
        if self.held > self.limit:
            self.places()

    def places(self) -> Places:
        """What is kept, sorted by latent, the best first."""
        places = Places(*(np.concatenate(columns) for columns in zip(*self.parts, strict=True)))
        # Keys are made distinct for distinct places, so the order is total.
        ranks = (places.key, -places.value) if self.by_value else (places.key,)
        places = places.take(np.lexsort((*ranks, places.latent)))
        rank = np.arange(len(places.latent)) - np.searchsorted(places.latent, places.latent)
        places = places.take(rank < self.size)
        self.parts, self.held = [places], len(places.latent)
        return places


def per_latent(places: Places, latents: int) -> Iterator[Places]:
    """Cut places that are sorted by latent into those of each latent, in order."""
    bounds = np.searchsorted(places.latent, np.arange(latents + 1))
    for start, stop in pairwise(bounds):
        yield Places(*(column[start:stop] for column in places))
