"""Tokens per second of the sparse training step against sae_lens's own trainer, same SAE, same data."""

import time
from typing import Any

import pandas as pd
import torch

from benchmarks.report import report

# Architecture, d, latents, active latents of a token, batch, steps.
SHAPES = (
    ("batchtopk", 128, 2048, 12, 1024, 20),
    ("jumprelu", 128, 2048, 12, 1024, 20),
    ("standard", 128, 2048, 12, 1024, 20),
    ("batchtopk", 768, 12288, 32, 2048, 6),
    ("standard", 768, 12288, 32, 2048, 6),
)


def trainer(sparse: bool, architecture: str, data: torch.Tensor, latents: int, k: int, steps: int):
    """One of the two trainers on an SAE of which k latents of a token are active, as late in a training."""
    from sae_lens import SAETrainer
    from sae_lens.config import SAETrainerConfig
    from sae_lens.registry import get_sae_training_class

    from workflow_scripts.anatomy.saes.sparse_trainer import SPARSE_CLASSES, SparseSAETrainer

    torch.manual_seed(0)
    make, config = get_sae_training_class(architecture)
    own = {"k": k} if architecture == "batchtopk" else {}
    batch, d = len(data) // 4, data.shape[1]
    sae: Any = (SPARSE_CLASSES[architecture] if sparse else make)(
        config(d_in=d, d_sae=latents, **own)
    )
    with torch.no_grad():
        highest = (data[:batch] @ sae.W_enc).flatten().topk(k * batch).values[-1]
        if architecture == "standard":
            sae.b_enc.fill_(-highest)
        elif architecture == "jumprelu":
            sae.threshold.fill_(highest)
    settings = SAETrainerConfig(
        total_training_samples=steps * batch, train_batch_size_samples=batch, lr=1e-5, lr_end=1e-6
    )
    return (SparseSAETrainer if sparse else SAETrainer)(settings, sae, iter(()))


def tokens_per_second(
    sparse: bool, architecture: str, data: torch.Tensor, latents: int, k: int, steps: int
) -> float:
    """Speed over so many steps, after two that are not counted."""
    batch = len(data) // 4
    running = trainer(sparse, architecture, data, latents, k, steps)
    for step in range(steps + 2):
        if step == 2:
            started = time.perf_counter()
        running.step(data[step % 4 * batch : (step % 4 + 1) * batch])
        running.n_training_steps += 1
    return steps * batch / (time.perf_counter() - started)


def main() -> None:
    """Measure every shape, the two trainers in turn."""
    rows = []
    for architecture, d, latents, k, batch, steps in SHAPES:
        data = torch.randn(4 * batch, d, generator=torch.Generator().manual_seed(0))
        theirs, ours = (
            tokens_per_second(sparse, architecture, data, latents, k, steps)
            for sparse in (False, True)
        )
        row = {
            "architecture": architecture,
            "d": d,
            "latents": latents,
            "active": k,
            "batch": batch,
        }
        rows.append(
            row | {"sae_lens (tokens/s)": theirs, "sparse (tokens/s)": ours, "ratio": ours / theirs}
        )
    report("training_step_against_sae_lens", "Training step", pd.DataFrame(rows))


if __name__ == "__main__":
    main()
