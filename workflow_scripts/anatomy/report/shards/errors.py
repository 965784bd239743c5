"""How much of each token of some contexts an SAE misses, to shade them by."""

from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.activations.store import read
from workflow_scripts.anatomy.base.store import folder_of, opening
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.report.shards.shard import Shard

# More levels are not told apart by eye, and their noise cannot be compressed.
LEVELS = 15
UNKNOWN = 255
# The scale ends where all tokens but this share are below.
ABOVE = 0.005


def errors_of(slug: str, norms: str | Path, contexts: np.ndarray, first: int) -> Shard:
    """The file ``errors`` of an SAE whose error was taken apart.

    Parameters
    ----------
    norms: the store of squared norms of its decomposition, (C, T, 5).
    contexts: which contexts, (n,); each once, ascending. first: the first position that counts.

    Returns
    -------
    Columns contexts u32 (n,), error u8 (n * T,): the share of ||x||^2 that is ||x - Sae(x)||^2, of which `LEVELS`
    is the header's `scale` or more; `UNKNOWN` where x is 0.
    """
    path = folder_of(norms)
    norms2 = opening(path, "norms")["norms2"]
    rows = [read(norms2, slice(c, c + 1), path)[0] for c in contexts.tolist()]
    found = np.stack(rows) if rows else np.zeros((0, norms2.shape[1], len(VECTORS)))
    x, error = (found[..., VECTORS.index(name)].astype(np.float64) for name in ("x", "error"))
    share = np.divide(error, x, out=np.full(x.shape, np.nan), where=x > 0)
    counted = share[:, first:][np.isfinite(share[:, first:])]
    scale = float(np.quantile(counted, 1 - ABOVE)) if counted.size else 0.0
    levels = np.rint(LEVELS * np.clip(share / (scale or 1.0), 0, 1))
    levels = np.where(np.isfinite(levels), levels, UNKNOWN).astype(np.uint8)
    columns = {"contexts": contexts.astype(np.uint32), "error": levels.ravel()}
    return Shard(f"errors:{slug}", {"scale": scale, "levels": LEVELS}, columns)


def without_errors(shard: Shard) -> Shard:
    """The same file without any contexts."""
    columns = {name: column[:0] for name, column in shard.columns.items()}
    return Shard(shard.key, shard.header, columns, shard.digest)
