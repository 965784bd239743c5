"""Which latents of a larger SAE a smaller one has already: decoder cosines, and groups of likes.

Canonical-units paper, Eq. 6 and section 4.2. A latent that never fires on the harvest is no part of
what an SAE does there: it is neither novel nor a counterpart, whatever its decoder direction.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest

# A block of cosines holds so many rows and columns: 64 MB in float32.
ROWS, COLUMNS = 2048, 8192
KINDS = ("1-1", "1-n", "n-1", "n-m")


@dataclass(frozen=True)
class Similarity:
    """Decoder cosines between a smaller SAE (m0 latents) and a larger one (m1).

    max_cosine: (m1,) float32, Eq. 6: the largest cosine of each larger latent to any smaller one.
    nearest: (m1,) int64, the smaller latent that has it.
    edge_small, edge_large, edge_cosine: (e,) int64, int64, float32: all pairs whose cosine reaches
        the threshold, ascending by larger, then by smaller latent.
    fires_small, fires_large: (m0,), (m1,) bool, which latents count. Of the others, the smaller ones
        are in no cosine (`nearest` is -1 where none is left), the larger ones in no pair.
    """

    widths: tuple[int, int]
    threshold: float
    max_cosine: np.ndarray
    nearest: np.ndarray
    edge_small: np.ndarray
    edge_large: np.ndarray
    edge_cosine: np.ndarray
    fires_small: np.ndarray
    fires_large: np.ndarray

    @property
    def novel(self) -> np.ndarray:
        """(m1,) bool: larger latents that fire and whose every cosine is below the threshold (Eq. 6)."""
        novel = self.fires_large.copy()
        novel[self.edge_large] = False
        return novel

    @property
    def silent(self) -> dict[str, int]:
        """How many latents never fire, as the columns of a table that leaves them out."""
        return {
            f"silent_{size}": int((~fires).sum())
            for size, fires in (("small", self.fires_small), ("large", self.fires_large))
        }


def similarity(small: Tensor, large: Tensor, threshold: float, device: str = "cpu") -> Similarity:
    """Compare decoder rows, small (m0, d) with large (m1, d), in one blockwise pass.

    Memory is a block of cosines, the normalised rows and the pairs that reach `threshold`. A row of
    zeros has cosine 0 with everything.
    """
    small_rows, large_rows = (_unit(rows.to(device)) for rows in (small, large))
    highest, nearest = [], []
    nothing = torch.zeros(0, dtype=torch.int64, device=large_rows.device)
    edges: list[tuple[Tensor, Tensor, Tensor]] = [(nothing, nothing, large_rows.new_zeros(0))]
    for start in range(0, len(large_rows), ROWS):
        part = large_rows[start : start + ROWS]
        best = part.new_full((len(part),), -torch.inf)
        best_at = torch.zeros(len(part), dtype=torch.int64, device=part.device)
        for left in range(0, len(small_rows), COLUMNS):
            cosines = part @ small_rows[left : left + COLUMNS].T
            top, column = cosines.max(1)
            better = top > best
            best_at = torch.where(better, column + left, best_at)
            best = torch.where(better, top, best)
            rows, columns = (cosines >= threshold).nonzero(as_tuple=True)
            edges.append((columns + left, rows + start, cosines[rows, columns]))
        highest.append(best)
        nearest.append(best_at)
    edge_small, edge_large, edge_cosine = (
        torch.cat(parts).cpu().numpy() for parts in zip(*edges, strict=True)
    )
    order = np.lexsort((edge_small, edge_large))
    return Similarity(
        (len(small), len(large)),
        threshold,
        torch.cat(highest).cpu().numpy(),
        torch.cat(nearest).cpu().numpy(),
        edge_small[order],
        edge_large[order],
        edge_cosine[order],
        np.ones(len(small), bool),
        np.ones(len(large), bool),
    )


def firing_similarity(small: SaeOnHarvest, large: SaeOnHarvest, threshold: float) -> Similarity:
    """Compare the decoders of two SAEs on one harvest, only the latents that fire there counting.

    Latents keep their numbers. `max_cosine` has the larger SAE's silent latents too.
    """
    fires_small, fires_large = small.fires, large.fires
    numbers = np.flatnonzero(fires_small)
    found = similarity(small.directions[torch.from_numpy(numbers)], large.directions, threshold)
    kept = fires_large[found.edge_large]
    return Similarity(
        (small.width, large.width),
        threshold,
        found.max_cosine,
        numbers[found.nearest] if len(numbers) else np.full(large.width, -1, np.int64),
        numbers[found.edge_small[kept]],
        found.edge_large[kept],
        found.edge_cosine[kept],
        fires_small,
        fires_large,
    )


def cosines_of(small: Tensor, large: Tensor, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Decoder cosines (p,) float32 of pairs of latents: smaller and larger, (p,) int64 each."""
    left, right = (torch.from_numpy(latents) for latents in pairs)
    return (_unit(small[left]) * _unit(large[right])).sum(-1).numpy()


def _unit(rows: Tensor) -> Tensor:
    return torch.nn.functional.normalize(rows.float(), dim=1, eps=1e-30)


@dataclass(frozen=True)
class Components:
    """Connected components of the bipartite graph of latents that reach the threshold.

    small, large: (m0,), (m1,) int64, the component of each latent; -1 for one without counterpart.
    n_small, n_large: (c,) int64, how many latents of either SAE a component has, at least 1.
    fires_small, fires_large: (m0,), (m1,) bool, those that count; the others are in no component.
    """

    small: np.ndarray
    large: np.ndarray
    n_small: np.ndarray
    n_large: np.ndarray
    fires_small: np.ndarray
    fires_large: np.ndarray

    @property
    def kinds(self) -> np.ndarray:
        """(c,) of `KINDS`, smaller to larger: "1-n" is one latent that has split into several."""
        return np.array(KINDS)[2 * (self.n_small > 1) + (self.n_large > 1)]


def components(likeness: Similarity) -> Components:
    """Group latents that can be swapped for each other (section 4.2)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    width, other = likeness.widths
    rows, columns = likeness.edge_small, likeness.edge_large + width
    ones = np.ones(len(rows), np.int8)
    graph = coo_matrix((ones, (rows, columns)), shape=(width + other,) * 2)
    _, labels = connected_components(graph, directed=False)
    kept = np.unique(labels[rows])
    number = np.full(labels.max() + 1, -1, np.int64)
    number[kept] = np.arange(len(kept))
    small, large = number[labels[:width]], number[labels[width:]]
    n_small, n_large = (
        np.bincount(part[part >= 0], minlength=len(kept)) for part in (small, large)
    )
    fires = likeness.fires_small, likeness.fires_large
    return Components(small, large, n_small, n_large, *fires)
