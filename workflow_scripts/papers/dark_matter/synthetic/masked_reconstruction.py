"""The test of Appendix B.2 on known features: x' = Sae(x), with latents masked and noise added.

x' is a sparse sum of the dictionary's own directions, so the absent features are the masked ones,
Dense is Gaussian noise added to x', and Introduced is Gaussian noise added to the reconstruction.

The noise put in and the FVUs that estimate it are shares of one and the same variance: that of x' before
any noise, about its mean, summed over dimensions, on the held-out tokens.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.bootstrap import data_and_resamples
from workflow_scripts.papers.dark_matter.synthetic.decomposition import (
    check_tokens,
    solve,
)
from workflow_scripts.papers.dark_matter.synthetic.noise_sweep import Sweep

BLOCK = 4096
Encode = Callable[[NDArray], sparse.csr_matrix]


def masked_reconstruction_sweep(
    codes: sparse.csr_matrix,
    directions: NDArray,
    units: NDArray,
    train: NDArray,
    *,
    noise_x: Sequence[float] = (0.0,),
    noise_sae: Sequence[float] = (0.0,),
    ablated_fractions: Sequence[float],
    seed: int,
    resamples: int = 200,
    encode: Encode | None = None,
    order: NDArray | None = None,
) -> Sweep:
    """FVU (of Sae(x')) and FVU_nonlinear (of Sae(x') + b*x', Eq. 12) against the ablated fraction.

    Parameters
    ----------
    codes: (tokens, m) CSR, the codes whose decoding is x'.
    directions: (m, d), decoder rows in units of x'.
    units: (tokens,) int, what each token is resampled with: its document, or group of documents.
    train: (tokens,) bool, tokens that the regressions are fitted on; the others are held out.
    noise_x, noise_sae: total variances of the Gaussian noise added to x' and to Sae(x'), as
        shares of the variance that FVUs divide by; isotropic.
    ablated_fractions: of the latents that fire, the least important being ablated first; importance
        is the sum of squared contributions. 0 has to be among them (the asymptote is read there).
    encode: None takes the masked decoding of `codes` for Sae(x'); otherwise codes (n, m) CSR of
        noisy x' (n, d) float64, so that Sae(x') sees the noise.
    order: (m,) int, the latents in the order of their ablation; None is by importance.

    Raises
    ------
    AnatomyError: too few tokens for d dimensions, 0 not among the ablated fractions, or latents
        that never fire.
    """
    if 0.0 not in ablated_fractions:
        raise AnatomyError("ablated_fractions: 0 is missing; the asymptote of FVU is read there")
    check_tokens(int(train.sum()), int((~train).sum()), directions.shape[1])
    held_out = np.unique(units[~train])
    weights = data_and_resamples(len(held_out), resamples, (seed, len(held_out)))
    masks = ablation_masks(codes, directions, ablated_fractions, order)
    groups = np.searchsorted(held_out, units)
    clean = _clean_sums(codes, directions, ~train, groups, len(held_out))
    totals = _total(*(weights @ part for part in clean))
    variance = totals[0] / (~train).sum()
    blocks = _Blocks(codes, directions, masks, seed, encode, variance)
    levels = np.asarray(noise_sae, dtype=np.float64)
    fvu: list[NDArray] = []
    nonlinear: list[NDArray] = []
    for noise in noise_x:
        fit = _fit(blocks, train, float(noise))
        sums = _score(blocks, ~train, float(noise), fit, groups, len(held_out))
        for kind, results in (("plain", fvu), ("nonlinear", nonlinear)):
            a, b, c = (np.tensordot(weights, sums[f"{kind}_{p}"], 1)[:, None] for p in "abc")
            t = levels[:, None]
            results.append((a + 2 * np.sqrt(t) * b + t * c) / totals[:, None, None])
    return Sweep(
        np.asarray(noise_x, dtype=np.float64),
        levels,
        np.asarray(ablated_fractions, dtype=np.float64),
        np.stack(fvu, axis=1),
        np.stack(nonlinear, axis=1),
    )


def ablation_masks(
    codes: sparse.csr_matrix,
    directions: NDArray,
    fractions: Sequence[float],
    order: NDArray | None = None,
) -> NDArray:
    """Which latents stay at each ablated fraction, (F, m) bool; parameters as in the sweep."""
    squares = np.asarray(codes.multiply(codes).sum(axis=0)).ravel()
    importance = squares * (directions**2).sum(axis=1)
    alive = importance > 0
    if not alive.any():
        raise AnatomyError(
            "no latent of this SAE fires on these contexts, so there is nothing to mask; take "
            "another one (dark_matter.reference_width, dark_matter.target_l0)"
        )
    order = np.argsort(importance, kind="stable") if order is None else np.asarray(order)
    # Latents that never fire go with the first that do: they are no part of the fraction.
    ablated = order[alive[order]]
    masks = np.ones((len(fractions), len(importance)), dtype=bool)
    for mask, fraction in zip(masks, fractions, strict=True):
        if fraction > 0:
            mask[~alive] = False
            mask[ablated[: round(fraction * len(ablated))]] = False
    return masks


def _clean_sums(
    codes: sparse.csr_matrix, directions: NDArray, tokens: NDArray, groups: NDArray, number: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Of x' before noise, about its mean: tokens (C,), sums (C, d), sums of squares (C,) by unit."""
    count, first, second = (
        np.zeros(number),
        np.zeros((number, directions.shape[1])),
        np.zeros(number),
    )
    mean = np.asarray(codes.mean(axis=0)).ravel() @ directions
    for at in range(0, codes.shape[0], BLOCK):
        rows = at + np.flatnonzero(tokens[at : at + BLOCK])
        add = _Adder(groups[rows], number)
        x = codes[rows] @ directions - mean
        count += add(np.ones(len(rows)))
        first += add(x)
        second += add((x**2).sum(axis=1))
    return count, first, second


