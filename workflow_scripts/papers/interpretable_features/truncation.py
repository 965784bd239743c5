"""Activations rebuilt from a few of their principal or independent components."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.statistics.components import Components

# Which components are used: the strongest of each token, as an SAE does, or the same for all tokens.
SELECTIONS = ("token", "fixed")


def truncated(
    components: Components, x: NDArray, counts: Sequence[int], selection: str
) -> Iterator[tuple[int, NDArray]]:
    """Squared errors of x (n, d) rebuilt from so many components, (n,) float64, for each of the counts.

    ``token``: those that add the longest vectors to this token; ``fixed``: the first ones. What is left
    out is taken at its mean.
    """
    scores = components.scores(x)
    error = x - components.mean
    if selection == "fixed":
        used = 0
        for count in sorted(counts):
            error = error - scores[:, used:count] @ components.directions[used:count]
            used = count
            yield count, (error**2).sum(1)
        return
    lengths = np.abs(scores) * np.linalg.norm(components.directions, axis=1)
    rank = np.argsort(np.argsort(-lengths, axis=1, kind="stable"), axis=1)
    for count in sorted(counts):
        kept = np.where(rank < count, scores, 0.0)
        yield count, ((error - kept @ components.directions) ** 2).sum(1)


def grid(dimensions: int, l0s: Sequence[float]) -> list[int]:
    """Numbers of components: two in each octave, all of them, and those on either side of some L0s."""
    octaves = [2 ** (at / 2) for at in range(2 * dimensions.bit_length())]
    wanted = {round(each) for each in octaves} | {dimensions}
    wanted |= {int(end) for l0 in l0s for end in (np.floor(l0), np.ceil(l0))}
    return sorted(each for each in wanted if 1 <= each <= dimensions)
