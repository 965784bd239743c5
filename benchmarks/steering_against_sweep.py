"""Trainings that a JumpReLU SAE of a wanted L0 costs: steered in one, or searched for by its coefficient."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.report import report

D, LATENTS, ATOMS, CONTEXTS, POSITIONS = 64, 256, 512, 1024, 64
SITE = "blocks.0.hook_resid_post"
WITHIN, MOST = 0.05, 12
TRAINING = {"tokens": 512_000, "batch_size": 1024, "learning_rate": 0.008, "decay_fraction": 0.3}


def harvest(folder: Path):
    """A store of sums of a few of 512 directions whose frequencies fall as a power law."""
    from workflow_scripts.anatomy.activations.store import open_activations
    from workflow_scripts.anatomy.base.store import writing

    generator = np.random.default_rng(0)
    atoms = generator.normal(size=(ATOMS, D)) / math.sqrt(D)
    frequency = 8 * np.arange(1, ATOMS + 1) ** -0.8 / (np.arange(1, ATOMS + 1) ** -0.8).sum()
    with writing(folder / "train.zarr", "activations") as group:
        array = group.create_array(
            f"activations/{SITE}",
            shape=(CONTEXTS, POSITIONS, D),
            chunks=(64, POSITIONS, D),
            dtype="float32",
        )
        for start in range(0, CONTEXTS, 64):
            active = generator.random((64, POSITIONS, ATOMS)) < frequency
            array[start : start + 64] = (active * generator.exponential(size=active.shape)) @ atoms
        group.create_array("tokens", data=np.zeros((CONTEXTS, POSITIONS), np.int32))
        group.attrs.update(
            model="m",
            harvest="train",
            hook_points=[SITE],
            min_position=0,
            context_length=POSITIONS,
            has_bos=False,
        )
    return open_activations(folder / "train.zarr")


def train(store, folder: Path, **sparsity) -> tuple[float, float, float]:
    """L0 and NMSE on the contexts that were not trained on, and the L0 of the last batches."""
    from workflow_scripts.anatomy.saes.training import train_sae
    from workflow_scripts.anatomy.saes.training_plan import training_plan

    sae = {"name": "sae", "group": "g", "architecture": "jumprelu", "site": SITE, "width": LATENTS}
    sae |= {"seed": 0, "training": TRAINING} | sparsity
    dictionary, curve = train_sae(sae, store, "m", folder / "sae_lens")
    spared = slice(training_plan(sae, store).training_contexts, CONTEXTS)
    x = torch.from_numpy(store.activations(SITE)[spared]).reshape(-1, D)
    codes, reconstruction = dictionary.reconstruct(x)
    error = (x - reconstruction).square().sum() / (x - x.mean(0)).square().sum()
    late = float(np.mean([row["l0"] for row in curve[-10:]]))
    return float(codes.l0.double().mean()), float(error), late


def sweep(store, folder: Path, k: float) -> tuple[int, float, float]:
    """Bisect the logarithm of the coefficient until L0 is within 5 % of k: trainings, L0, NMSE."""
    low, high = math.log(1e-3), math.log(10.0)  # an L0 far above k, and far below
    trainings, l0 = 0, math.inf
    while abs(l0 - k) > WITHIN * k and trainings < MOST:
        trainings += 1
        middle = (low + high) / 2
        l0, error, _ = train(store, folder, coefficient=math.exp(middle))
        low, high = (middle, high) if l0 > k else (low, middle)
    return trainings, l0, error


def main() -> None:
    """Both ways to three L0s."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = harvest(folder)
        for k in (4, 8, 16):
            l0, error, late = train(store, folder, k=k)
            trainings, sweep_l0, sweep_error = sweep(store, folder, k)
            rows.append(
                {
                    "k": k,
                    "steered: trainings": 1,
                    "L0 when training ends": late,
                    "L0": l0,
                    "NMSE": error,
                    "sweep: trainings": trainings,
                    "sweep: L0": sweep_l0,
                    "sweep: NMSE": sweep_error,
                }
            )
    report("steering_against_sweep", "A JumpReLU SAE of a wanted L0", pd.DataFrame(rows))


if __name__ == "__main__":
    main()