def _total(count: NDArray, first: NDArray, second: NDArray) -> NDArray:
    """Total sum of squares about the mean, (...), from sums (...), (..., d) and (...)."""
    return second - (first**2).sum(axis=-1) / count


class _Blocks:
    """Noisy x', its masked reconstructions and the reconstruction's unit noise, block by block."""

    def __init__(
        self,
        codes: sparse.csr_matrix,
        directions: NDArray,
        masks: NDArray,
        seed: int,
        encode: Encode | None,
        variance: float,
    ):
        self.codes, self.masks, self.seed, self.encode = codes.tocsr(), masks, seed, encode
        self.directions = np.asarray(directions, dtype=np.float64)
        self.mean = np.asarray(codes.mean(axis=0)).ravel() @ self.directions
        # Standard deviation per dimension of noise whose total variance is `variance`.
        self.unit = np.sqrt(variance / directions.shape[1])

    def __call__(self, tokens: NDArray, noise: float) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
        """Yield rows (n,), x' about its mean (n, d), and targets (n, F + 1, d).

        The targets are the F masked reconstructions (about the mean of x') and the unit noise. The
        noise of a block has its own seed, so that every pass sees the same.
        """
        for number, at in enumerate(range(0, self.codes.shape[0], BLOCK)):
            rows = np.arange(at, min(at + BLOCK, self.codes.shape[0]))
            generator = np.random.default_rng([self.seed, number])
            shape = (len(rows), len(self.mean))
            noise_x = np.sqrt(noise) * self.unit * generator.standard_normal(shape)
            noise_sae = self.unit * generator.standard_normal(shape)
            codes = self.codes[at : at + BLOCK]
            x = codes @ self.directions + noise_x
            if self.encode is not None:
                codes = self.encode(x)
            kept = tokens[rows]
            targets = np.empty((int(kept.sum()), len(self.masks) + 1, len(self.mean)))
            codes = codes[kept]
            for index, mask in enumerate(self.masks):
                masked = (codes.data * mask[codes.indices], codes.indices, codes.indptr)
                masked_codes = sparse.csr_matrix(masked, codes.shape)
                targets[:, index] = masked_codes @ self.directions - self.mean
            targets[:, -1] = noise_sae[kept]
            yield rows[kept], x[kept] - self.mean, targets


@dataclass(frozen=True)
class _Fit:
    """Least squares from x' to the targets: (x - mean_x) @ coefficients + mean_target."""

    coefficients: NDArray
    mean_x: NDArray
    mean_target: NDArray


def _fit(blocks: _Blocks, tokens: NDArray, noise: float) -> _Fit:
    # OLS is linear in its target: fitted once for each masked reconstruction and once for the
    # noise, it is known for the reconstruction plus any amount of noise.
    d = len(blocks.mean)
    width = (len(blocks.masks) + 1) * d
    gram, cross = np.zeros((d, d)), np.zeros((d, width))
    sum_x, sum_target, count = np.zeros(d), np.zeros(width), 0
    for rows, x, targets in blocks(tokens, noise):
        flat = targets.reshape(len(rows), width)
        gram += x.T @ x
        cross += x.T @ flat
        sum_x += x.sum(axis=0)
        sum_target += flat.sum(axis=0)
        count += len(rows)
    mean_x, mean_target = sum_x / count, sum_target / count
    gram -= count * np.outer(mean_x, mean_x)
    cross -= count * np.outer(mean_x, mean_target)
    return _Fit(solve(gram, cross), mean_x, mean_target)


def _score(
    blocks: _Blocks, tokens: NDArray, noise: float, fit: _Fit, groups: NDArray, number: int
) -> dict[str, NDArray]:
    """Sums per held-out unit; squared residuals as a + 2 sqrt(t) b + t c for noise variance t.

    SaeError = x' - masked - sqrt(t) noise, and since b* of x' itself is the identity, the nonlinear
    error is minus the residual of predicting masked + sqrt(t) noise from x'.
    """
    count = len(blocks.masks)
    sums = {
        f"{kind}_{part}": np.zeros((number, count))
        for kind in ("plain", "nonlinear")
        for part in "abc"
    }
    for rows, x, targets in blocks(tokens, noise):
        add = _Adder(groups[rows], number)
        predicted = (x - fit.mean_x) @ fit.coefficients + fit.mean_target
        nonlinear = targets - predicted.reshape(targets.shape)
        plain = targets.copy()
        plain[:, :-1] -= x[:, None]
        for kind, residual in (("plain", plain), ("nonlinear", nonlinear)):
            own, added = residual[:, :-1], residual[:, -1]
            sums[f"{kind}_a"] += add(np.einsum("nfd,nfd->nf", own, own))
            sums[f"{kind}_b"] += add(np.einsum("nfd,nd->nf", own, added))
            sums[f"{kind}_c"] += add((added**2).sum(axis=1))[:, None]
    return sums


class _Adder:
    """Sum rows by group."""

    def __init__(self, groups: NDArray, number: int):
        entries = (np.ones(len(groups)), (groups, np.arange(len(groups))))
        self.matrix = sparse.csr_matrix(entries, (number, len(groups)))

    def __call__(self, values: NDArray) -> NDArray:
        return self.matrix @ values
