"""The streamed regressions of all SAEs of a site against one full least squares per SAE."""

import operator
import time
from functools import reduce

import numpy as np
import pandas as pd
import torch

from benchmarks.report import report
from workflow_scripts.anatomy.statistics.regression import Solver, moments

TOKENS, D, BLOCK = 32_768, 768, 4096
TARGETS = (1, 3, 6, 12)


def streamed(x: torch.Tensor, errors: list[torch.Tensor]) -> list[np.ndarray]:
    """X'X once, X'E for every SAE, one Cholesky: what this workflow does."""
    shift = x[:BLOCK].double().mean(0)
    blocks = [slice(at, at + BLOCK) for at in range(0, len(x), BLOCK)]
    xx = reduce(operator.add, (moments(x[block], shift) for block in blocks))
    solver = Solver(xx, True, "benchmark")
    weights = []
    for error in errors:
        parts = (moments(x[block], shift, error[block], with_xx=False) for block in blocks)
        cross = reduce(operator.add, parts)
        weights.append(solver.solve(cross).weights.numpy())
    return weights


def full(x: torch.Tensor, errors: list[torch.Tensor]) -> list[np.ndarray]:
    """A float64 least squares on all tokens for every SAE, as the obvious script has it."""
    design = torch.cat([x.double(), torch.ones(len(x), 1, dtype=torch.float64)], 1)
    return [torch.linalg.lstsq(design, error.double()).solution[:-1].numpy() for error in errors]


def main() -> None:
    """Time both for growing numbers of SAEs."""
    generator = torch.Generator().manual_seed(0)
    x = (
        torch.randn(TOKENS, D, generator=generator)
        @ torch.randn(D, D, generator=generator)
        / D**0.5
    )
    errors = [
        torch.tanh(x + 0.1 * torch.randn(TOKENS, D, generator=generator))
        for _ in range(TARGETS[-1])
    ]
    rows = []
    for count in TARGETS:
        started = time.perf_counter()
        ours = streamed(x, errors[:count])
        between = time.perf_counter()
        theirs = full(x, errors[:count])
        ended = time.perf_counter()
        difference = max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))
        rows.append(
            {
                "SAEs": count,
                "streamed (s)": between - started,
                "lstsq per SAE (s)": ended - between,
                "ratio": (ended - between) / (between - started),
                "largest difference of weights": difference,
            }
        )
    title = f"Regressing the errors of several SAEs, {TOKENS} tokens, d = {D}, float64"
    report("regression_against_lstsq", title, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
