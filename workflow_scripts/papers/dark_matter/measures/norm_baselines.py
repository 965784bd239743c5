"""What else predicts an SAE's error norm: token identity, L0, activation norm, loss, position (Fig. 13)."""

from collections.abc import Iterator

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.draws import Estimate
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.statistics.bootstrap import (
    document_interval,
    r2_from_sums,
)
from workflow_scripts.anatomy.statistics.scalar_prediction import Products, products
from workflow_scripts.anatomy.statistics.splits import Split

SCALARS = ("l0", "activation_norm", "loss", "position")


def norm_baselines(
    store: ActivationStore, codes: CodesStore, norms2, split: Split, draws: int, seed: int
) -> Iterator[tuple[str, Estimate]]:
    """Held-out R^2 of predicting ||SaeError(x)||^2, with its interval, for each baseline regressor.

    All are fitted on the training tokens of the split, with an intercept, and judged on the held-out
    ones; that of token identity is the mean over the token's training occurrences, and over all
    training tokens where it has none. ``activation_norm`` is ||x||^2, ``loss`` the loss of the token
    itself given those before it.

    norms2: zarr array (C, T, 5) of the squared norms of `VECTORS`.
    """
    positions = store.shape[1]
    x_at = VECTORS.index("x")

    def position(block: slice) -> np.ndarray:
        return np.broadcast_to(np.arange(positions), (block.stop - block.start, positions))

    columns = {
        "error": lambda block: codes.scalar("error_norm2", block),
        "l0": lambda block: codes.scalar("l0", block),
        "activation_norm": lambda block: norms2[block][..., x_at],
        # The first position has no loss; it is never used, but NaN times 0 is NaN.
        "loss": lambda block: np.nan_to_num(read(store.group["loss"], block, store.path)),
        "position": position,
    }
    gathered = products(columns, store.block_slices(), store.units, split)
    for name in SCALARS:
        # A TopK SAE has one L0 for all tokens: it says no more than the mean does.
        regressors = ["one", name] if _varies(gathered, name) else ["one"]
        yield name, gathered.r2("error", regressors, draws, seed)
    yield "token", _token_identity(store, codes, split, draws, seed)


def _varies(gathered: Products, name: str) -> bool:
    total, at = gathered.train.sum(0), gathered.columns.index(name)
    return total[at, at] * total[0, 0] - total[0, at] ** 2 > 1e-9 * total[at, at] * total[0, 0]


def _token_identity(
    store: ActivationStore, codes: CodesStore, split: Split, draws: int, seed: int
) -> Estimate:
    positions = store.shape[1]
    count, total = np.zeros(0), np.zeros(0)
    for block in store.block_slices():
        tokens = read(store.group["tokens"], block, store.path)
        train, _ = split.masks(block, positions)
        size = max(len(count), int(tokens.max()) + 1)
        count, total = (np.pad(array, (0, size - len(array))) for array in (count, total))
        chosen = tokens[train]
        count += np.bincount(chosen, minlength=size)
        total += np.bincount(chosen, codes.scalar("error_norm2", block)[train], minlength=size)
    overall = total.sum() / count.sum()
    mean = np.where(count > 0, total / np.maximum(count, 1), overall)
    units = store.units
    sums = np.zeros((4, units.n_groups))
    for block in store.block_slices():
        tokens = read(store.group["tokens"], block, store.path)
        _, test = split.masks(block, positions)
        y = codes.scalar("error_norm2", block) - overall
        residual = y - (mean[tokens] - overall)
        parts = (np.ones_like(y), y, y**2, residual**2)
        groups = units.groups(block)[test]
        for part_sums, part in zip(sums, parts, strict=True):
            part_sums += np.bincount(groups, part[test], minlength=units.n_groups)
    sums = sums[:, sums[0] > 0]
    named = dict(zip(("count", "target", "target2", "residual2"), sums, strict=True))
    return document_interval(r2_from_sums, named, draws, seed)
