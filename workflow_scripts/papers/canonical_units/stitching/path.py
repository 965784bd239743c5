"""MSE and L0 of every stitched SAE on a path, exactly, in one pass over the tokens.

After t steps let u_t be what is left of a token's activation when b_0 and the latents then in use
are subtracted, D = b_1 - b_0, and c_t = 1 - alpha_t the share of the larger SAE's latents. Eq. 5 gives

    |x - Sae_t(x)|^2 = |u_t|^2 - 2 c_t u_t.D + c_t^2 |D|^2

A step changes u_t only for tokens on which one of its latents fires, so a token has no more events
than active latents in both SAEs. An event that adds f w, f negative for a latent that goes, changes
|u|^2 by f (f |w|^2 - 2 u.w) and u.D by -f w.D; both are summed per step, and their running sums are
|u_t|^2 and u_t.D over all tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workflow_scripts.anatomy.statistics.ratio_intervals import add_by_group
from workflow_scripts.papers.canonical_units.stitching.moves import Moves
from workflow_scripts.papers.canonical_units.stitching.pair import Block, Pair, n_groups
from workflow_scripts.papers.canonical_units.stitching.products import code_products, squared_norms


@dataclass(frozen=True)
class Walk:
    """Sums over the analysed tokens of each group of documents, at R recorded points of a path.

    steps: (R,) int64, how many steps were taken.
    n_small, n_large: (R,) int64, latents in use of either SAE.
    error2: (G, R) float64, summed squared error of the stitched SAE.
    l0: (G, R) float64, summed number of active latents.
    count: (G,) int64, tokens.
    """

    steps: np.ndarray
    n_small: np.ndarray
    n_large: np.ndarray
    error2: np.ndarray
    l0: np.ndarray
    count: np.ndarray

    def at(self, points: np.ndarray) -> "Walk":
        """The same path at some of its recorded numbers of steps, (r,) ascending."""
        kept = np.searchsorted(self.steps, points)
        if (self.steps[kept] != points).any():
            raise ValueError("not all of these points were recorded")
        names = ("steps", "n_small", "n_large", "error2", "l0")
        return replace(self, **{name: getattr(self, name)[..., kept] for name in names})


def walk(pair: Pair, moves: Sequence[Moves], records: Sequence[np.ndarray]) -> list[Walk]:
    """Take several paths that start at the smaller SAE, in one pass over the tokens.

    Parameters
    ----------
    records: for each path, the numbers of steps (R,) after which to record, ascending from 0. All
        recorded points are exact, however few there are.

    Memory is a copy of both decoders, and 3 x G x R float64 for each path, whatever the tokens.
    """
    groups = n_groups(pair.small.codes)
    sums = [np.zeros((3, groups, len(points))) for points in records]
    count = np.zeros(groups, np.int64)
    latents = _latents(pair)
    orders = [_order(path, points) for path, points in zip(moves, records, strict=True)]
    for block in pair.blocks(f"from {pair.small.name} to {pair.large.name}"):
        count += np.bincount(block.groups, minlength=groups)
        left = block.residual.numpy()
        start = (
            np.einsum("nd,nd->n", left, left),
            left @ pair.bias_difference.numpy(),
            np.diff(block.small.indptr),
        )
        for total, order in zip(sums, orders, strict=True):
            for part, values in zip(total, start, strict=True):
                part[:, 0] += np.bincount(block.groups, values, minlength=groups)
            group, column, changes = _changes(block, latents, order)
            for part, values in zip(total, changes, strict=True):
                add_by_group(part, group, column, values)
    norm2 = float(pair.bias_difference @ pair.bias_difference)
    walks = []
    for total, path, points in zip(sums, moves, records, strict=True):
        left2, dot, l0 = total.cumsum(-1)
        n_small, n_large = (side[points] for side in path.counts())
        share = n_large / np.maximum(n_small + n_large, 1)
        error2 = left2 - 2 * share * dot + share**2 * norm2 * count[:, None]
        walks.append(Walk(points, n_small, n_large, error2, l0, count))
    return walks


@dataclass(frozen=True)
class _Latents:
    """Latents of the smaller SAE, then those of the larger one.

    directions: (m, d) float32. norm2, bias_dot: (m,) float64, |w|^2 and w.D.
    weight: (m,) float64, what an activation of 1 puts along w: 1 / s, negative if it is taken out.
    """

    directions: np.ndarray
    norm2: np.ndarray
    bias_dot: np.ndarray
    weight: np.ndarray


def _latents(pair: Pair) -> _Latents:
    directions = np.concatenate([sae.directions.numpy() for sae in (pair.small, pair.large)])
    return _Latents(
        directions,
        squared_norms(directions),
        np.einsum("md,d->m", directions, pair.bias_difference.numpy()),
        np.repeat(
            [-1 / pair.small.scale, 1 / pair.large.scale], [pair.small.width, pair.large.width]
        ),
    )


def _order(moves: Moves, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latents that move before the last record, in the order of their steps, and at which record
    each is first seen, (k,) int64 both."""
    steps = np.concatenate([moves.small, moves.large])
    latents = np.argsort(steps, kind="stable")
    columns = np.searchsorted(points, steps[latents] + 1)
    moving = (steps[latents] >= 0) & (columns < len(points))
    return latents[moving], columns[moving]


def _changes(
    block: Block, latents: _Latents, order: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Events of a block: group and record (e,), and the changes of |u|^2, u.D and L0, (e,) each."""
    from scipy.sparse import hstack

    codes = hstack([block.small, block.large], format="csr")[:, order[0]]
    # A token's events are in the order of the path when its latents, renumbered so, ascend.
    codes.sort_indices()
    latent, column = (part[codes.indices] for part in order)
    amount = codes.data * latents.weight[latent]
    products = code_products(
        block.residual.numpy(), latents.directions, codes.indptr, latent, amount
    )
    change = amount * (amount * latents.norm2[latent] - 2 * products)
    group = np.repeat(block.groups, np.diff(codes.indptr))
    return group, column, (change, -amount * latents.bias_dot[latent], np.sign(amount))
