"""Examples as vectors: the mean over an example's tokens of activations and of every SAE's codes.

Pooling is linear, so what ablating latents does to a pooled activation is the pooled codes' business:
nothing is encoded again for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.probing.examples import Examples

PARTS = ("data", "indices", "indptr")


@dataclass(frozen=True)
class Pooled:
    """Examples with their pooled activations and codes, read from the file when asked for."""

    arrays: Any

    @property
    def examples(self) -> Examples:
        return Examples.of(self.arrays)

    @property
    def activations(self) -> np.ndarray:
        """(E, d) float32."""
        return self.arrays["activations"]

    def codes(self, sae: str) -> Any:
        """Codes of an SAE, a csr_matrix (E, m) float32."""
        from scipy.sparse import csr_matrix

        parts = (self.arrays[f"codes/{sae}/{part}"] for part in PARTS)
        return csr_matrix(tuple(parts), shape=tuple(self.arrays[f"codes/{sae}/shape"]))


def open_pooled(path: str | Path) -> Pooled:
    """Open the file of pooled examples."""
    return Pooled(np.load(path, allow_pickle=False))


def code_arrays(sae: str, codes: Any) -> dict[str, np.ndarray]:
    """A csr_matrix of pooled codes by the names that `Pooled.codes` reads."""
    found = {f"codes/{sae}/{part}": getattr(codes, part) for part in PARTS}
    return found | {f"codes/{sae}/shape": np.array(codes.shape)}


def pool_harvest(
    examples: Examples, store: ActivationStore, site: str, codes: dict[str, CodesStore]
) -> dict[str, np.ndarray]:
    """Means of the stored activations and codes over the tokens of every example, block by block."""
    from scipy.sparse import csr_matrix, vstack

    order = np.argsort(examples.places[:, 0], kind="stable")
    back = np.argsort(order, kind="stable")
    places = examples.places[order]
    array = store.activations(site)
    rows: list[np.ndarray] = [np.zeros((0, store.width(site)), np.float32)]
    sparse: dict[str, list[Any]] = {name: [] for name in codes}
    for block, mine in _blocks(store, places):
        pooling = means(mine, block, store.shape[1])
        x = read(array, block, store.path).reshape(-1, store.width(site))
        rows.append((pooling @ x.astype(np.float64)).astype(np.float32))
        for name, each in codes.items():
            sparse[name].append((pooling @ each.rows(block)).astype(np.float32))
    found = {"activations": np.concatenate(rows)[back]}
    for name, parts in sparse.items():
        whole = csr_matrix(vstack(parts, format="csr"))[back]
        whole.sort_indices()
        found |= code_arrays(name, whole)
    return found


def _blocks(store: ActivationStore, places: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of contexts that have examples, and the places of these."""
    for block in store.block_slices():
        first, last = np.searchsorted(places[:, 0], [block.start, block.stop])
        if first < last:
            yield block, places[first:last]


def means(places: np.ndarray, block: slice, positions: int) -> Any:
    """The matrix that takes the mean over the tokens of each example, (examples, c * T) float64."""
    from scipy.sparse import csr_matrix

    context, start, stop = places.T
    lengths = stop - start
    pointer = np.concatenate([[0], np.cumsum(lengths)])
    first = (context - block.start) * positions + start
    columns = np.arange(pointer[-1]) + np.repeat(first - pointer[:-1], lengths)
    values = np.repeat(1 / lengths, lengths)
    size = (block.stop - block.start) * positions
    return csr_matrix((values, columns, pointer), shape=(len(places), size))


def run_means(lengths: np.ndarray) -> Any:
    """The matrix that takes the mean of each run of rows, runs one after another, (runs, rows) float64."""
    from scipy.sparse import csr_matrix

    pointer = np.concatenate([[0], np.cumsum(lengths)])
    values = np.repeat(1 / lengths, lengths)
    return csr_matrix((values, np.arange(pointer[-1]), pointer), (len(lengths), pointer[-1]))
