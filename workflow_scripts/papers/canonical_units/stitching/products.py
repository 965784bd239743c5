"""Scalar products of tokens with the directions of their active latents, as many as there are codes."""

import numpy as np

# Entries of (tokens x dimensions) worked on at a time: 256 KB in float64, which stays in the cache.
ENTRIES = 2**15


def code_products(
    left: np.ndarray,
    directions: np.ndarray,
    bounds: np.ndarray,
    latents: np.ndarray,
    amounts: np.ndarray | None = None,
) -> np.ndarray:
    """u.w, (e,) float64, for each of e active latents, where w is its direction and u its token.

    Parameters
    ----------
    left: (n, d) float64, what is left of each token. directions: (m, d) float32.
    bounds: (n + 1,) where each token's latents begin. latents: (e,) int64.
    amounts: (e,) float64; with it, ``amounts * directions`` is taken from u after each product, so
        that a token's next latent meets what its earlier ones left.

    Tokens are taken together, the first latent of each, then the second of each, and so on, which
    costs e x d operations and memory for `ENTRIES` of them.
    """
    counts = np.diff(bounds)
    # With the longest first, those that still have a latent are always the first ones.
    by_count = np.argsort(-counts, kind="stable")
    products = np.empty(len(latents))
    step = max(1, ENTRIES // left.shape[1])
    rows = np.empty((step, left.shape[1]), np.float32)
    for start in range(0, len(counts), step):
        tokens = by_count[start : start + step]
        u, first, ends = left[tokens], bounds[tokens], -counts[tokens]
        w = np.empty_like(u)
        for event in range(-ends[0]):
            n = np.searchsorted(ends, -event)
            entries = first[:n] + event
            # Any other mode would take into a buffer first; latents are in range anyway.
            w[:n] = directions.take(latents[entries], 0, rows[:n], mode="clip")
            products[entries] = np.einsum("nd,nd->n", u[:n], w[:n])
            if amounts is not None:
                w[:n] *= amounts[entries, None]
                u[:n] -= w[:n]
    return products


def squared_norms(directions: np.ndarray) -> np.ndarray:
    """|w|^2, (m,) float64, of directions (m, d) float32."""
    return np.einsum("md,md->m", directions, directions, dtype=np.float64)
