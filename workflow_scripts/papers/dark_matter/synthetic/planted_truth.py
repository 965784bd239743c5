"""Data whose absent, dense and introduced parts are known, and Appendix B's estimates of them.

x = sum_i w_i y_i + Dense (Eq. 17), with features that fire as a power law, and an SAE that knows
the m most frequent ones and adds an error of its own (Eq. 18 to 20). All components are reported as
shares of the variance of x.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.bootstrap import data_and_resamples
from workflow_scripts.papers.dark_matter.synthetic.codes import (
    independent_codes,
    power_law_probabilities,
    random_directions,
    tree_codes,
    tree_directions,
)
from workflow_scripts.papers.dark_matter.synthetic.decomposition import (
    decompose,
    estimate_dense,
    estimate_introduced,
    fit_asymptote,
    interval,
)

STRUCTURES = ("orthogonal", "independent", "tree")
SPANS = ("inside", "outside")
INTRODUCED_KINDS = ("noise", "shrinkage")
BRANCHING = 4
PARENT_COSINE = 0.6


@dataclass(frozen=True)
class PlantedData:
    """Activations with known parts.

    ``x`` (tokens, d) is the sparse sum plus ``dense``; ``codes`` (tokens, features) CSR and
    ``directions`` (features, d) make up the sparse sum, most frequent feature first; ``noise``
    (tokens, d) has the total variance of x in expectation; ``train`` (tokens,) bool.
    """

    x: NDArray
    dense: NDArray
    codes: sparse.csr_matrix
    directions: NDArray
    noise: NDArray
    train: NDArray

    def known(self, features: int) -> NDArray:
        """Part of x due to the first `features` features, (tokens, d)."""
        return self.codes[:, :features] @ self.directions[:features]

    def reconstruction(self, features: int, introduced: float, kind: str = "noise") -> NDArray:
        """Sae(x) of an SAE that knows the first `features` features, (tokens, d).

        Its bias is the mean of what it does not know. It adds an error of variance `introduced`, a
        share of that of x: Gaussian ``noise`` that nothing predicts, or ``shrinkage`` of its own
        features' weights, which is linear in them.
        """
        known = self.known(features)
        bias = (self.x - known).mean(axis=0)
        if kind == "noise":
            return known + bias + np.sqrt(introduced) * self.noise
        if kind != "shrinkage":
            raise AnatomyError(f"introduced kind {kind}: use one of {', '.join(INTRODUCED_KINDS)}")
        centred = known - known.mean(axis=0)
        return known + bias - np.sqrt(introduced * total(self.x) / total(known)) * centred


def plant(
    *,
    features: int,
    d: int,
    l0: float,
    exponent: float,
    tokens: int,
    train_fraction: float,
    dense: float,
    dense_dimensions: int,
    dense_span: str,
    structure: str,
    seed: int,
) -> PlantedData:
    """Make data with a known decomposition.

    Parameters
    ----------
    features, d, l0, exponent: dictionary size, dimension, expected active features, and the power
        of the firing probabilities; weights of active features are Gamma(4) with mean 1.
    dense: variance of the Gaussian dense part as a share of the variance of x, below 1.
    dense_dimensions, dense_span: ``inside``, the dictionary spans all d dimensions and Dense is
        isotropic in them; ``outside``, Dense has `dense_dimensions` of the d to itself.
    structure: ``independent`` features in random directions; a ``tree`` whose features fire only
        with their parents and point in similar directions; or ``orthogonal``, which has as many
        features as dimensions to span, whatever `features` says: the ideal case of Appendix B.2.

    Raises
    ------
    AnatomyError: unknown structure or span, or sizes that do not fit together.
    """
    if structure not in STRUCTURES or dense_span not in SPANS:
        raise AnatomyError(f"planted truth: no structure {structure} or dense_span {dense_span}")
    if not (0 <= dense < 1 and 0 < dense_dimensions < d):
        raise AnatomyError(
            f"planted truth: dense {dense:g} must lie in [0, 1) and dense_dimensions "
            f"{dense_dimensions} between 0 and d = {d}"
        )
    generator = np.random.default_rng(seed)
    span = d if dense_span == "inside" else d - dense_dimensions
    features = span if structure == "orthogonal" else features
    probabilities = power_law_probabilities(features, l0, exponent)
    if structure == "tree":
        codes = tree_codes(tokens, probabilities, BRANCHING, generator, "gamma")
        directions = tree_directions(features, span, BRANCHING, PARENT_COSINE, generator)
    else:
        codes = independent_codes(tokens, probabilities, generator, "gamma")
        directions = random_directions(features, span, generator)
        if structure == "orthogonal":
            directions = np.linalg.qr(directions)[0]
    directions = np.pad(directions, ((0, 0), (0, d - span)))
    sparse_part = codes @ directions
    gaussian = generator.standard_normal((tokens, d))
    if dense_span == "outside":
        gaussian[:, :span] = 0
    gaussian -= gaussian.mean(axis=0)
    dense_part = gaussian * np.sqrt(dense / (1 - dense) * total(sparse_part) / total(gaussian))
    x = sparse_part + dense_part
    noise = generator.standard_normal((tokens, d)) * np.sqrt(total(x) / tokens / d)
    train = np.arange(tokens) < train_fraction * tokens
    return PlantedData(x, dense_part, codes, directions, noise, train)


def total(vectors: NDArray) -> float:
    """Total sum of squares about the mean of (n, d) vectors."""
    return float(((vectors - vectors.mean(axis=0)) ** 2).sum())


def component_estimates(
    data: PlantedData,
    known_features: Sequence[int],
    introduced: float,
    introduced_kind: str,
    weights: NDArray,
) -> Iterator[tuple[str, str, float, NDArray]]:
    """Appendix B's estimates beside the truth, for SAEs of several sizes on one data set.

    Introduced is the horizontal level of FVU_nonlinear over the sizes, Dense the gap between FVU's
    asymptote and that level, Absent what FVU of the largest SAE has above the asymptote. The
    asymptote is ``fitted`` (constant of a power law through the sizes, as in Fig. 1) or
    ``complete`` (FVU of an SAE that knows every feature, as at ablated fraction 0 in Fig. 15).

    `weights` (1 + resamples, held-out tokens) are those of `data_and_resamples`.

    Yields asymptote, component, truth, estimates (1 + resamples,); the first is the data's.
    """
    held_out = data.x[~data.train]
    curves = []
    for features in (*known_features, data.codes.shape[1]):
        reconstruction = data.reconstruction(features, introduced, introduced_kind)
        curves.append(decompose(data.x, reconstruction, data.train).resampled(weights))
    fvu, nonlinear = (np.stack(curve, axis=-1) for curve in zip(*curves, strict=True))
    largest = known_features[-1]
    absent = data.x - data.dense - data.known(largest)
    error = data.known(largest) - data.reconstruction(largest, introduced, introduced_kind)
    truths = {
        name: total(part[~data.train]) / total(held_out)
        for name, part in (("absent", absent), ("dense", data.dense), ("introduced", error))
    }
    level = estimate_introduced(nonlinear[:, :-1])
    fitted = fit_asymptote(np.asarray(known_features), fvu[:, :-1])
    for name, asymptote in (("fitted", fitted), ("complete", fvu[:, -1])):
        yield name, "absent", truths["absent"], fvu[:, -2] - asymptote
        yield name, "dense", truths["dense"], estimate_dense(asymptote, level)
        yield name, "introduced", truths["introduced"], level


def bias_table(
    *,
    structures: Sequence[str],
    dense_spans: Sequence[str],
    introduced_kinds: Sequence[str],
    dense: Sequence[float],
    introduced: Sequence[float],
    known_fractions: Sequence[float],
    seeds: Sequence[int],
    resamples: int = 100,
    **sizes: Any,
) -> pd.DataFrame:
    """The estimators against the truth over a grid, one row per (cell, seed, asymptote, component).

    known_fractions: sizes of the SAEs as fractions of the number of features, ascending, below 1.
    `sizes` go to `plant`: features, d, l0, exponent, tokens, train_fraction, dense_dimensions.

    Returns
    -------
    Columns structure, dense_span, introduced_kind, planted_dense, planted_introduced, seed,
    asymptote, component, known_features (the largest), truth, estimate, bias (estimate - truth),
    with estimate_lo, estimate_hi, bias_lo, bias_hi (95 %, resampling held-out tokens, which are
    independent here), and the sizes.

    Raises
    ------
    AnatomyError: fewer than three sizes to fit, or sizes that are not ascending between 0 and 1.
    """
    ladder = [0, *known_fractions, 1]
    if len(ladder) < 5 or sorted(set(ladder)) != ladder:
        raise AnatomyError(
            f"planted truth: known_fractions {list(known_fractions)} must be at least three "
            "ascending numbers strictly between 0 and 1"
        )
    rows = []
    for structure, span, share, seed in product(structures, dense_spans, dense, seeds):
        data = plant(dense=share, dense_span=span, structure=structure, seed=seed, **sizes)
        features = data.codes.shape[1]
        known = [max(1, round(fraction * features)) for fraction in known_fractions]
        held_out = int((~data.train).sum())
        weights = data_and_resamples(held_out, resamples, (seed, held_out))
        for kind, error in product(introduced_kinds, introduced):
            cell = {
                "structure": structure,
                "dense_span": span,
                "introduced_kind": kind,
                "planted_dense": share,
                "planted_introduced": error,
                "seed": seed,
            }
            results = component_estimates(data, known, error, kind, weights)
            for asymptote, component, truth, estimates in results:
                low, high = interval(estimates)
                value = estimates[0]
                rows.append(
                    cell
                    | {"asymptote": asymptote, "component": component, "known_features": known[-1]}
                    | {"truth": truth, "estimate": value, "estimate_lo": low, "estimate_hi": high}
                    | {"bias": value - truth, "bias_lo": low - truth, "bias_hi": high - truth}
                    | {"features": features, "d": sizes["d"], "l0": data.codes.nnz / len(data.x)}
                )
    return pd.DataFrame(rows)
