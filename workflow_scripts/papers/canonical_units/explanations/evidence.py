"""From which latents a meta-latent is explained, with some of them left out."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Evidence:
    """p pairs of a question and a meta-latent that can be explained in it, by question.

    question, meta_latent: (p,) int64. weights: csr_matrix (p, n) float64, activations of the meta-latent
    on the latents that it is explained from; no row is empty.
    """

    question: np.ndarray
    meta_latent: np.ndarray
    weights: Any

    def count(self, questions: int) -> np.ndarray:
        """Meta-latents of each question, (questions,) int64."""
        return np.bincount(self.question, minlength=questions)


def evidence(activations: Any, latents: np.ndarray, left_out: np.ndarray) -> Evidence:
    """For every meta-latent that is active on a question's latent: the latents that explain it.

    Parameters
    ----------
    activations: csr_matrix (n, m), of m meta-latents on n latents.
    latents: (q,) int, the latent of each question whose meta-latents are given.
    left_out: (q, k) int, latents that explain nothing in the question; k may be 0. A meta-latent that is
        active on no other latent is left out itself.
    """
    rows = activations[latents].tocsr()
    rows.eliminate_zeros()
    question = np.repeat(np.arange(len(latents)), np.diff(rows.indptr))
    meta_latent = rows.indices.astype(np.int64)
    weights = activations.T.tocsr().astype(np.float64)[meta_latent]
    of_entry = np.repeat(question, np.diff(weights.indptr))
    gone = (weights.indices[:, None] == left_out[of_entry]).any(1)
    weights.data = np.where(gone, 0.0, weights.data)
    weights.eliminate_zeros()
    weights.sort_indices()
    kept = np.flatnonzero(np.diff(weights.indptr))
    return Evidence(question[kept], meta_latent[kept], weights[kept])
