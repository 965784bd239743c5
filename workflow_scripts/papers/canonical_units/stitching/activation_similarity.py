"""Do latents with like decoder directions fire alike? Cosines of activations (Fig. 11)."""

from collections.abc import Mapping

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.papers.canonical_units.stitching.pair import n_groups, used_groups, used_rows
from workflow_scripts.papers.canonical_units.stitching.similarity import cosines_of, similarity


def chosen_pairs(
    small: SaeOnHarvest, large: SaeOnHarvest, above: float, at_most: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of latents to compare: like ones, and as many random ones for the rest of the axis.

    Parameters
    ----------
    above: all pairs with a decoder cosine from here on are taken, if they are no more than `at_most`;
        else a random `at_most` of them.

    Returns
    -------
    Latents of the smaller and of the larger SAE, (p,) int64, and their decoder cosines (p,) float32.
    """
    generator = np.random.default_rng(seed)
    likeness = similarity(small.directions, large.directions, above)
    edges = np.arange(len(likeness.edge_small))
    if len(edges) > at_most:
        edges = np.sort(generator.choice(edges, at_most, replace=False))
    n_pairs = small.width * large.width
    # Pairs drawn twice count once: without replacement, all pairs would have to be in memory.
    drawn = np.unique(generator.integers(n_pairs, size=min(at_most, n_pairs)))
    left, right = drawn // large.width, drawn % large.width
    cosines = cosines_of(small.directions, large.directions, (left, right))
    rest = cosines < above
    return (
        np.concatenate([likeness.edge_small[edges], left[rest]]),
        np.concatenate([likeness.edge_large[edges], right[rest]]),
        np.concatenate([likeness.edge_cosine[edges], cosines[rest]]),
    )


def activation_products(
    small: SaeOnHarvest, large: SaeOnHarvest, pairs: tuple[np.ndarray, np.ndarray]
) -> dict[str, np.ndarray]:
    """Sums over tokens for pairs of latents, (G, p) float64: product, square_small, square_large.

    Memory is G x (3 p + m0 + m1), and two sparse blocks of codes.

    Raises
    ------
    AnatomyError: the codes are of different harvests.
    """
    from scipy.sparse import csc_matrix

    about = [dict(sae.codes.group.attrs) for sae in (small, large)]
    if any(about[0][key] != about[1][key] for key in ("model", "harvest", "site")):
        raise AnatomyError(
            f"{small.codes.path} and {large.codes.path}: codes of different harvests; use one for both"
        )
    groups, saes = n_groups(small.codes), (small, large)
    product = np.zeros((groups, len(pairs[0])))
    squares = [np.zeros((groups, sae.width)) for sae in saes]
    progress = Progress(f"activations of {small.name} and {large.name}", small.codes.shape[0])
    for contexts in small.codes.block_slices():
        rows = [used_rows(sae.codes, contexts).astype(np.float64) for sae in saes]
        group = used_groups(small.codes, contexts)
        touched, local = np.unique(group, return_inverse=True)
        ones = np.ones(len(group))
        member = csc_matrix(
            (ones, (local, np.arange(len(group)))), shape=(len(touched), len(group))
        )
        for codes, square in zip(rows, squares, strict=True):
            square[touched] += (member @ codes.power(2)).toarray()
        left, right = (
            codes.tocsc()[:, latents] for codes, latents in zip(rows, pairs, strict=True)
        )
        product[touched] += (member @ left.multiply(right)).toarray()
        progress(contexts.stop)
    return {
        "product": product,
        "square_small": squares[0][:, pairs[0]],
        "square_large": squares[1][:, pairs[1]],
    }


def activation_cosine(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Cosine of two latents' activations over tokens (..., p), from sums; NaN if one never fires."""
    with np.errstate(invalid="ignore"):
        return sums["product"] / np.sqrt(sums["square_small"] * sums["square_large"])


def r2_with(decoder_cosine: np.ndarray, sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """R^2 (...) of the line that predicts activation cosines from decoder cosines (p,).

    Pairs of which one latent never fires take no part.
    """
    target = activation_cosine(sums)
    used = np.isfinite(target)
    target = np.where(used, target, 0.0)
    n = used.sum(-1)
    x = np.where(used, decoder_cosine.astype(np.float64), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        dx = np.where(used, x - (x.sum(-1) / n)[..., None], 0.0)
        dy = np.where(used, target - (target.sum(-1) / n)[..., None], 0.0)
        return (dx * dy).sum(-1) ** 2 / ((dx**2).sum(-1) * (dy**2).sum(-1))
