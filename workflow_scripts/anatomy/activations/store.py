"""The activation store: one zarr array per hook point, with the tokens and the loss of every position."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import MANIFEST, folder_of, opening
from workflow_scripts.anatomy.statistics.units import Units

CHUNK_ROWS = 4096
SHARD_ROWS = 16384
# Documents are read so many tokens at a time: whole shards, 4 MB.
UNITS_ROWS = 1 << 20


@dataclass(frozen=True)
class ActivationStore:
    """A finished harvest, open for reading.

    Arrays of `group`, with C contexts of T positions:

    ``tokens``            (C, T) int32
    ``documents``         (C, T) int32, which document a token is from
    ``books``             (all documents,) int32, the book of each; only where texts were cut
    ``separators``        (C, T) bool, the tokens between documents; only where they do not count
    ``loss``              (C, T) float32, nats: the loss of predicting this token from those
                          before it; NaN at position 0
    ``activations/NAME``  (C, T, d) float32, one array per hook point
    """

    path: Path
    group: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Number of contexts, positions in a context."""
        return self.group["tokens"].shape

    @property
    def fingerprint(self) -> str:
        """A hash of all that is stored: the manifest holds the hash of every file."""
        return hashlib.sha256((self.path / MANIFEST).read_bytes()).hexdigest()

    @property
    def holds_out(self) -> bool:
        """Whether a training keeps some contexts apart, to set thresholds and compare SAEs on."""
        return True

    @cached_property
    def units(self) -> Units:
        """What is independent among the tokens."""
        return self.units_from(self.min_position)

    def units_from(self, first: int) -> Units:
        """What is independent among the tokens from another position on."""
        return read_units(self.group, self.path, first)

    @property
    def min_position(self) -> int:
        """The first position that analyses use; earlier tokens are dropped."""
        return self.group.attrs["min_position"]

    @property
    def hook_points(self) -> list[str]:
        """Names of the stored hook points, TransformerLens naming."""
        return self.group.attrs["hook_points"]

    def activations(self, hook_point: str) -> Any:
        """The zarr array (C, T, d) of a hook point."""
        if hook_point not in self.hook_points:
            raise AnatomyError(
                f"{self.path}: no activations of {hook_point}; this harvest holds "
                f"{', '.join(self.hook_points)}; add it to the harvest's hook_points"
            )
        return self.group[f"activations/{hook_point}"]

    def width(self, hook_point: str) -> int:
        """Dimension d of the activations at a hook point."""
        return self.activations(hook_point).shape[2]

    def block_slices(self, rows: int = CHUNK_ROWS) -> list[slice]:
        """Slices of contexts that hold about `rows` tokens each and align with the chunks."""
        return block_slices(self.shape, rows)

    def blocks(self, hook_point: str, rows: int = CHUNK_ROWS) -> Iterator[tuple[slice, np.ndarray]]:
        """Walk over all contexts: yields their slice and their activations, (c, T, d) float32."""
        array = self.activations(hook_point)
        for contexts in self.block_slices(rows):
            yield contexts, read(array, contexts, self.path)


def block_slices(shape: tuple[int, int], rows: int) -> list[slice]:
    """Slices that cover C contexts of T positions, with about `rows` tokens each."""
    contexts, positions = shape
    step = max(1, rows // positions)
    return [slice(at, min(at + step, contexts)) for at in range(0, contexts, step)]


def read_units(group: Any, path: Path, min_position: int) -> Units:
    """What is independent among the tokens of a store, from its documents and their books."""
    array = group["documents"]
    slices = block_slices(array.shape, UNITS_ROWS)
    blocks = (read(array, block, path) for block in slices)
    books = read(group["books"], slice(None), path) if "books" in group else None
    separators = None
    if "separators" in group:
        separators = (read(group["separators"], block, path) for block in slices)
    return Units.of(blocks, min_position, books, separators)


def read(array: Any, contexts: slice, path: Path) -> np.ndarray:
    """Read some contexts of a zarr array; a flipped bit or a cut shard is an error that says so."""
    try:
        return array[contexts]
    except (ValueError, RuntimeError, OSError) as error:
        raise AnatomyError(
            f"{path}: {array.name} cannot be read at contexts {contexts.start} to {contexts.stop} "
            f"({error}); delete {path / 'manifest.json'} and rerun, and the store is rebuilt"
        ) from error


def open_activations(path: str | Path) -> ActivationStore:
    """Open the activation store at `path` (its folder, or its manifest)."""
    path = folder_of(path)
    return ActivationStore(path, opening(path, "activations"))
