"""Targeted probe perturbation: does ablating what is of one class hurt the probe of that class alone?

Canonical-units paper, Appendix A.9.2, Eq. 11 and 12. A probe is linear and so is pooling, so ablating
latents lowers its log odds by their pooled codes times d_l . P / s: one product of codes and decoder for
all classes and all numbers of latents, and nothing is encoded or decoded again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.anatomy.probing.accuracies import mean_of_classes
from workflow_scripts.anatomy.probing.examples import Problem, judged_groups
from workflow_scripts.anatomy.probing.probes import Probe
from workflow_scripts.anatomy.probing.sparse_probes import class_mean, correct_by_group, counted

ABLATIONS = ("error_kept", "reconstruction")


@dataclass(frozen=True)
class Decoder:
    """What of an SAE the perturbation needs: a latent adds ``z * directions / scale`` to Sae(x).

    directions: (m, d) float64; bias: (d,) float64, b_dec / scale; center: whether Sae(x) has the mean of
    x over its dimensions added.
    """

    directions: np.ndarray
    bias: np.ndarray
    scale: float
    center: bool


def attributions(codes: Any, positive: np.ndarray, decoder: Decoder, probe: Probe) -> np.ndarray:
    """Eq. 11, (m,) float64: (mean code of the class - mean code of the others) (d_l . P).

    codes: csr_matrix (n, m) of training examples; positive: (n,) bool.
    """
    difference = class_mean(codes, positive) - class_mean(codes, ~positive)
    return difference * (decoder.directions @ probe.weights) / decoder.scale


@dataclass(frozen=True)
class Perturbed:
    """Examples that the probes are right about in each of G groups of test documents.

    Negative and positive examples are counted apart, on the last axis.
    count, clean: (G, M, 2) for M classes: examples judged, and right about with nothing ablated.
    ablated: (T, G, M, M, 2), right about when latents of class i are ablated from examples of class j,
    for every number of latents.
    attributed: (T,) float64, share of the ablated latents with an attribution above 0.
    """

    count: np.ndarray
    clean: np.ndarray
    ablated: np.ndarray
    attributed: np.ndarray


def perturb(
    activations: np.ndarray,
    codes: Any,
    decoder: Decoder,
    problems: Sequence[Problem],
    probes: Sequence[Probe],
    documents: np.ndarray,
    train: np.ndarray,
    numbers: Sequence[int],
    ablation: str = "error_kept",
) -> Perturbed:
    """Ablate the most relevant latents of each class, and judge every class's probe on its own test set.

    Parameters
    ----------
    activations: (E, d); codes: csr_matrix (E, m); documents, train: (E,) of all examples.
    probes: of each problem, on activations.
    numbers: ascending, how many latents are ablated.
    ablation: ``error_kept`` takes the latents off the activations, the SAE's error kept;
        ``reconstruction`` off Sae(x).
    """
    groups, n_groups = judged_groups(documents, train)
    weights = np.stack([probe.weights for probe in probes], 1)
    # What a unit of each latent adds to each probe's log odds.
    effects = decoder.directions @ weights / decoder.scale
    chosen, scores = [], []
    for problem, probe in zip(problems, probes, strict=True):
        side = train[problem.rows]
        mine = codes[problem.rows[side]]
        found = attributions(mine, problem.positive[side], decoder, probe)
        chosen.append(np.argsort(-found, kind="stable")[: numbers[-1]])
        scores.append(found[chosen[-1]])
    classes = len(problems)
    ablated = np.zeros((len(numbers), n_groups, classes, classes, 2))
    clean, count = np.zeros((2, n_groups, classes, 2))
    for j, (problem, probe) in enumerate(zip(problems, probes, strict=True)):
        side = ~train[problem.rows]
        rows, positive = problem.rows[side], problem.positive[side]
        z = codes[rows]
        odds = probe.scores(_base(activations[rows], z, decoder, ablation))
        judged = (positive, groups[rows], n_groups)
        count[:, j] = counted(*judged)
        clean[:, j] = correct_by_group(odds, *judged)
        columns = z.tocsc()
        for i, latents in enumerate(chosen):
            removed = np.zeros(len(rows))
            for at, (begin, end) in enumerate(zip([0, *numbers], numbers, strict=False)):
                more = latents[begin:end]
                removed = removed + columns[:, more] @ effects[more, j]
                ablated[at, :, i, j] = correct_by_group(odds - removed, *judged)
    shares = [np.mean([(each[:number] > 0).mean() for each in scores]) for number in numbers]
    return Perturbed(count, clean, ablated, np.array(shares))


def _base(x: np.ndarray, codes: Any, decoder: Decoder, ablation: str) -> np.ndarray:
    """What the probes see with nothing ablated, (n, d) float64."""
    x = np.asarray(x, np.float64)
    if ablation == "error_kept":
        return x
    rebuilt = codes @ decoder.directions / decoder.scale + decoder.bias
    return rebuilt + x.mean(-1, keepdims=True) if decoder.center else rebuilt


def tpp(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Eq. 12 as it is printed, (...,), from sums (..., M, 2) and (..., M, M, 2) named as in `Perturbed`."""
    return _own_less_others(_ablated_accuracy(sums))


def tpp_drop(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Eq. 12 of drops in accuracy, of which a high one is good: each A_ij is taken off the clean A_j."""
    clean = mean_of_classes(sums["clean"], sums["count"])
    return _own_less_others(clean[..., None, :] - _ablated_accuracy(sums))


def clean_accuracy(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean accuracy over classes with nothing ablated, (...,)."""
    return mean_of_classes(sums["clean"], sums["count"]).mean(-1)


def _ablated_accuracy(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """A_ij, (..., M, M)."""
    return mean_of_classes(sums["ablated"], sums["count"][..., None, :, :])


def _own_less_others(accuracy: np.ndarray) -> np.ndarray:
    classes = accuracy.shape[-1]
    own = np.trace(accuracy, axis1=-2, axis2=-1)
    others = accuracy.sum((-2, -1)) - own
    return own / classes - others / (classes * (classes - 1))
