"""Train SAEs on stored activations, through sae_lens's trainer and into its saved format."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.activations.batches import shuffled_batches
from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress, log
from workflow_scripts.anatomy.base.store import write_json
from workflow_scripts.anatomy.saes.checkpoints import Checkpoints
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.saes.importing import canonical
from workflow_scripts.anatomy.saes.loading import load_sae_lens
from workflow_scripts.anatomy.saes.threshold import calibrate_threshold
from workflow_scripts.anatomy.saes.trainers import new_trainer
from workflow_scripts.anatomy.saes.training_plan import TrainingPlan, key_of, training_plan

# Blocks that the scale and the mean of the activations are estimated on, evenly over the harvest.
ESTIMATION_BLOCKS = 8
CURVE_POINTS = 60
# A steered SAE whose thresholds have to be moved by more than this was trained too little.
MOST_MOVED = 1.25


def train_saes(
    saes: Sequence[dict[str, Any]],
    activations: ActivationStore,
    model_name: str,
    folders: Sequence[str | Path],
    device: str = "cpu",
    decoder: torch.Tensor | None = None,
) -> list[tuple[Dictionary, list[dict[str, Any]]]]:
    """Train the SAEs that blocks of the configuration describe, all on one stream of activations.

    The activations are scaled by one factor to a mean norm of sqrt(d), which is folded into the
    saved weights; b_dec starts at their mean. Decoder rows are saved with norm 1. Every batch is
    read once and given to one SAE after the other; each becomes, to the byte, what it becomes
    when it is trained alone. Checkpoints live beside `folders` while the training runs; one that
    is interrupted goes on from the last, to the same bytes as one that is not.

    Parameters
    ----------
    saes: for each its name, group, architecture, site, width, seed, training, and k or
        coefficient. Site, seed and batch size are the same for all.
    folders: for each, where cfg.json and sae_weights.safetensors go; `SAE.load_from_disk` reads it.
    decoder: (m, d) float32 rows of norm 1 that all of them have, and keep: what is trained is the rest.

    Returns
    -------
    For each the dictionary, and the rows of the training curve: model, site, sae, step, tokens, mse
    (per token, in the activations' units), fvu and l0 of the step's batch, dead_latents,
    learning_rate, coefficient (of the sparsity penalty, where there is one), auxiliary_loss (scaled
    units; aux loss, or the sparsity penalty).

    Raises
    ------
    AnatomyError: what `plan` raises; NaN activations; a loss that is not finite (names the step).
    """
    plans = [training_plan(sae, activations) for sae in saes]
    streams = {(p.site, p.batch_size, sae["seed"]) for p, sae in zip(plans, saes, strict=True)}
    if len(streams) != 1:
        raise ValueError(f"SAEs of one stream share site, batch size and seed, not {streams}")
    device = resolve_device(device)
    scale, mean = _scale_and_mean(activations, plans[0])
    trainings = []
    for sae, planned, folder in zip(saes, plans, map(Path, folders), strict=True):
        trainer = new_trainer(sae, planned, model_name, len(mean), device, decoder)
        trainer.activation_scaler.scaling_factor = scale
        with torch.no_grad():
            trainer.sae.b_dec.copy_(mean * scale)
        checkpoints = Checkpoints(folder.parent / "checkpoints", sae, activations, decoder)
        training = _Training(sae, model_name, planned, trainer, checkpoints)
        training.curve += checkpoints.resume(trainer)
        trainings.append(training)
    _fit(trainings, activations)
    done = []
    for training, folder in zip(trainings, map(Path, folders), strict=True):
        done.append((_finish(training, activations, scale, folder), training.curve))
        training.checkpoints.delete()
    return done


def train_sae(
    sae: dict[str, Any],
    activations: ActivationStore,
    model_name: str,
    folder: str | Path,
    device: str = "cpu",
) -> tuple[Dictionary, list[dict[str, Any]]]:
    """`train_saes` for a single one."""
    (trained,) = train_saes([sae], activations, model_name, [folder], device)
    return trained


@dataclass
class _Training:
    """One SAE in training."""

    sae: dict[str, Any]
    model_name: str
    planned: TrainingPlan
    trainer: Any
    checkpoints: Checkpoints
    curve: list[dict[str, Any]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return self.trainer.n_training_steps

    def step(self, batch: torch.Tensor) -> None:
        """One step, its row of the curve, and a checkpoint where one is due."""
        trainer, steps = self.trainer, self.planned.steps
        learning_rate = trainer.optimizer.param_groups[0]["lr"]
        coefficients = [scheduler.value for scheduler in trainer.coefficient_schedulers.values()]
        if self.planned.steered:
            trainer.coefficient_schedulers["l0"].set_thresholds(trainer, batch)
        output = trainer.step(batch)
        loss = output.loss.item()
        if not math.isfinite(loss):
            raise AnatomyError(
                f"{self.sae['name']}: the loss is {loss} at step {self.steps}; lower "
                f"{key_of(self.sae)}.training.learning_rate"
            )
        trainer.n_training_steps += 1
        if self.planned.steered:
            trainer.coefficient_schedulers["l0"].observe(_l0(output))
        if self.steps % max(1, steps // CURVE_POINTS) == 0 or self.steps == steps:
            about = {"model": self.model_name, "site": self.planned.site, "sae": self.sae["name"]}
            row = {"learning_rate": learning_rate, "coefficient": sum(coefficients) or None}
            self.curve.append(about | _curve_row(trainer, output) | row)
        if self.steps in self.checkpoints.marks(steps, self.planned.options["checkpoints"]):
            self.checkpoints.save(trainer, self.curve)


def _fit(trainings: list[_Training], activations: ActivationStore) -> None:
    """Run the steps that are left. Who is ahead, after an interruption, waits for the others."""
    planned, at = trainings[0].planned, min(training.steps for training in trainings)
    last = max(training.planned.steps for training in trainings)
    names = trainings[0].sae["name"] if len(trainings) == 1 else f"{len(trainings)} SAEs"
    progress = Progress(f"training {names}", last)
    seed = trainings[0].sae["seed"]
    batches = shuffled_batches(
        activations, planned.site, planned.batch_size, seed, at, planned.training_contexts
    )
    while at < last:
        batch = torch.from_numpy(next(batches))
        for training in trainings:
            if training.steps == at < training.planned.steps:
                training.step(batch)
        at += 1
        newest = [training.curve[-1] for training in trainings if training.curve]
        progress(at, ", ".join(f"FVU {row['fvu']:.4f} L0 {row['l0']:.1f}" for row in newest[:3]))


def _finish(
    training: _Training, activations: ActivationStore, scale: float, folder: Path
) -> Dictionary:
    """Fold scale and norms into the weights, set the thresholds, save."""
    trained, sae = training.trainer.sae, training.sae
    trained.fold_activation_norm_scaling_factor(scale)
    if hasattr(trained, "topk_threshold"):
        theta = _calibrate(training, trained.get_W_dec_norm(), activations)
        trained.topk_threshold.fill_(theta)
    elif sae["architecture"] != "topk":
        trained.fold_W_dec_norm()
    if training.planned.steered:
        _move_thresholds(training, activations)
    return _save(trained.to("cpu"), sae, training.model_name, folder)


def _scale_and_mean(
    activations: ActivationStore, planned: TrainingPlan
) -> tuple[float, torch.Tensor]:
    """sqrt(d) over the mean norm, and the mean (d,), of evenly spaced blocks of tokens."""
    array = activations.activations(planned.site)
    blocks = [b for b in activations.block_slices() if b.start < planned.training_contexts]
    chosen = np.linspace(0, len(blocks) - 1, min(len(blocks), ESTIMATION_BLOCKS)).round()
    total, norms, count = 0.0, 0.0, 0
    for at in chosen.astype(int):
        block = slice(blocks[at].start, min(blocks[at].stop, planned.training_contexts))
        rows = read(array, block, activations.path)[:, activations.min_position :]
        rows = rows.reshape(-1, rows.shape[-1]).astype(np.float64)
        total, count = total + rows.sum(0), count + len(rows)
        norms += float(np.linalg.norm(rows, axis=1).sum())
    if not math.isfinite(norms) or norms == 0:
        raise AnatomyError(
            f"{activations.path}: the activations of {planned.site} are NaN, infinite or all zero; "
            "harvest them anew, in float32 if need be"
        )
    scale = math.sqrt(array.shape[2]) * count / norms
    return scale, torch.from_numpy(np.asarray(total / count, dtype=np.float32))


@torch.no_grad()
def _curve_row(trainer: Any, output: Any) -> dict[str, Any]:
    x = output.sae_in
    error = (x - output.sae_out).square().sum(-1, dtype=torch.float64).mean().item()
    variance = (x - x.mean(0)).square().sum(-1, dtype=torch.float64).mean().item()
    auxiliary = [float(v) for name, v in output.losses.items() if name != "mse_loss"]
    return {
        "step": trainer.n_training_steps,
        "tokens": trainer.n_training_samples,
        "mse": error / trainer.activation_scaler.scaling_factor**2,
        "fvu": error / variance if variance > 0 else math.nan,
        "l0": _l0(output),
        "dead_latents": int(trainer.dead_neurons.sum()),
        "auxiliary_loss": sum(auxiliary),
    }


def _l0(output: Any) -> float:
    """Active latents per token of a batch."""
    acts = output.feature_acts
    return (acts._nnz() if acts.is_sparse else int((acts > 0).sum())) / len(acts)


@torch.no_grad()
def _move_thresholds(training: _Training, activations: ActivationStore) -> None:
    """Multiply a steered SAE's thresholds by the one factor that makes its held-out L0 k."""
    threshold = training.trainer.sae.threshold
    smallest = threshold.mean() * 1e-6  # a latent may be without a threshold
    factor = _calibrate(training, 1 / threshold.clamp(min=smallest), activations, "quantile")
    threshold.mul_(factor)
    log.info("%s: thresholds moved by a factor of %.3f", training.sae["name"], factor)
    if not 1 / MOST_MOVED < factor < MOST_MOVED:
        log.warning(
            "%s: L0 was not yet steered to k when the training ended; make it longer, or its "
            "learning_rate higher (%s.training)",
            *(training.sae["name"], key_of(training.sae)),
        )


def _calibrate(
    training: _Training,
    norms: torch.Tensor,
    activations: ActivationStore,
    method: str | None = None,
) -> float:
    """The value that k activations per token exceed on the contexts that are for this."""
    trained, planned = training.trainer.sae, training.planned
    subtracted = trained.b_dec if trained.cfg.apply_b_dec_to_input else 0 * trained.b_dec
    theta, l0 = calibrate_threshold(
        *(trained.W_enc, trained.b_enc, subtracted, norms),
        activations,
        planned.calibration,
        planned.site,
        training.sae["k"],
        planned.batch_size,
        method or planned.options["threshold"],
    )
    trained.cfg.metadata.l0 = l0
    log.info(
        "%s: threshold %.4g, L0 %.2f on contexts to calibrate on", training.sae["name"], theta, l0
    )
    return theta


def _save(trained: Any, sae: dict[str, Any], model_name: str, folder: Path) -> Dictionary:
    """Save in sae_lens's format, and return what plain sae_lens reads from there."""
    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    trained.save_inference_model(temporary)
    metadata = {
        "name": sae["name"],
        "model": model_name,
        "site": sae["site"],
        "nominal_l0": sae.get("k"),
        "seed": sae["seed"],
        "source": "trained",
    }
    dictionary = canonical(load_sae_lens(temporary, sae["name"]), metadata)
    folder.mkdir(parents=True, exist_ok=True)
    (temporary / "sae_weights.safetensors").replace(folder / "sae_weights.safetensors")
    # sae_lens writes the keys in another order every time.
    cfg = json.loads((temporary / "cfg.json").read_text())
    write_json(folder / "cfg.json", dict(sorted(cfg.items())))
    shutil.rmtree(temporary)
    return dictionary
