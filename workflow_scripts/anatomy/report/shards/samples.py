"""A few contexts, and all that an SAE does at each of their tokens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.activations.store import read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import folder_of, opening
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore
from workflow_scripts.anatomy.report.shards.shard import Shard, rounded

# Squared norms of the decomposition that a page shows, by their columns.
OF_NORMS = {"x": "x", "error": "error", "linear": "linear_error", "nonlinear": "nonlinear_error"}
# Binary digits of an activation: 1 part in 512, finer than what windows have.
CODE_BITS = 8
# What a store of effects calls the SAE's own reconstruction in place of x.
RECONSTRUCTION = "sae"


def mean_errors(codes: CodesStore) -> np.ndarray:
    """Mean squared error of each context's tokens that count, (C,) float64; 0 where it has none."""
    found = []
    for block in codes.block_slices():
        used = codes.units.used(block)
        error = np.where(used, codes.scalar("error_norm2", block), 0).sum(1)
        found.append(error / np.maximum(used.sum(1), 1))
    return np.concatenate(found)


def choose_contexts(errors: np.ndarray, number: int, among: np.ndarray | None = None) -> np.ndarray:
    """Contexts evenly over the ranking by their errors, the smallest error first, (n,) int64.

    Parameters
    ----------
    errors: (C,) float64. number: how many; all where there are fewer.
    among: contexts to choose from; all of them if None.
    """
    among = np.arange(len(errors)) if among is None else np.unique(among)
    ranked = among[np.lexsort((among, errors[among]))]
    return ranked[evenly(len(ranked), number)]


def evenly(length: int, number: int) -> np.ndarray:
    """At most `number` places among `length`, in the middles of parts of one size, (n,) int64."""
    number = min(length, number)
    return (2 * np.arange(number) + 1) * length // (2 * max(1, number))


def samples_of(
    slug: str,
    codes: CodesStore,
    contexts: Sequence[int] | np.ndarray,
    norms: str | Path | None = None,
    effects: EffectsStore | None = None,
) -> Shard:
    """The file ``samples`` of an SAE: docs/explorer-data.md says what its columns are.

    Parameters
    ----------
    contexts: numbers in the harvest of the codes, in the order of the file.
    norms: the store of squared norms of its decomposition, for `linear` and `nonlinear`.
    effects: what its reconstruction does to predictions, token by token, for `kl` and `ce`.

    Raises
    ------
    AnatomyError: codes, norms and effects are not of the same contexts.
    """
    contexts = np.asarray(contexts, np.int64)
    columns = {"contexts": contexts.astype(np.uint32)}
    if norms is None:
        columns |= _norms_of_codes(codes, contexts)
    else:
        columns |= _norms_of_store(codes, contexts, folder_of(norms))
    entries = [codes.entries(slice(c, c + 1)) for c in contexts.tolist()]
    l0 = np.concatenate([of_tokens for _, _, of_tokens in entries] or [np.zeros(0, np.int64)])
    columns["l0"] = l0.astype(np.uint16)
    if effects is not None:
        columns |= _effects(codes, effects, contexts)
    columns["code_offsets"] = np.concatenate([[0], np.cumsum(l0)]).astype(np.uint32)
    latent = [indices for indices, _, _ in entries] or [np.zeros(0, np.uint32)]
    value = [values for _, values, _ in entries] or [np.zeros(0, np.float32)]
    columns["code_latent"] = np.concatenate(latent).astype(np.uint32)
    columns["code_value"] = np.concatenate(value).astype(np.float32)
    floats = {
        name: rounded(column, CODE_BITS) if name == "code_value" else rounded(column)
        for name, column in columns.items()
        if column.dtype == np.float32
    }
    return Shard(f"samples:{slug}", {}, columns | floats)


def first_samples(shard: Shard, number: int) -> Shard:
    """The same file with fewer contexts, evenly chosen from those that it has."""
    contexts = shard.columns["contexts"]
    kept = evenly(len(contexts), number)
    positions = len(shard.columns["l0"]) // max(1, len(contexts))
    tokens = (kept[:, None] * positions + np.arange(positions)).ravel()
    offsets = shard.columns["code_offsets"].astype(np.int64)
    counts = offsets[tokens + 1] - offsets[tokens]
    ends = np.concatenate([[0], np.cumsum(counts)])
    codes = np.repeat(offsets[tokens] - ends[:-1], counts) + np.arange(ends[-1])
    columns = {}
    for name, column in shard.columns.items():
        if name == "contexts":
            columns[name] = column[kept]
        elif name == "code_offsets":
            columns[name] = ends.astype(np.uint32)
        else:
            columns[name] = column[codes if name.startswith("code_") else tokens]
    return Shard(shard.key, shard.header, columns, shard.digest)


def _norms_of_codes(codes: CodesStore, contexts: np.ndarray) -> dict[str, np.ndarray]:
    """|x|^2 and |error|^2: x = Sae(x) + error, so |x|^2 = |error|^2 + 2 x . Sae(x) - |Sae(x)|^2."""
    parts = {}
    for name in ("error_norm2", "recon_dot", "recon_norm2"):
        rows = [codes.scalar(name, slice(c, c + 1)).ravel() for c in contexts.tolist()]
        parts[name] = np.concatenate(rows or [np.zeros(0)])
    x = parts["error_norm2"] + 2 * parts["recon_dot"] - parts["recon_norm2"]
    return {"x": x.astype(np.float32), "error": parts["error_norm2"].astype(np.float32)}


def _norms_of_store(codes: CodesStore, contexts: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    norms2 = opening(path, "norms")["norms2"]
    if norms2.shape[:2] != codes.shape:
        raise AnatomyError(
            f"{path}: norms of {norms2.shape[:2]} tokens, but {codes.path} has {codes.shape}"
        )
    rows = [read(norms2, slice(c, c + 1), path)[0] for c in contexts.tolist()]
    found = np.concatenate(rows or [np.zeros((0, len(VECTORS)))]).astype(np.float32)
    return {name: found[:, VECTORS.index(vector)] for name, vector in OF_NORMS.items()}


def _effects(
    codes: CodesStore, effects: EffectsStore, contexts: np.ndarray
) -> dict[str, np.ndarray]:
    """KL and increase of the loss, NaN in contexts that were not measured; nothing where none was."""
    positions = codes.shape[1]
    if effects.shape[1] != positions:
        raise AnatomyError(
            f"{effects.path}: contexts of {effects.shape[1]} tokens, but {codes.path} has {positions}"
        )
    measured = {int(context): at for at, context in enumerate(effects.group["contexts"][:])}
    if not measured.keys() & set(contexts.tolist()):
        return {}
    columns = {}
    for name in ("kl", "ce"):
        column = np.full((len(contexts), positions), np.nan, np.float32)
        for row, context in enumerate(contexts.tolist()):
            if context in measured:
                at = measured[context]
                column[row] = effects.values(f"{name}/{RECONSTRUCTION}", slice(at, at + 1))[0]
        columns[name] = column.ravel()
    return columns
