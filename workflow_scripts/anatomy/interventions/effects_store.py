"""The store of what perturbations do, token by token, written in parts that an interrupted job keeps."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, block_slices, read
from workflow_scripts.anatomy.base.job import Progress, log
from workflow_scripts.anatomy.base.store import folder_of, opening, write_arrays, writing
from workflow_scripts.anatomy.statistics.units import Units

KIND = "effects"
# Contexts of a part, and of a chunk of the store's arrays.
PART = 64
# Tokens that a view reads at a time.
ROWS = 1 << 18


@dataclass(frozen=True)
class EffectsStore:
    """Effects on C contexts of T positions, open for reading.

    Arrays of `group`: ``contexts`` (C,) int64, their numbers in the harvest; ``tokens``, ``documents``
    (C, T) int32; ``separators`` (C, T) bool, where the harvest has them; ``kl/NAME`` and ``ce/NAME``
    (C, T, draws) float32, see `effects.effects`, with ``loss``, ``distance``, ``cosine``, ``norm``, ``l0``
    (C, T) float32. Attributes: model, site, sae, architecture, width, seed, subject, first (positions
    before it are NaN).
    """

    path: Path
    group: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Contexts, positions."""
        return self.group["tokens"].shape

    @property
    def first(self) -> int:
        """The first position that was replaced."""
        return self.group.attrs["first"]

    @property
    def perturbations(self) -> list[str]:
        """Names of what took the place of x, sorted."""
        return sorted(self.group["kl"].array_keys())

    @cached_property
    def units(self) -> Units:
        """What is independent among the tokens from `first` on: documents, or books."""
        documents = (read(self.group["documents"], block, self.path) for block in self.blocks())
        books = self.group["books"][:] if "books" in self.group else None
        separators = None
        if "separators" in self.group:
            array = self.group["separators"]
            separators = (read(array, block, self.path) for block in self.blocks())
        return Units.of(documents, self.first, books, separators)

    def blocks(self) -> list[slice]:
        """Slices of contexts that a view reads one after another."""
        return block_slices(self.shape, ROWS)

    def values(self, name: str, contexts: slice) -> np.ndarray:
        """An array of some contexts, float64; with several draws, their mean: (c, T)."""
        found = read(self.group[name], contexts, self.path).astype(np.float64)
        return found.mean(-1) if found.ndim == 3 else found

    def draws(self, name: str, contexts: slice) -> np.ndarray:
        """``kl/NAME`` or ``ce/NAME`` of some contexts, (c, T, draws) float64."""
        return read(self.group[name], contexts, self.path).astype(np.float64)


def open_effects(path: str | Path) -> EffectsStore:
    """Open the effects store at `path` (its folder, or its manifest)."""
    path = folder_of(path)
    return EffectsStore(path, opening(path, KIND))


def write_effects(
    path: str | Path,
    store: ActivationStore,
    contexts: Sequence[int],
    measure: Callable[[Sequence[int]], Iterator[tuple[Sequence[int], dict[str, np.ndarray]]]],
    attrs: dict[str, Any],
    identity: dict[str, Any],
) -> None:
    """Measure the effects on some contexts of a harvest and write their store.

    Parameters
    ----------
    measure: from contexts to what `effects.effects` yields of them.
    attrs: the store's attributes.
    identity: all that the effects depend on, as JSON can hold it. Parts that an interrupted job has left
        beside the store are used if they are of the same; the bytes are those of a job that was not
        interrupted.
    """
    path = folder_of(path)
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    folder = path.with_name(f".{path.name}.parts") / digest[:16]
    if folder.parent.exists():
        for other in folder.parent.iterdir():
            if other != folder:
                shutil.rmtree(other)
    parts = [contexts[at : at + PART] for at in range(0, len(contexts), PART)]
    progress = Progress(f"effects on {attrs['sae']} (contexts)", len(contexts))
    files = []
    for number, part in enumerate(parts):
        files.append(folder / f"{number}.npz")
        if not files[-1].exists():
            _measure_part(files[-1], list(measure(part)))
        progress(min(len(contexts), (number + 1) * PART))
    with writing(path, KIND) as group:
        group.attrs.update(attrs)
        group.create_array("contexts", data=np.asarray(contexts, np.int64))
        if "books" in store.group:
            group.create_array("books", data=store.group["books"][:])
        for at, file in enumerate(files):
            _append(group, store, contexts, at * PART, file)
    shutil.rmtree(folder.parent, ignore_errors=True)
    log.info("%s: effects on %d contexts", attrs["sae"], len(contexts))


def _measure_part(path: Path, batches: list[tuple[Sequence[int], dict[str, np.ndarray]]]) -> None:
    """Write the arrays of one part, draws of one perturbation side by side, whole or not at all."""
    arrays: dict[str, list[np.ndarray]] = {}
    for _, found in batches:
        for name, values in found.items():
            arrays.setdefault(name, []).append(values)
    joined = {name: np.concatenate(values) for name, values in arrays.items()}
    drawn: dict[str, dict[int, np.ndarray]] = {}
    for name in [name for name in joined if name.count("/") == 2]:
        of, _, draw = name.rpartition("/")
        drawn.setdefault(of, {})[int(draw)] = joined.pop(name)
    stacked = {of: np.stack([by[d] for d in sorted(by)], axis=-1) for of, by in drawn.items()}
    write_arrays(path, joined | stacked)


def _append(
    group: Any, store: ActivationStore, contexts: Sequence[int], at: int, file: Path
) -> None:
    """Copy a part into the store's arrays, which the first part makes."""
    from zarr.codecs import Crc32cCodec

    part = contexts[at : at + PART]
    with np.load(file) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    for name in ("tokens", "documents", "separators"):
        if name not in store.group:
            continue
        rows = [read(store.group[name], slice(c, c + 1), store.path) for c in part]
        found[name] = np.concatenate(rows)
    for name, values in found.items():
        if at == 0:
            inner = values.shape[1:]
            group.create_array(
                name,
                shape=(len(contexts), *inner),
                chunks=(min(PART, len(contexts)), *inner),
                dtype=values.dtype,
                compressors=[Crc32cCodec()],
                config={"write_empty_chunks": True},
            )
        group[name][at : at + len(part)] = values
