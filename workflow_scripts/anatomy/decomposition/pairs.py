"""A smaller and a larger SAE of one site, token by token."""

from typing import Any

from workflow_scripts.anatomy.base.store import opening
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.statistics.scalar_prediction import Products, products
from workflow_scripts.anatomy.statistics.splits import Split


def pair_products(
    small: CodesStore,
    large: CodesStore,
    analysis: dict[str, Any],
    seed: int,
    norms: str | None = None,
) -> Products:
    """Products of the squared error norms of both SAEs, columns ``small`` and ``large``.

    norms: manifest of the smaller SAE's store of norms; adds ``nonlinear``, the squared norm of its
        nonlinear error.
    """
    split = Split.of(analysis, seed, small)
    columns = {
        "small": lambda block: small.scalar("error_norm2", block),
        "large": lambda block: large.scalar("error_norm2", block),
    }
    if norms is not None:
        norms2 = opening(norms, "norms")["norms2"]
        at = VECTORS.index("nonlinear_error")
        columns["nonlinear"] = lambda block: norms2[block][..., at]
    return products(columns, small.block_slices(), small.units, split)


def describe_pair(small: CodesStore, large: CodesStore, seed: int) -> dict[str, Any]:
    """The identifying columns of a pair; `seed` is that of the split."""
    return {
        "model": small.group.attrs["model"],
        "site": small.group.attrs["site"],
        "sae_small": small.group.attrs["sae"],
        "sae_large": large.group.attrs["sae"],
        "width_small": small.width,
        "width_large": large.width,
        "l0_small": small.summary["l0"],
        "l0_large": large.summary["l0"],
        "seed": seed,
    }
