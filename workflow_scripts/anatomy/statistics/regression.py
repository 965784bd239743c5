"""Linear regression on streams: one pass gathers centred sufficient statistics, one Cholesky solves.

Everything is float64. X'X of a site is gathered once and shared by every SAE of the site; each
regression then adds its own X'Y. Nothing here keeps tokens: memory depends on the dimensions alone.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.base.errors import AnatomyError

# Beyond this the solution of the normal equations in float64 has no digit left that can be trusted.
MAX_CONDITION = 1e13


@dataclass
class Moments:
    """Sums over rows of (x - shift) and of (y - target_shift); all torch float64.

    count: number of rows; x: (d,); xx: (d, d) or None; y: (q,); yy: (q,) sums of squares; xy: (d, q).
    Shifting by a guess of the mean keeps the digits that centring at the end would lose.
    """

    count: float
    shift: torch.Tensor
    x: torch.Tensor
    xx: torch.Tensor | None
    target_shift: torch.Tensor
    y: torch.Tensor
    yy: torch.Tensor
    xy: torch.Tensor

    def __add__(self, other: "Moments") -> "Moments":
        assert torch.equal(self.shift, other.shift)
        assert torch.equal(self.target_shift, other.target_shift)
        return Moments(
            self.count + other.count,
            self.shift,
            self.x + other.x,
            None if self.xx is None or other.xx is None else self.xx + other.xx,
            self.target_shift,
            self.y + other.y,
            self.yy + other.yy,
            self.xy + other.xy,
        )

    def save(self, path) -> None:
        """Write to an npz file."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays: dict[str, Any] = {
            name: np.asarray(part.cpu() if torch.is_tensor(part) else part)
            for name, part in parts.items()
        }
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path, device: str = "cpu") -> "Moments":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            parts = {name: torch.from_numpy(arrays[name]).to(device) for name in arrays.files}
        return cls(**parts | {"count": float(parts["count"])})


def moments(
    x: torch.Tensor,
    shift: torch.Tensor,
    y: torch.Tensor | None = None,
    target_shift: torch.Tensor | None = None,
    with_xx: bool = True,
) -> Moments:
    """Moments of one block: x (n, d), y (n, q) of any float type; shift (d,), target_shift (q,)."""
    x = x.double() - shift
    y = x.new_zeros(len(x), 0) if y is None else y.double()
    target_shift = y.new_zeros(y.shape[1]) if target_shift is None else target_shift
    y = y - target_shift
    return Moments(
        float(len(x)),
        shift,
        x.sum(0),
        x.T @ x if with_xx else None,
        target_shift,
        y.sum(0),
        (y * y).sum(0),
        x.T @ y,
    )


@dataclass
class LinearMap:
    """A fitted map x -> x @ weights + intercept; weights (d, q), intercept (q,), float64."""

    weights: torch.Tensor
    intercept: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Predictions (n, q), float64, of x (n, d)."""
        return x.double() @ self.weights + self.intercept


class Solver:
    """X'X of a site, factorised once, solving for any number of targets.

    Parameters
    ----------
    xx: moments with their ``xx``, of the training rows.
    intercept: whether the maps have one.
    where: what the rows are, for the error messages.
    minimum_norm: for regressors that may span fewer dimensions than they have, as reconstructions of
        an SAE with few living latents do: directions without variance get no weight. Otherwise a
        singular X'X is an error.

    Raises
    ------
    AnatomyError: fewer rows than dimensions, values that are not finite, or a singular X'X.
    """

    def __init__(self, xx: Moments, intercept: bool, where: str, minimum_norm: bool = False):
        self.intercept = intercept
        dimensions = len(xx.x)
        if xx.count <= dimensions + intercept:
            raise AnatomyError(
                f"{where}: {int(xx.count)} training tokens for {dimensions} dimensions; a regression "
                "needs more tokens than dimensions: raise the harvest's contexts"
            )
        scatter = _scatter(xx, intercept)
        if not torch.isfinite(scatter).all():
            raise AnatomyError(
                f"{where}: activations hold NaN or Inf; look at the model and its dtype"
            )
        # Scaling every dimension to unit variance keeps a few huge dimensions from looking singular.
        self.scale = scatter.diagonal().clamp_min(0).sqrt()
        constant = self.scale == 0
        if constant.any() and not minimum_norm:
            raise AnatomyError(
                f"{where}: dimension {int(constant.nonzero()[0])} of the activations is constant; "
                "X'X is singular"
            )
        self.scale[constant] = 1
        correlation = scatter / self.scale[:, None] / self.scale
        eigenvalues, eigenvectors = torch.linalg.eigh(correlation)
        smallest, largest = float(eigenvalues[0]), float(eigenvalues[-1])
        self.condition = largest / smallest if smallest > 0 else float("inf")
        self.factor: torch.Tensor | None = None
        self.directions = eigenvectors[:, :0]
        if self.condition <= MAX_CONDITION:
            self.factor = torch.linalg.cholesky(correlation)
        elif minimum_norm:
            kept = eigenvalues > largest / MAX_CONDITION
            self.directions = eigenvectors[:, kept] / eigenvalues[kept].sqrt()
        else:
            raise AnatomyError(
                f"{where}: X'X is singular (condition number {self.condition:.1e}); some dimensions "
                "are linear combinations of others, or there are too few tokens"
            )

    def solve(self, cross: Moments) -> LinearMap:
        """Least-squares map to the targets of `cross`, whose rows are those of ``xx``."""
        right = _cross(cross, self.intercept) / self.scale[:, None]
        if self.factor is not None:
            weights = torch.cholesky_solve(right, self.factor)
        else:
            weights = self.directions @ (self.directions.T @ right)
        weights = weights / self.scale[:, None]
        if not self.intercept:
            return LinearMap(weights, torch.zeros_like(cross.y))
        mean_x = cross.x / cross.count + cross.shift
        mean_y = cross.y / cross.count + cross.target_shift
        return LinearMap(weights, mean_y - mean_x @ weights)


def _scatter(m: Moments, centred: bool) -> torch.Tensor:
    """Sum of outer products of x, about its mean or about zero, from the shifted sums."""
    about_mean = m.xx - torch.outer(m.x, m.x) / m.count
    if centred:
        return about_mean
    mean = m.x / m.count + m.shift
    return about_mean + m.count * torch.outer(mean, mean)


def _cross(m: Moments, centred: bool) -> torch.Tensor:
    """Sum of x y', about the means or about zero."""
    about_mean = m.xy - torch.outer(m.x, m.y) / m.count
    if centred:
        return about_mean
    mean_x = m.x / m.count + m.shift
    mean_y = m.y / m.count + m.target_shift
    return about_mean + m.count * torch.outer(mean_x, mean_y)
