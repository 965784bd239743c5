"""Concept erasure: affine maps that take from activations what a linear probe could read of a label.

LEACE (Belrose et al., 2023) is concept-erasure's own; the difference of means is the oldest rival.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot


@dataclass(frozen=True)
class Erasure:
    """x -> x - left right (x - bias); left (d, r), right (r, d), bias (d,), float64."""

    left: Tensor
    right: Tensor
    bias: Tensor

    @property
    def rank(self) -> int:
        """Number of dimensions that are taken away."""
        return int(torch.linalg.matrix_rank(self.left @ self.right))

    def __call__(self, x: Tensor) -> Tensor:
        """Activations (n, d) without the concept, float64."""
        x = x.double()
        return x - ((x - self.bias) @ self.right.T) @ self.left.T


def leace(blocks: Iterable[tuple[Tensor, Tensor]], classes: int, shrinkage: bool = True) -> Erasure:
    """The least change of x, in the mean square, after which no linear probe tells the class.

    Parameters
    ----------
    blocks: x (n, d) and classes (n,) int64 below `classes`, a part of the tokens at a time.
    shrinkage: of the covariance, as concept-erasure has it by default. It is complete either way.
    """
    from concept_erasure import LeaceFitter

    fitter: LeaceFitter | None = None
    for x, labels in blocks:
        if fitter is None:
            options = {"dtype": torch.float64, "device": x.device, "shrinkage": shrinkage}
            # A rare class has a small singular value, which the default would drop without a word.
            fitter = LeaceFitter(x.shape[1], classes, svd_tol=1e-8, **options)
        if len(x):
            fitter.update(x.double(), one_hot(labels, classes).double())
    assert fitter is not None
    found = fitter.eraser
    return Erasure(found.proj_left, found.proj_right, found.bias)


def mean_difference(blocks: Iterable[tuple[Tensor, Tensor]], classes: int) -> Erasure:
    """The orthogonal projection that takes the means of all classes to one point.

    blocks, classes: as of `leace`. The mean of all tokens stays as it is.
    """
    sums, counts = None, torch.zeros(classes, dtype=torch.float64)
    for x, labels in blocks:
        member = one_hot(labels, classes).double()
        here = member.T @ x.double()
        sums = here if sums is None else sums + here
        counts = counts.to(x.device) + member.sum(0)
    assert sums is not None
    bias = sums.sum(0) / counts.sum()
    seen = counts > 0
    from_first = (sums[seen] / counts[seen, None]).diff(dim=0)
    basis = torch.linalg.qr(from_first.T)[0]
    return Erasure(basis, basis.T, bias)
