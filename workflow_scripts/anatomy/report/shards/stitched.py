"""What stitching says of latents: a file for those that were stitched, and columns of the index."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.report.shards.shard import Shard, rounded

# The place in this list is what the file has.
GROUPS = ("silent", "alone", "1-1", "1-n", "n-1", "n-m")
INDEXED = ("delta_mse", "delta_mse_lo", "delta_mse_hi")
NUMBERS = (*INDEXED, "mse_small", "cosine", "threshold")
NOBODY = 0xFFFFFFFF


def read_stitched(paths: Iterable[str | Path], saes: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of all tables whose two SAEs are shown, with the numbers of these, `sae_number` and `other_number`.

    saes: of all that are shown, in their order.
    """
    tables = [read_table(path) for path in paths]
    if not tables:
        return pd.DataFrame(columns=["sae_number", "latent", "larger", *NUMBERS])
    table = pd.concat(tables, ignore_index=True)
    numbers = {(sae["model"], sae["site"], sae["sae"]): at for at, sae in enumerate(saes)}
    for name in ("sae", "other"):
        who = zip(table["model"], table["site"], table[name], strict=True)
        table[f"{name}_number"] = [numbers.get(key, -1) for key in who]
    return table[(table["sae_number"] >= 0) & (table["other_number"] >= 0)]


def novel_below(stitched: pd.DataFrame) -> float | None:
    """The cosine below which a latent is novel, the first that the run has; None without one."""
    return None if stitched.empty else float(stitched["threshold"].iloc[0])


def with_stitched(tables: Sequence[pd.DataFrame], stitched: pd.DataFrame) -> list[pd.DataFrame]:
    """Tables of latents with the columns `INDEXED` and `novel`, 1 for a latent that no latent of the smaller SAE is
    like, where an SAE was the larger of two; of several the first."""
    found = list(tables)
    for number, rows in stitched[stitched["larger"].astype(bool)].groupby("sae_number"):
        first = rows.drop_duplicates("latent").set_index("latent")
        novel = (first["group"] == "alone").astype(float).where(first["group"] != "silent")
        known = first[list(INDEXED)].assign(novel=novel)
        found[number] = found[number].join(known, on="latent")
    return found


def stitched_shard(stitched: pd.DataFrame) -> Shard:
    """The file ``stitched``: docs/explorer-data.md says what its columns are; empty without any rows."""
    if stitched.empty:
        return Shard("stitched")
    nearest = stitched["nearest"].to_numpy()
    columns = {
        "sae": stitched["sae_number"].to_numpy(np.uint16),
        "latent": stitched["latent"].to_numpy(np.uint32),
        "larger": stitched["larger"].to_numpy(np.uint8),
        "other": stitched["other_number"].to_numpy(np.uint16),
        "group": np.array([GROUPS.index(name) for name in stitched["group"]], np.uint8),
        "n_small": stitched["n_small"].to_numpy(np.uint32),
        "n_large": stitched["n_large"].to_numpy(np.uint32),
        "nearest": np.where(nearest < 0, NOBODY, nearest).astype(np.uint32),
    }
    columns |= {name: rounded(stitched[name].to_numpy(np.float32)) for name in NUMBERS}
    return Shard("stitched", {"groups": list(GROUPS)}, columns)
