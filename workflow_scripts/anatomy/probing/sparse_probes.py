"""Sparse probes: logistic probes on a few latents of an SAE, chosen on training documents alone."""

from typing import Any

import numpy as np

from workflow_scripts.anatomy.probing.examples import Problem
from workflow_scripts.anatomy.probing.probes import Probe, fit_probe

# Newton steps of a probe on one latent, from which its loss is known to many digits.
STEPS = 12
# Latents whose losses are computed together: 2000 examples of them take 8 MB.
LATENTS = 512


def ranked_latents(codes: Any, positive: np.ndarray, selection: str) -> np.ndarray:
    """Latents from the most telling to the least, (m,) int64; of equals the first comes first.

    Parameters
    ----------
    codes: csr_matrix (n, m) of training examples; positive: (n,) bool.
    selection: ``mean_difference``, by the absolute difference of the class means (SAEBench); ``loss``,
        by the log loss of a probe on the latent alone (Gao et al., 2024).
    """
    if selection == "loss":
        return np.argsort(single_losses(codes, positive), kind="stable")
    difference = class_mean(codes, positive) - class_mean(codes, ~positive)
    return np.argsort(-np.abs(difference), kind="stable")


def class_mean(codes: Any, members: np.ndarray) -> np.ndarray:
    """Mean codes of some rows of a csr_matrix, (m,) float64."""
    return members.astype(np.float64) @ codes / members.sum()


def single_losses(codes: Any, positive: np.ndarray) -> np.ndarray:
    """Least mean log loss of ``a z + b``, up to a slight penalty on a, for every latent z, (m,) float64."""
    target = positive.astype(np.float64)[:, None]
    losses = [np.zeros(0)]
    columns = codes.tocsc()
    for start in range(0, columns.shape[1], LATENTS):
        z = columns[:, start : start + LATENTS].toarray().astype(np.float64)
        spread = z.std(0)
        z = (z - z.mean(0)) / np.where(spread > 0, spread, 1)
        slope, level = np.zeros(z.shape[1]), np.zeros(z.shape[1])
        for _ in range(STEPS):
            chance = 1 / (1 + np.exp(-np.clip(slope * z + level, -30, 30)))
            error, weight = target - chance, chance * (1 - chance) + 1e-9
            # A penalty keeps the slope finite where the latent alone tells all.
            down = np.stack([(error * z).mean(0) - 1e-4 * slope, error.mean(0)])
            aa, ab = (weight * z * z).mean(0) + 1e-4, (weight * z).mean(0)
            bb = weight.mean(0)
            size = aa * bb - ab * ab
            slope = slope + np.clip((bb * down[0] - ab * down[1]) / size, -4, 4)
            level = level + np.clip((aa * down[1] - ab * down[0]) / size, -4, 4)
        odds = slope * z + level
        losses.append((np.logaddexp(0, odds) - target * odds).mean(0))
    return np.concatenate(losses)


def sparse_probe(
    codes: Any, problem: Problem, documents: np.ndarray, train: np.ndarray, k: int, selection: str
) -> tuple[np.ndarray, Probe]:
    """Choose k latents and fit a probe on them, both on the training examples of a problem.

    codes: csr_matrix (E, m); documents, train: (E,) of all examples. Returns the latents, best first,
    and the probe on their codes; all m latents where there are fewer than k.
    """
    side = train[problem.rows]
    rows, positive = problem.rows[side], problem.positive[side]
    mine = codes[rows]
    latents = ranked_latents(mine, positive, selection)[:k]
    return latents, fit_probe(mine[:, latents].toarray(), positive, documents[rows])


def counted(positive: np.ndarray, groups: np.ndarray, n: int) -> np.ndarray:
    """Examples in each of n groups of documents, negative and positive ones apart, (n, 2) float64.

    positive, groups: (examples,) of those counted.
    """
    return np.bincount(2 * groups + positive, minlength=2 * n).reshape(n, 2).astype(np.float64)


def correct_by_group(
    scores: np.ndarray, positive: np.ndarray, groups: np.ndarray, n: int
) -> np.ndarray:
    """Those of the examples that a probe is right about, as `counted`.

    scores, positive, groups: (examples,) of those judged.
    """
    right = (scores > 0) == positive
    return counted(positive[right], groups[right], n)
