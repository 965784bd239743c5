"""Directions whose interpretability is compared: latents of an SAE and their rivals, as many of each."""

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.components import Components

SAE = "sae"
# In the order of figures: sparse autoencoder, independent and principal components, the coordinates of
# the activation space, and random directions.
METHODS = (SAE, "ica", "pca", "basis", "random")
RIVALS = METHODS[1:]
# A latent that fires on fewer tokens has too few examples to explain and to test on.
FEWEST_FIRINGS = 200


def candidates(method: str, components: dict[str, Components], width: int, seed: int) -> NDArray:
    """Readers of all directions of a rival, unit or not, (n, d) float64; `width` if they are random.

    A latent fires on one side of its direction, so components and coordinates count once for each side.
    """
    dimensions = len(components["pca"].mean)
    if method == "random":
        drawn = np.random.default_rng([seed, 4]).standard_normal((width, dimensions))
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    sides = np.eye(dimensions) if method == "basis" else components[method].readers
    return np.concatenate([sides, -sides])


def chosen_latents(firing_count: NDArray, number: int, seed: int) -> NDArray:
    """At most `number` of the latents that fire often enough, at random, ascending int64.

    Raises
    ------
    AnatomyError: none does.
    """
    eligible = np.flatnonzero(firing_count >= FEWEST_FIRINGS)
    if not len(eligible):
        raise AnatomyError(
            f"no latent fires on {FEWEST_FIRINGS} tokens, as many as it takes to explain one; raise the "
            "analysis harvest's contexts, or name another SAE"
        )
    if number >= len(eligible):
        return eligible
    return np.sort(np.random.default_rng([seed, 5]).choice(eligible, number, replace=False))


def chosen_directions(
    readers: NDArray, frequencies: NDArray, seed: int
) -> tuple[NDArray, NDArray, NDArray]:
    """As many directions as there are frequencies, or all where there are fewer, at random.

    Returns their numbers (n,) int64, ascending, their readers (n, d), and the frequency of each (n,): those
    given, in a random order.
    """
    generator = np.random.default_rng([seed, 6])
    number = min(len(readers), len(frequencies))
    numbers = np.sort(generator.choice(len(readers), number, replace=False))
    return numbers, readers[numbers], generator.permutation(frequencies)[:number]
