"""MSE and L0 of every stitched SAE on a path, exactly, in one pass over the tokens.

After t steps let u_t be what is left of a token's activation when b_0 and the latents then in use
are subtracted, D = b_1 - b_0, and c_t = 1 - alpha_t the share of the larger SAE's latents. Eq. 5 gives

    |x - Sae_t(x)|^2 = |u_t|^2 - 2 c_t u_t.D + c_t^2 |D|^2

A step changes u_t only for tokens on which one of its latents fires, so a token has no more events
than active latents in both SAEs. An event that adds v changes |u|^2 by -(u_before + u_after).v and
u.D by -v.D; both are summed per step, and their running sums are |u_t|^2 and u_t.D over all tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.stitching.insertion import ENTRIES
from workflow_scripts.anatomy.stitching.intervals import add_by_group
from workflow_scripts.anatomy.stitching.moves import Moves
from workflow_scripts.anatomy.stitching.pair import Block, Pair, n_groups


@dataclass(frozen=True)
class Walk:
    """Sums over the analysed tokens of each group of contexts, at R recorded points of a path.

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


def walk(pair: Pair, moves: Sequence[Moves], records: Sequence[np.ndarray]) -> list[Walk]:
    """Take several paths that start at the smaller SAE, in one pass over the tokens.

    Parameters
    ----------
    records: for each path, the numbers of steps (R,) after which to record, ascending from 0. All
        recorded points are exact, however few there are.

    Memory is 3 x G x R float64 for each path, whatever the tokens.
    """
    groups = n_groups(pair.small.codes)
    sums = [np.zeros((3, groups, len(points))) for points in records]
    count = np.zeros(groups, np.int64)
    difference = pair.bias_difference
    for block in pair.blocks(f"from {pair.small.name} to {pair.large.name}"):
        count += np.bincount(block.groups, minlength=groups)
        start = (
            block.residual.square().sum(-1).numpy(),
            (block.residual @ difference).numpy(),
            np.diff(block.small.indptr),
        )
        for total, path, points in zip(sums, moves, records, strict=True):
            for part, values in zip(total, start, strict=True):
                part[:, 0] += np.bincount(block.groups, values, minlength=groups)
            for tokens, steps, *changes in _changes(pair, block, path):
                column = np.searchsorted(points, steps + 1)
                kept = column < len(points)
                where = (block.groups[tokens[kept]], column[kept])
                for part, values in zip(total, changes, strict=True):
                    add_by_group(part, *where, values[kept])
    norm2 = float(difference @ difference)
    walks = []
    for total, path, points in zip(sums, moves, records, strict=True):
        left2, dot, l0 = total.cumsum(-1)
        n_small, n_large = (side[points] for side in path.counts())
        share = n_large / np.maximum(n_small + n_large, 1)
        error2 = left2 - 2 * share * dot + share**2 * norm2 * count[:, None]
        walks.append(Walk(points, n_small, n_large, error2, l0, count))
    return walks


def _changes(pair: Pair, block: Block, moves: Moves) -> Iterator[tuple[np.ndarray, ...]]:
    """Events of a block: token, step, and the changes of |u|^2, u.D and L0, some tokens at a time."""
    parts = []
    for side, (codes, step_of) in enumerate(
        ((block.small, moves.small), (block.large, moves.large))
    ):
        tokens = np.repeat(np.arange(codes.shape[0]), np.diff(codes.indptr))
        steps = step_of[codes.indices]
        parts.append((tokens, steps, np.full(len(steps), side), codes.indices, codes.data))
    tokens, steps, sides, latents, values = (
        np.concatenate(both) for both in zip(*parts, strict=True)
    )
    order = np.lexsort((steps, tokens))
    order = order[steps[order] >= 0]
    tokens, steps, sides = tokens[order], steps[order], sides[order]
    latents, values = latents[order], values[order]
    bounds = np.searchsorted(tokens, np.arange(len(block.residual) + 1))
    for first, last in _spans(bounds, ENTRIES // block.residual.shape[1]):
        part = slice(bounds[first], bounds[last])
        added = _vectors(pair, sides[part], latents[part], values[part])
        before = block.residual[first:last]
        change = _squared_changes(before, added, bounds[first : last + 1] - bounds[first])
        dot = -(added @ pair.bias_difference).numpy()
        yield tokens[part], steps[part], change, dot, 2.0 * sides[part] - 1


def _spans(bounds: np.ndarray, entries: int) -> Iterator[tuple[int, int]]:
    """Spans of tokens with at most `entries` events, or of one token with more."""
    first, tokens = 0, len(bounds) - 1
    while first < tokens:
        last = int(np.searchsorted(bounds, bounds[first] + entries, "right")) - 1
        last = min(max(last, first + 1), tokens)
        if bounds[last] > bounds[first]:
            yield first, last
        first = last


def _vectors(pair: Pair, sides: np.ndarray, latents: np.ndarray, values: np.ndarray) -> Tensor:
    """What each event adds to the reconstruction, (e, d) float64; latents taken out add -f w."""
    added = torch.empty(len(sides), len(pair.small.bias), dtype=torch.float64)
    for side, half in enumerate((pair.small, pair.large)):
        chosen = sides == side
        sign = 2 * side - 1
        added[torch.from_numpy(chosen)] = half.vectors(latents[chosen], sign * values[chosen])
    return added


def _squared_changes(before: Tensor, added: Tensor, bounds: np.ndarray) -> np.ndarray:
    """Change of |u|^2 (e,) at each event, for u `before` any event (n, d), and added (e, d)."""
    events = np.diff(bounds)
    tokens = torch.from_numpy(np.repeat(np.arange(len(events)), events))
    running = torch.cat([added.new_zeros(1, added.shape[1]), added.cumsum(0)])
    so_far = running[1:] - running[torch.from_numpy(bounds[:-1])][tokens]
    after = before[tokens] - so_far
    return -((2 * after + added) * added).sum(-1).numpy()
