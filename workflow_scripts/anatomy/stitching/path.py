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

from workflow_scripts.anatomy.stitching.intervals import add_by_group
from workflow_scripts.anatomy.stitching.moves import Moves
from workflow_scripts.anatomy.stitching.pair import Block, Pair, n_groups

# Entries of (events x dimensions) worked on at a time: 1 MB in float64, which stays in the cache.
EVENT_ENTRIES = 2**17


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
    parts, rows, known = [], [], 0
    for sign, half, codes, step_of in (
        (-1, pair.small, block.small, moves.small),
        (1, pair.large, block.large, moves.large),
    ):
        steps = step_of[codes.indices]
        kept = steps >= 0
        tokens = np.repeat(np.arange(codes.shape[0]), np.diff(codes.indptr))[kept]
        # Only rows in use are widened: all of a wide decoder in float64 may not fit.
        used, row = np.unique(codes.indices[kept], return_inverse=True)
        rows.append(half.vectors(used, np.full(len(used), sign)))
        parts.append(
            (tokens, steps[kept], row + known, codes.data[kept], np.full(len(row), float(sign)))
        )
        known += len(used)
    tokens, steps, row, values, signs = (np.concatenate(both) for both in zip(*parts, strict=True))
    directions, order = torch.cat(rows), np.lexsort((steps, tokens))
    bounds = np.searchsorted(tokens[order], np.arange(len(block.residual) + 1))
    for first, last in _spans(bounds, EVENT_ENTRIES // block.residual.shape[1]):
        part = order[bounds[first] : bounds[last]]
        added = directions[torch.from_numpy(row[part])]
        added *= torch.from_numpy(values[part].astype(np.float64))[:, None]
        events = torch.from_numpy(np.diff(bounds[first : last + 1]))
        change = _squared_changes(block.residual[first:last], added, events).numpy()
        dot = -(added @ pair.bias_difference).numpy()
        yield tokens[part], steps[part], change, dot, signs[part]


def _spans(bounds: np.ndarray, events: int) -> Iterator[tuple[int, int]]:
    """Spans of tokens with at most `events` events, or of one token with more."""
    first, tokens = 0, len(bounds) - 1
    while first < tokens:
        last = int(np.searchsorted(bounds, bounds[first] + events, "right")) - 1
        last = min(max(last, first + 1), tokens)
        if bounds[last] > bounds[first]:
            yield first, last
        first = last


def _squared_changes(before: Tensor, added: Tensor, events: Tensor) -> Tensor:
    """Change of |u|^2 (e,) at each event that takes `added` (e, d) from u, token by token in order.

    before: (n, d), u before a token's first event; events: (n,) int64, how many events it has.
    """
    running = added.cumsum(0)
    starts = events.cumsum(0) - events
    earlier = torch.where((starts > 0)[:, None], running[starts - 1], 0.0)
    # u_before + u_after = 2 u_after + added, and u_after is `before` less what was added since.
    both = (2 * (before + earlier)).repeat_interleave(events, 0, output_size=len(added))
    both.sub_(running, alpha=2).add_(added)
    return -both.mul_(added).sum(-1)
