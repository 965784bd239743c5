"""The decoder directions of an SAE as what a meta-SAE is trained on, and what it makes of them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from torch.nn.functional import normalize

from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary import Dictionary


def decoder_directions(
    dictionary: Dictionary, fires: np.ndarray | None = None
) -> tuple[np.ndarray, Tensor]:
    """Latents and their decoder rows of norm 1: one sample each for a meta-SAE (section 5).

    A latent that never fires has the decoder row that it began with, which says nothing of the SAE.

    Parameters
    ----------
    dictionary: the SAE that is taken apart, of m latents.
    fires: (m,) bool, which latents fire; None takes all.

    Returns
    -------
    The latents, (n,) int64 ascending, and their directions, (n, d) float32 on the CPU.
    """
    kept = np.ones(dictionary.width, bool) if fires is None else np.asarray(fires, bool)
    latents = np.flatnonzero(kept)
    rows = dictionary.W_dec.detach().cpu()[torch.from_numpy(latents)]
    return latents, normalize(rows.float(), dim=1, eps=1e-30)


def fewest_firing(codes: Iterable[str | Path]) -> int:
    """The number of firing latents of the SAE with the fewest, from the SAEs' codes on a harvest."""
    return min(int((open_codes(path).latents("firing_count") > 0).sum()) for path in codes)


@torch.no_grad()
def decompose(meta: Dictionary, rows: Tensor) -> csr_matrix:
    """The meta-latents active on each direction, and how much.

    Parameters
    ----------
    rows: (n, d) float32, as `decoder_directions` gives them.

    Returns
    -------
    (n, meta width) float32, meta-latents ascending within a row.
    """
    codes = meta.encode(rows)
    entries = (codes.values.numpy(), codes.indices.numpy(), codes.offsets.numpy())
    return csr_matrix(entries, shape=(len(rows), meta.width))


@torch.no_grad()
def squares(meta: Dictionary, rows: Tensor) -> np.ndarray:
    """Squared norm of the error of each direction, |w - meta(w)|^2, (n,) float64."""
    reconstruction = meta.reconstruct(rows)[1]
    return (rows.double() - reconstruction.double()).square().sum(1).numpy()


def variance_explained(meta: Dictionary, rows: Tensor) -> float:
    """1 - sum |w - meta(w)|^2 / sum |w - mean w|^2 over the directions w, (n, d), in float64.

    The paper gives no formula for "explains 55.47 % of the variance" (section 5).
    """
    about_mean = (rows.double() - rows.double().mean(0)).square().sum()
    return 1 - float(squares(meta, rows).sum() / about_mean)
