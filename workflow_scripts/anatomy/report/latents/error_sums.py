"""What each latent has to do with an SAE's error, as sums over tokens, in one pass over the codes.

Of a token with activation x and error e = x - Sae(x), latent i adds f_i d_i to the reconstruction; d_i is
its decoder row over the SAE's input scale, in units of the activations.

- Error contribution: the token's ||e||^2 is shared among the latents that fire in proportion to
  f_i^2 ||d_i||^2. Summed over tokens and divided by the sum of ||e||^2, the shares of all latents and that
  of the tokens where nothing fires add up to 1. Likewise of the linear and of the nonlinear error.
- Error lift: mean ||e||^2 where it fires over the mean everywhere.
- Ablation gain: with f_i set to 0 the error is e + f_i d_i, so the squared error rises by
  2 f_i e . d_i + f_i^2 ||d_i||^2, summed over its firings, in percent of the sum of ||e||^2.

Separators between documents, where a harvest tells them apart, and tokens before its `min_position` do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.statistics.ratio_intervals import add_by_group

# Sums of so many groups and latents are held at a time, 256 MB each in float64.
SUMS = 2**25
# Entries of error vectors and of decoder rows that are multiplied at a time: they stay in a core's cache.
PRODUCTS = 2**15
ERROR, PARTS = "error", ("linear_error", "nonlinear_error")


@dataclass
class ErrorSums:
    """Sums over tokens that count, of G groups of documents and the latents of a part, L.

    latents: which. tokens, error: (G,) float64, tokens and their ||e||^2. unshared: (G,) float64, ||e||^2 of
    tokens where nothing fires. firings, where, shared, rise: (G, L) float64, tokens where a latent fires, their
    ||e||^2, its share of it, and the rise of ||e||^2 without the latent. parts: for linear and nonlinear error,
    the shares (L,) and the total, float64; empty where the error was not taken apart.
    """

    latents: range
    tokens: np.ndarray
    error: np.ndarray
    unshared: np.ndarray
    firings: np.ndarray
    where: np.ndarray
    shared: np.ndarray
    rise: np.ndarray
    parts: dict[str, tuple[np.ndarray, float]]


def error_sums(sae: SaeOnHarvest, norms2: Any | None = None) -> Iterator[ErrorSums]:
    """The sums of all latents, in parts of so many that memory is bounded; of most SAEs there is one.

    norms2: the array (C, T, 5) of squared norms of `VECTORS`, of an SAE whose error was taken apart.

    Raises
    ------
    AnatomyError: codes or norms are of other contexts than the activations.
    """
    given = {"codes": sae.codes.shape}
    if norms2 is not None:
        given["norms"] = norms2.shape[:2]
    for what, shape in given.items():
        if tuple(shape) != tuple(sae.harvest.shape):
            raise AnatomyError(
                f"{sae.name}: {what} of {shape[0]} contexts of {shape[1]} tokens, but "
                f"{sae.harvest.path} has {sae.harvest.shape[0]} of {sae.harvest.shape[1]}; "
                "make both from the same harvest"
            )
    step = max(1, SUMS // sae.codes.units.n_groups)
    for first in range(0, sae.width, step):
        yield _sums_of(sae, norms2, range(first, min(first + step, sae.width)))


def squared_norms(sae: SaeOnHarvest) -> np.ndarray:
    """||d_i||^2 of each latent in units of the activations, (m,) float64."""
    parts = [(part.double() ** 2).sum(1) for part in sae.directions.split(4096)]
    return torch.cat(parts).cpu().numpy() / sae.scale**2


def _sums_of(sae: SaeOnHarvest, norms2: Any | None, latents: range) -> ErrorSums:
    store, codes = sae.harvest, sae.codes
    units, groups, count = codes.units, codes.units.n_groups, len(latents)
    array, length2 = store.activations(sae.site), squared_norms(sae)
    tokens, error, unshared = np.zeros((3, groups))
    firings, where, shared, rise = (np.zeros((groups, count)) for _ in range(4))
    names = PARTS if norms2 is not None else ()
    parts = {name: (np.zeros(count), 0.0) for name in names}
    for block in codes.block_slices():
        counted = units.used(block)
        kept = np.flatnonzero(counted)
        rows = codes.rows(block)[kept]
        e2 = codes.scalar("error_norm2", block).reshape(-1)[kept]
        group = units.groups(block).reshape(-1)[kept]
        x = read(array, block, store.path).reshape(len(counted) * codes.shape[1], -1)[kept]
        e = sae.residual(torch.from_numpy(x), rows)
        at = np.repeat(np.arange(len(kept)), np.diff(rows.indptr))
        power = rows.data.astype(np.float64) ** 2 * length2[rows.indices]
        whole = np.bincount(at, power, minlength=len(kept))
        tokens += np.bincount(group, minlength=groups)
        error += np.bincount(group, e2, minlength=groups)
        unshared += np.bincount(group, np.where(whole > 0, 0, e2), minlength=groups)

        own = np.flatnonzero((rows.indices >= latents.start) & (rows.indices < latents.stop))
        own = own[rows.data[own] > 0]
        at, power, latent = at[own], power[own], rows.indices[own].astype(np.int64)
        share = np.divide(power, whole[at], out=np.zeros_like(power), where=whole[at] > 0)
        value = rows.data[own].astype(np.float64) / sae.scale
        column, group = latent - latents.start, group[at]
        gain = 2 * value * _products(e, sae.directions, at, latent) + power
        for sums, values in (
            (firings, None),
            (where, e2[at]),
            (shared, share * e2[at]),
            (rise, gain),
        ):
            add_by_group(sums, group, column, np.ones(len(at)) if values is None else values)
        for name in names:
            part2 = read(norms2, block, store.path)[..., VECTORS.index(name)].reshape(-1)[kept]
            of_latents, total = parts[name]
            of_latents += np.bincount(column, share * part2[at], minlength=count)
            parts[name] = of_latents, total + float(part2.sum())
    return ErrorSums(latents, tokens, error, unshared, firings, where, shared, rise, parts)


def _products(e: Tensor, directions: Tensor, at: np.ndarray, latent: np.ndarray) -> np.ndarray:
    """e . d of pairs of a token and a latent, (n,) float64; d as the SAE has it."""
    found = np.empty(len(at))
    step = max(1, PRODUCTS // e.shape[1])
    tokens, latents = torch.from_numpy(at), torch.from_numpy(latent)
    for start in range(0, len(at), step):
        part = slice(start, start + step)
        found[part] = (e[tokens[part]] * directions[latents[part]].double()).sum(1).numpy()
    return found
