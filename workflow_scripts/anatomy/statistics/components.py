"""Principal and independent components: the dictionaries that PCA and ICA make of activations."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.store import write_arrays

# Variances below this share of the largest are rounding.
SMALLEST = 1e-10
ITERATIONS = 500


@dataclass(frozen=True)
class Components:
    """A complete dictionary: x = mean + sum over components of score times direction; float64.

    mean (d,). readers (k, d): the scores of x are readers (x - mean). directions (k, d): what a score of
    1 adds. In descending order of the variance that a component adds.
    """

    mean: NDArray
    readers: NDArray
    directions: NDArray

    def scores(self, x: NDArray) -> NDArray:
        """Scores (n, k) of activations (n, d), float64."""
        return (x.astype(np.float64) - self.mean) @ self.readers.T


def principal_components(mean: NDArray, covariance: NDArray) -> Components:
    """The eigenvectors of a covariance (d, d) that have variance, each with its largest entry positive."""
    variances, vectors = np.linalg.eigh(covariance)
    kept = variances[::-1] > SMALLEST * variances[-1]
    rows = vectors[:, ::-1].T[kept]
    largest = np.abs(rows).argmax(1)
    rows = rows * np.sign(rows[np.arange(len(rows)), largest])[:, None]
    return Components(mean, rows, rows)


def independent_components(x: NDArray, components: int, seed: int) -> Components:
    """FastICA of a sample x (n, d): as many components as there are directions with variance.

    Scores have unit variance on the sample. Without convergence the log says so.
    """
    import warnings

    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    ica = FastICA(
        components,
        whiten="unit-variance",
        whiten_solver="eigh",
        max_iter=ITERATIONS,
        random_state=seed,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        ica.fit(x.astype(np.float64))
    if any(issubclass(each.category, ConvergenceWarning) for each in caught):
        log.warning("warning: FastICA did not converge in %d iterations", ITERATIONS)
    order = np.argsort(-(ica.mixing_**2).sum(0), kind="stable")
    return Components(ica.mean_, ica.components_[order], ica.mixing_.T[order])


def save_components(path: str | Path, components: dict[str, Components]) -> None:
    """Write the components of several methods to an npz file, whole or not at all."""
    arrays = {
        f"{method}/{part}": getattr(found, part)
        for method, found in components.items()
        for part in ("mean", "readers", "directions")
    }
    write_arrays(path, arrays)


def load_components(path: str | Path) -> dict[str, Components]:
    """Read what `save_components` wrote, by method."""
    with np.load(path, allow_pickle=False) as arrays:
        methods = dict.fromkeys(key.split("/")[0] for key in arrays.files)
        return {
            method: Components(
                *(arrays[f"{method}/{part}"] for part in ("mean", "readers", "directions"))
            )
            for method in methods
        }
