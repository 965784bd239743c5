"""A meta-SAE as the workflow trains it against plain sae_lens on the same decoder rows, over seeds.

Takes the folder of an SAE of a finished run (its sae.safetensors) and the number of meta-latents.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.report import report

FOLDER = "results/store/stdlib-gpt2/blocks.2.hook_resid_post/relu-w1024-c2-s0"
K, SEEDS = 4, range(4)
STEPS, RATE, WARMUP, DECAY = 1000, 0.006, 0.05, 0.3


def ours(rows: torch.Tensor, width: int, seed: int, folder: Path):
    """The rule's own training: sparse steps, and a threshold calibrated on the rows."""
    from workflow_scripts.papers.canonical_units.meta.training import train_meta_sae

    meta: dict[str, Any] = {
        "name": "meta",
        "sae": "sae",
        "model": "m",
        "site": "blocks.0.hook_resid_post",
    }
    meta |= {"architecture": "batchtopk", "width": width, "k": K, "seed": seed}
    training: dict[str, Any] = {"steps": STEPS, "batch_size": None, "warmup_fraction": WARMUP}
    training |= {"decay_fraction": DECAY}
    meta |= {"learning_rates": (RATE,), "coefficients": (), "training": training}
    return train_meta_sae(meta, rows, folder)[0]


def theirs(rows: torch.Tensor, width: int, seed: int, folder: Path):
    """sae_lens's `SAETrainer.fit`, with its own threshold: the same optimiser, schedule and batches."""
    from sae_lens import SAE, BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig, SAETrainer
    from sae_lens.config import SAETrainerConfig
    from sae_lens.saes.sae import SAEMetadata

    from workflow_scripts.anatomy.saes.importing import canonical

    def batches() -> Iterator[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield rows[torch.randperm(len(rows), generator=generator)]

    torch.manual_seed(seed)
    config = SAETrainerConfig(
        total_training_samples=STEPS * len(rows),
        train_batch_size_samples=len(rows),
        lr=RATE,
        lr_end=RATE / 10,
        lr_warm_up_steps=round(WARMUP * STEPS),
        lr_decay_steps=round(DECAY * STEPS),
        dead_feature_window=100_000 // len(rows),
        n_batches_for_norm_estimate=1,
    )
    scaled = "expected_average_only_in"
    about = BatchTopKTrainingSAEConfig(
        d_in=rows.shape[1],
        d_sae=width,
        k=K,
        normalize_activations=scaled,
        metadata=SAEMetadata(model_name="m", hook_name="blocks.0.hook_resid_post"),
    )
    trained = SAETrainer(config, BatchTopKTrainingSAE(about), batches()).fit()
    trained.save_inference_model(folder)
    loaded = SAE.load_from_disk(folder, device="cpu")
    return canonical(loaded, {"name": "theirs", "model": "m", "site": "x", "seed": seed}, 1.0)


def main() -> None:
    """Variance explained, L0 and seconds of both, mean and spread over seeds."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER)
    width = int(sys.argv[2]) if len(sys.argv) > 2 else 192
    from workflow_scripts.anatomy.saes.dictionary import load_dictionary
    from workflow_scripts.anatomy.saes.loading import import_quietly
    from workflow_scripts.papers.canonical_units.meta.directions import (
        decoder_directions,
        decompose,
        variance_explained,
    )

    import_quietly()
    rows = decoder_directions(load_dictionary(folder / "sae.safetensors"), None)[1]
    table = []
    for name, train in (("plain sae_lens", theirs), ("this workflow", ours)):
        explained, l0, seconds = [], [], []
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as place:
                started = time.process_time()
                meta = train(rows, width, seed, Path(place) / "meta" / "sae_lens")
                seconds.append(time.process_time() - started)
            explained.append(variance_explained(meta, rows))
            l0.append(decompose(meta, rows).nnz / len(rows))
        row: dict[str, Any] = {"trained by": name, "seeds": len(SEEDS)}
        row |= {
            "variance explained": f"{np.mean(explained):.4f} +- {np.std(explained, ddof=1):.4f}"
        }
        # The first one's seconds have the imports.
        row |= {"L0": float(np.mean(l0)), "CPU seconds": float(np.median(seconds))}
        table.append(row)
    title = f"A meta-SAE of {width} latents, k = {K}, on {len(rows)} decoder rows"
    report("meta_sae_against_sae_lens", title, pd.DataFrame(table))


if __name__ == "__main__":
    main()
