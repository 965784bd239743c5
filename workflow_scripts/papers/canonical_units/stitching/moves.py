"""The order in which latents are added, swapped and removed on the way from one SAE to a larger one."""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.papers.canonical_units.stitching.similarity import Components


@dataclass(frozen=True)
class Moves:
    """Steps 0 .. S - 1 from the smaller SAE towards the larger one.

    small: (m0,) int64, the step that takes a latent of the smaller SAE out; -1: it stays.
    large: (m1,) int64, the step that puts a latent of the larger SAE in; -1: it stays out.
    kinds: (S,) str, what a step does: insert, swap or remove.
    silent: how many latents of the smaller SAE never fire. They do not move, and do not count in alpha
        of Eq. 5, which their number would change although their presence changes nothing.
    """

    small: np.ndarray
    large: np.ndarray
    kinds: np.ndarray
    silent: int = 0

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Latents of the smaller and of the larger SAE after 0 .. S steps, (S + 1,) int64 each."""
        taken, put = (
            np.concatenate(
                [[0], np.cumsum(np.bincount(side[side >= 0], minlength=len(self.kinds)))]
            )
            for side in (self.small, self.large)
        )
        return len(self.small) - self.silent - taken, put


def interpolation(groups: Components, seed: int) -> Moves:
    """All the way from the smaller SAE to the larger one (section 4.2, Fig. 5), latents that fire alone.

    First the novel latents go in one by one, then every connected component is swapped, and last the
    latents of the smaller SAE that have no counterpart go out one by one, which makes the end the
    larger SAE itself. Within each phase the order is random.
    """
    generator = np.random.default_rng(seed)
    small, large = groups.small.copy(), groups.large.copy()
    novel = np.flatnonzero((large < 0) & groups.fires_large)
    alone = np.flatnonzero((small < 0) & groups.fires_small)
    swaps = len(groups.n_small)
    order = generator.permutation(swaps)
    for side in (small, large):
        side[side >= 0] = len(novel) + order[side[side >= 0]]
    large[novel] = generator.permutation(len(novel))
    small[alone] = len(novel) + swaps + generator.permutation(len(alone))
    kinds = np.repeat(["insert", "swap", "remove"], [len(novel), swaps, len(alone)])
    return Moves(small, large, kinds, int((~groups.fires_small).sum()))


def random_insertions(
    widths: tuple[int, int], latents: np.ndarray, seed: int, silent: int = 0
) -> Moves:
    """Add some latents of the larger SAE one by one in random order, and take nothing out (Fig. 18)."""
    small, large = (np.full(width, -1, np.int64) for width in widths)
    large[latents] = np.random.default_rng(seed).permutation(len(latents))
    return Moves(small, large, np.full(len(latents), "insert"), silent)


def thinned(moves: Moves, points: int) -> np.ndarray:
    """Up to about `points` numbers of steps, evenly spaced from 0 to S, with the ends of phases."""
    steps = len(moves.kinds)
    ends = np.flatnonzero(moves.kinds[1:] != moves.kinds[:-1]) + 1
    spaced = np.linspace(0, steps, min(points, steps + 1)).round().astype(np.int64)
    return np.unique(np.concatenate([[0], spaced, ends, [steps]]))
