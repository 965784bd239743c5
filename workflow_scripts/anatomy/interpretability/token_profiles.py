"""What a latent is about, as a distribution over tokens: an explanation that can be compared and mixed.

The tokens at a latent's strongest activations and shortly before them, as far as they are more frequent
there than in the text.
"""

from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.interpretability.strongest import strongest_windows

# A window has the peak, three tokens before it, and one after it that is not looked at.
WINDOW = 5
# A token further away from the peak counts by so much less.
DECAY = 0.5


def token_frequencies(store: ActivationStore, vocabulary: int) -> np.ndarray:
    """Share of each token among those that count, (vocabulary,) float64."""
    counts = np.zeros(vocabulary, dtype=np.int64)
    for block in store.block_slices():
        tokens = read(store.group["tokens"], block, store.path)
        counts += np.bincount(tokens[store.units.used(block)], minlength=vocabulary)
    return counts / counts.sum()


def token_profiles(
    store: ActivationStore, codes: Any, latents: np.ndarray, number: int, vocabulary: int
) -> Any:
    """The profiles of some latents.

    Parameters
    ----------
    store, codes: as of `examples.draw_examples`.
    latents: (n,) int, which columns of the codes.
    number: strongest activations of each that count, each by its size.

    Returns
    -------
    csr_matrix (n, vocabulary) float64. A row sums to 1, or has nothing in it: the latent does not
    fire, or no token is more frequent where it does than elsewhere.
    """
    from scipy.sparse import csr_matrix

    found = strongest_windows(store, codes, latents, WINDOW, number)
    windows = found.windows
    at, weight = _weights(windows.activations)
    latent = np.repeat(np.arange(len(found)), np.diff(found.bounds))
    rows = np.broadcast_to(latent[:, None], at.shape)[at]
    shape = (len(found), vocabulary)
    observed = csr_matrix((weight[at], (rows, windows.tokens[at])), shape)
    return normalised(_above(normalised(observed), token_frequencies(store, vocabulary)))


def normalised(matrix: Any) -> Any:
    """A csr_matrix of numbers that are not negative, each row over its sum; empty rows stay empty."""
    from scipy.sparse import diags_array

    total = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return (diags_array(scale) @ matrix).tocsr()


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What two distributions have in common, sum of min(p, q) along the last axis: 0 to 1."""
    return np.minimum(one, other).sum(-1)


def _weights(activations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which positions of windows (n, W) count, and how much: (n, W) bool and float64."""
    peak = activations.argmax(1)
    back = peak[:, None] - np.arange(activations.shape[1])
    strength = activations.max(1, initial=0).astype(np.float64)
    return back >= 0, strength[:, None] * DECAY ** np.maximum(back, 0)


def _above(observed: Any, frequencies: np.ndarray) -> Any:
    """How much more frequent the tokens of each row are than in the text; nothing where they are not."""
    excess = observed.copy()
    excess.data = np.maximum(excess.data - frequencies[excess.indices], 0)
    excess.eliminate_zeros()
    return excess
