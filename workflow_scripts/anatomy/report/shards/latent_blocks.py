"""The latents of an SAE in blocks: what a page reads when one of them is looked at."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.report.shards.shard import Shard, rounded

# Latents in a file.
BLOCK = 512
LOGIT_BITS = 8  # two decimals are shown
OF_WINDOW = ("latent", "stratum", "context", "start", "length", "peak")
OF_LATENT = (
    "stratum_share",
    "histogram",
    "promoted",
    "suppressed",
    "promoted_logit",
    "suppressed_logit",
)


def read_latents(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an SAE's `latents.npz`.

    Raises
    ------
    AnatomyError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise AnatomyError(f"{path}: cannot be read ({error}); delete the file and rerun") from None


def blocks_of(
    slug: str,
    latents: Mapping[str, np.ndarray],
    numbers: Mapping[str, int],
    explanations: Mapping[int, Mapping[str, Any]] | None = None,
) -> Iterator[Shard]:
    """The files ``lat-<k>`` of an SAE, in order.

    Parameters
    ----------
    latents: arrays of `latents.npz`.
    numbers: name of an SAE of the same site -> its number among those that are shown; of others, nearest
        latents are left out.
    explanations: see `explanations.read_explanations`; those of no latents where there are none.
    """
    width = len(latents["stratum_share"])
    ends = np.concatenate([[0], np.cumsum(latents["window_length"], dtype=np.int64)])
    near, known = near_of(latents, numbers), explanations or {}
    for k, first in enumerate(range(0, width, BLOCK)):
        rows = slice(first, min(first + BLOCK, width))
        windows = _within(latents["window_latent"], rows)
        columns = {f"window_{name}": latents[f"window_{name}"][windows] for name in OF_WINDOW}
        columns["window_latent"] = columns["window_latent"] - np.uint32(first)
        # From the window's start: most are alike, and take no room.
        columns["window_peak"] = (columns["window_peak"] - columns["window_start"]).astype(np.uint8)
        values = slice(int(ends[windows.start]), int(ends[windows.stop]))
        columns["window_values"] = latents["window_values"][values]
        # Without the weights that lead to logits there are no promoted tokens.
        of_latents = {name: latents[name][rows].ravel() for name in OF_LATENT if name in latents}
        columns |= {name: _short(name, column) for name, column in of_latents.items()}
        of_near = _within(near["near_latent"], rows)
        columns |= {name: column[of_near] for name, column in near.items()}
        columns["near_latent"] = columns["near_latent"] - np.uint32(first)
        header: dict[str, Any] = {"logits_note": str(latents.get("logits_note", ""))}
        own = {str(n): dict(known[n]) for n in sorted(known) if rows.start <= n < rows.stop}
        if own:
            header["explanations"] = own
        yield Shard(f"lat:{slug}:{k}", header, columns)


def tokens_named(latents: Mapping[str, np.ndarray]) -> np.ndarray:
    """Ids of all tokens that latents promote or suppress, ascending."""
    named = [latents[n].ravel() for n in ("promoted", "suppressed") if n in latents]
    return np.unique(np.concatenate(named)) if named else np.zeros(0, np.uint32)


def _short(name: str, column: np.ndarray) -> np.ndarray:
    """Numbers with as many binary digits as are shown."""
    if column.dtype.kind != "f":
        return column
    return rounded(column, LOGIT_BITS) if name.endswith("logit") else rounded(column)


def _within(owner: np.ndarray, rows: slice) -> slice:
    """Which entries belong to some latents; owners ascend."""
    return slice(*(int(at) for at in np.searchsorted(owner, [rows.start, rows.stop])))


def near_of(latents: Mapping[str, np.ndarray], numbers: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The nearest latents, with SAEs by their numbers among those that are shown, by own latent."""
    of_sae = np.array([numbers.get(str(name), -1) for name in latents["near_saes"]], np.int64)
    sae = of_sae[latents["near_sae"]] if len(of_sae) else np.zeros(0, np.int64)
    # An SAE none of whose latents fires has no nearest one.
    kept = np.flatnonzero((sae >= 0) & np.isfinite(latents["near_cosine"]))
    order = kept[np.lexsort((sae[kept], latents["near_latent"][kept]))]
    return {
        "near_latent": latents["near_latent"][order].astype(np.uint32),
        "near_sae": sae[order].astype(np.uint16),
        "near_other": latents["near_other"][order].astype(np.uint32),
        "near_cosine": rounded(latents["near_cosine"][order]),
    }
