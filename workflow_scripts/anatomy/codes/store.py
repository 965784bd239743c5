"""The codes store: which latents fire on every token of a harvest, and how well they rebuild it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workflow_scripts.anatomy.activations.store import (
    CHUNK_ROWS,
    block_slices,
    read,
    read_units,
)
from workflow_scripts.anatomy.base.store import folder_of, opening
from workflow_scripts.anatomy.statistics.units import Units

if TYPE_CHECKING:  # torch takes longer to import than most tables to make
    from workflow_scripts.anatomy.saes.dictionary import SparseCodes

SCALARS = ("l0", "error_norm2", "recon_norm2", "recon_dot")
# An array of at most so many bytes is read once and kept: a block of it costs a whole chunk, and zarr's overhead.
KEPT = 2**24


@dataclass(frozen=True)
class CodesStore:
    """The codes of one SAE on one harvest, open for reading.

    Arrays of `group`, with C contexts of T positions and m latents; all positions are stored:

    ``indices``, ``values``  (nnz,) int32 and float32, row-major, latents ascending in a token
    ``offsets``              (C + 1,) int64, where each context starts in them
    ``documents``, ``books``, ``separators``  those of the harvest
    ``l0``                   (C, T) int32, active latents of each token
    ``error_norm2``          (C, T) float64, ||x - Sae(x)||^2
    ``recon_norm2``          (C, T) float64, ||Sae(x)||^2
    ``recon_dot``            (C, T) float64, x . Sae(x)
    ``firing_count``         (m,) int64, tokens that count where the latent fires
    ``activation_sum``       (m,) float64, sum of its activations there
    ``activation_max``       (m,) float32, the largest of them, 0 where it never fires
    """

    path: Path
    group: Any
    opened: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def _array(self, name: str) -> Any:
        """An array, opened once: zarr reads its description from the disk each time. A small one is in memory."""
        if name not in self.opened:
            array = self.group[name]
            small = array.nbytes <= KEPT
            self.opened[name] = read(array, slice(None), self.path) if small else array
        return self.opened[name]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of contexts, positions in a context."""
        return self._array("l0").shape

    @property
    def width(self) -> int:
        """Number of latents m."""
        return self.group.attrs["width"]

    @cached_property
    def units(self) -> Units:
        """What is independent among the tokens."""
        return read_units(self.group, self.path, self.min_position)

    @property
    def min_position(self) -> int:
        return self.group.attrs["min_position"]

    @property
    def summary(self) -> dict[str, float]:
        """Means over the tokens that count: n_tokens, l0, mse, fvu, …"""
        return self.group.attrs["summary"]

    def scalar(self, name: str, contexts: slice = slice(None)) -> np.ndarray:
        """One of `SCALARS` for some contexts, (c, T)."""
        return read(self._array(name), contexts, self.path)

    def latents(self, name: str) -> np.ndarray:
        """firing_count, activation_sum or activation_max, (m,)."""
        return read(self._array(name), slice(None), self.path)

    def entries(self, contexts: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """indices (nnz,) int32, values (nnz,) float32, l0 (c * T,) int32 of some contexts."""
        start, stop, _ = contexts.indices(self.shape[0])
        bounds = read(self._array("offsets"), slice(start, stop + 1), self.path)
        span = slice(int(bounds[0]), int(bounds[-1]))
        indices = read(self._array("indices"), span, self.path)
        return (
            indices,
            read(self._array("values"), span, self.path),
            self.scalar("l0", slice(start, stop)).reshape(-1),
        )

    def rows(self, contexts: slice) -> Any:
        """The codes of some contexts as a scipy csr_matrix, (c * T, m) float32."""
        from scipy.sparse import csr_matrix

        indices, values, l0 = self.entries(contexts)
        pointer = np.concatenate([[0], np.cumsum(l0, dtype=np.int64)])
        return csr_matrix((values, indices, pointer), shape=(len(l0), self.width))

    def sparse_codes(self, contexts: slice) -> "SparseCodes":
        """The codes of some contexts as torch tensors, for `Dictionary.decode`."""
        import torch

        from workflow_scripts.anatomy.saes.dictionary import SparseCodes

        return SparseCodes(*(torch.from_numpy(array) for array in self.entries(contexts)))

    def block_slices(self, rows: int = CHUNK_ROWS) -> list[slice]:
        """Slices of contexts with about `rows` tokens each, the same as the harvest's."""
        return block_slices(self.shape, rows)


def open_codes(path: str | Path) -> CodesStore:
    """Open the codes store at `path` (its folder, or its manifest)."""
    path = folder_of(path)
    return CodesStore(path, opening(path, "codes"))
