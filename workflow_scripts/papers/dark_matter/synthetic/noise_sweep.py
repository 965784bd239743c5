"""FVU under known amounts of noise, the estimates of Dense and Introduced, their correlations."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.papers.dark_matter.synthetic.decomposition import (
    estimate_dense,
    estimate_introduced,
    interval,
)

# Table 1 of the paper, by (noise, estimate).
PAPER_CORRELATIONS = {
    ("noise_x", "dense"): 0.9842,
    ("noise_x", "introduced"): 0.1417,
    ("noise_sae", "dense"): 0.0988,
    ("noise_sae", "introduced"): 0.9036,
}


@dataclass(frozen=True)
class Sweep:
    """FVU and FVU_nonlinear over the grid, each (1 + resamples, S, T, F).

    S noises on x', T noises on Sae(x'), F ablated fractions; the first entry of the first axis is
    the data, the others resample held-out documents. Noise and FVUs are in units of the variance of x'
    before noise, on the held-out tokens.
    """

    noise_x: NDArray
    noise_sae: NDArray
    ablated_fractions: NDArray
    fvu: NDArray
    fvu_nonlinear: NDArray

    @property
    def introduced(self) -> NDArray:
        """Estimated Introduced(x') as a share of variance, (1 + resamples, S, T)."""
        return estimate_introduced(self.fvu_nonlinear)

    @property
    def dense(self) -> NDArray:
        """Estimated Dense(x') as a share of variance, (1 + resamples, S, T)."""
        complete = int(np.argmin(self.ablated_fractions))
        return estimate_dense(self.fvu[..., complete], self.introduced)


def sweep_table(sweep: Sweep) -> pd.DataFrame:
    """The sweep as a tidy table, one row per (noise_x, noise_sae, ablated_fraction).

    ``dense`` and ``introduced`` are the estimates of the row's curve, so they repeat along it;
    every number has its 95 % interval over held-out documents in ``_lo`` and ``_hi``.
    """
    grid = np.meshgrid(sweep.noise_x, sweep.noise_sae, sweep.ablated_fractions, indexing="ij")
    names = ("noise_x", "noise_sae", "ablated_fraction")
    columns = {name: axis.ravel() for name, axis in zip(names, grid, strict=True)}
    shape = sweep.fvu.shape
    estimates = {
        "fvu": sweep.fvu,
        "fvu_nonlinear": sweep.fvu_nonlinear,
        "dense": np.broadcast_to(sweep.dense[..., None], shape),
        "introduced": np.broadcast_to(sweep.introduced[..., None], shape),
    }
    for name, values in estimates.items():
        low, high = interval(values)
        columns |= {
            name: values[0].ravel(),
            f"{name}_lo": low.ravel(),
            f"{name}_hi": high.ravel(),
        }
    return pd.DataFrame(columns)


def noise_correlations(sweep: Sweep) -> pd.DataFrame:
    """Table 1: correlation of each noise with each estimate over the grid of noises.

    Columns noise, estimate, correlation, correlation_lo, correlation_hi, paper. NaN where a noise
    has one level only.
    """
    shape = sweep.dense.shape
    noises = {
        "noise_x": np.broadcast_to(sweep.noise_x[:, None], shape[1:]),
        "noise_sae": np.broadcast_to(sweep.noise_sae[None, :], shape[1:]),
    }
    rows = []
    for noise, levels in noises.items():
        for estimate, values in (("dense", sweep.dense), ("introduced", sweep.introduced)):
            u = (levels - levels.mean()).ravel()
            v = values.reshape(len(values), -1)
            v = v - v.mean(axis=1, keepdims=True)
            with np.errstate(invalid="ignore"):
                rho = (v @ u) / np.sqrt((u @ u) * (v**2).sum(axis=1))
            low, high = interval(rho)
            rows.append(
                {
                    "noise": noise,
                    "estimate": estimate,
                    "correlation": rho[0],
                    "correlation_lo": low,
                    "correlation_hi": high,
                    "paper": PAPER_CORRELATIONS[noise, estimate],
                }
            )
    return pd.DataFrame(rows)
