"""Targeted probe perturbation from pooled codes against encoding and decoding anew for every ablation."""

import time

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix

from benchmarks.report import report
from workflow_scripts.anatomy.probing.examples import Problem
from workflow_scripts.anatomy.probing.perturbation import attributions, perturb
from workflow_scripts.anatomy.probing.pooling import run_means
from workflow_scripts.anatomy.probing.probes import Probe, fit_probe
from workflow_scripts.anatomy.probing.results import decoder_of
from workflow_scripts.anatomy.saes.dictionary import Dictionary

TEXTS, LENGTH, D, WIDTH, CLASSES = 240, 64, 128, 2048, 8
NUMBERS = [2, 5, 10, 20, 50, 100]


def dictionary() -> Dictionary:
    """A ReLU SAE with tied weights, of which some forty latents fire on a token."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(WIDTH, D, generator=generator), dim=1)
    biases = torch.full((WIDTH,), -2.9), torch.zeros(D)
    return Dictionary(
        directions.T.clone(), biases[0], directions, biases[1], metadata={"name": "s"}
    )


def problems(classes: np.ndarray) -> list[Problem]:
    """Each class against all others."""
    every = np.arange(TEXTS)
    return [Problem("b", str(c), "b", every, classes == c) for c in range(CLASSES)]


def encode_once(sae: Dictionary, x: torch.Tensor) -> csr_matrix:
    """Pooled codes: what is done once whatever is ablated."""
    codes = sae.encode(x)
    pointer = codes.offsets.numpy()
    dense = csr_matrix((codes.values.numpy(), codes.indices.numpy(), pointer), (len(x), WIDTH))
    return csr_matrix(run_means(np.full(TEXTS, LENGTH)) @ dense)


def encode_each_time(
    sae: Dictionary, x: torch.Tensor, latents: np.ndarray, probes: list[Probe]
) -> np.ndarray:
    """What each probe says of each text, (TEXTS, CLASSES), once these latents are ablated."""
    codes = sae.encode(x)
    rebuilt = sae.decode(codes)
    values = codes.values.masked_fill(torch.isin(codes.indices, torch.from_numpy(latents)), 0.0)
    without = x - rebuilt + sae.decode(type(codes)(codes.indices, values, codes.l0))
    pooled = without.double().reshape(TEXTS, LENGTH, D).mean(1).numpy()
    return np.stack([probe.scores(pooled) > 0 for probe in probes], 1)


def main() -> None:
    """Time both, and compare every accuracy."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, TEXTS)
    means = rng.normal(size=(CLASSES, D))[classes]
    tokens = rng.normal(size=(TEXTS, LENGTH, D)) + means[:, None]
    x = torch.from_numpy(tokens.reshape(-1, D)).float()
    sae, found = dictionary(), problems(classes)
    documents, train = np.arange(TEXTS), np.arange(TEXTS) % 5 < 3
    pooled = x.double().reshape(TEXTS, LENGTH, D).mean(1).numpy()
    probes = [fit_probe(pooled[train], each.positive[train], documents[train]) for each in found]
    started = time.perf_counter()
    codes = encode_once(sae, x)
    ours = perturb(
        pooled, codes, decoder_of(sae), found, probes, documents, train, NUMBERS, "error_kept"
    )
    between = time.perf_counter()
    accuracy = ours.ablated.sum((1, -1)) / ours.count.sum((0, -1))
    difference = 0.0
    for i, (problem, probe) in enumerate(zip(found, probes, strict=True)):
        scores = attributions(codes[train], problem.positive[train], decoder_of(sae), probe)
        order = np.argsort(-scores, kind="stable")
        for at, number in enumerate(NUMBERS):
            said = encode_each_time(sae, x, order[:number], probes)[~train]
            truth = np.stack([each.positive[~train] for each in found], 1)
            difference = max(difference, np.abs((said == truth).mean(0) - accuracy[at, i]).max())
    ended = time.perf_counter()
    row = {
        "classes": CLASSES,
        "numbers of latents": len(NUMBERS),
        "encoded once (s)": between - started,
        "encoded for each (s)": ended - between,
        "ratio": (ended - between) / (between - started),
        "largest difference of accuracies": difference,
    }
    title = f"Targeted probe perturbation, {TEXTS * LENGTH} tokens, d = {D}, {WIDTH} latents"
    report("tpp_against_reencoding", title, pd.DataFrame([row]))


if __name__ == "__main__":
    main()
