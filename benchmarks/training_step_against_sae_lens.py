"""Tokens per second of the sparse training step against sae_lens's own trainer, same SAE, same data."""

import time

import pandas as pd
import torch

from benchmarks.report import report

SHAPES = ((128, 2048, 12, 1024, 20), (768, 12288, 32, 2048, 6))  # d, latents, k, batch, steps


def trainer(sparse: bool, d: int, latents: int, k: int, batch: int, steps: int):
    """One of the two trainers on a fresh BatchTopK SAE."""
    from sae_lens import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig, SAETrainer
    from sae_lens.config import SAETrainerConfig

    from workflow_scripts.anatomy.saes.sparse_training import (
        SparseBatchTopKTrainingSAE,
        SparseSAETrainer,
    )

    torch.manual_seed(0)
    make = SparseBatchTopKTrainingSAE if sparse else BatchTopKTrainingSAE
    sae = make(BatchTopKTrainingSAEConfig(d_in=d, d_sae=latents, k=k))
    config = SAETrainerConfig(
        total_training_samples=steps * batch, train_batch_size_samples=batch, lr=1e-3, lr_end=1e-4
    )
    return (SparseSAETrainer if sparse else SAETrainer)(config, sae, iter(()))


def tokens_per_second(
    sparse: bool, shape: tuple[int, int, int, int, int], data: torch.Tensor
) -> float:
    """Speed over the shape's steps, after two that are not counted."""
    steps, batch = shape[4], shape[3]
    running = trainer(sparse, *shape)
    for step in range(steps + 2):
        if step == 2:
            started = time.perf_counter()
        running.step(data[step % 4 * batch : (step % 4 + 1) * batch])
        running.n_training_steps += 1
    return steps * batch / (time.perf_counter() - started)


def main() -> None:
    """Measure both shapes, the two trainers in turn."""
    rows = []
    for shape in SHAPES:
        d, latents, k, batch, _ = shape
        data = torch.randn(4 * batch, d, generator=torch.Generator().manual_seed(0))
        theirs, ours = (tokens_per_second(sparse, shape, data) for sparse in (False, True))
        row = {"d": d, "latents": latents, "k": k, "batch": batch}
        rows.append(
            row | {"sae_lens (tokens/s)": theirs, "sparse (tokens/s)": ours, "ratio": ours / theirs}
        )
    report("training_step_against_sae_lens", "BatchTopK training step", pd.DataFrame(rows))


if __name__ == "__main__":
    main()
