"""Train one SAE on stored activations, through sae_lens's trainer and into its saved format."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.activations import ActivationStore, read
from workflow_scripts.anatomy.batches import shuffled_batches
from workflow_scripts.anatomy.devices import resolve_device
from workflow_scripts.anatomy.dictionary import Dictionary
from workflow_scripts.anatomy.errors import AnatomyError
from workflow_scripts.anatomy.job import Progress, log
from workflow_scripts.anatomy.sae_checkpoints import Checkpoints
from workflow_scripts.anatomy.sae_import import canonical, import_quietly, load_sae_lens
from workflow_scripts.anatomy.sae_plan import Plan, plan
from workflow_scripts.anatomy.sae_threshold import calibrate_threshold

# Blocks that the scale and the mean of the activations are estimated on, evenly over the harvest.
ESTIMATION_BLOCKS = 8
CURVE_POINTS = 200


def train_sae(
    sae: dict[str, Any],
    activations: ActivationStore,
    model_name: str,
    folder: str | Path,
    device: str = "cpu",
) -> tuple[Dictionary, list[dict[str, Any]]]:
    """Train the SAE that a block of the configuration describes; save it in sae_lens's format.

    The activations are scaled by one factor to a mean norm of sqrt(d), which is folded into the
    saved weights; b_dec starts at their mean. Decoder rows are saved with norm 1. Checkpoints
    live beside `folder` while the training runs; one that is interrupted goes on from the last,
    to the same bytes as one that is not.

    Parameters
    ----------
    sae: name, group, architecture, site, width, seed, training, and k or coefficient.
    folder: where cfg.json and sae_weights.safetensors go; `SAE.load_from_disk` reads it.

    Returns
    -------
    The dictionary, and the rows of the training curve: model, site, sae, step, tokens, mse (per
    token, in the activations' units), fvu and l0 of the step's batch, dead_latents, learning_rate,
    auxiliary_loss (scaled units; aux loss, or the sparsity penalty).

    Raises
    ------
    AnatomyError: what `plan` raises; NaN activations; a loss that is not finite (names the step).
    """
    todo, device = plan(sae, activations), resolve_device(device)
    scale, mean = _scale_and_mean(activations, todo)
    trainer = _trainer(sae, todo, model_name, len(mean), device)
    trainer.activation_scaler.scaling_factor = scale
    with torch.no_grad():
        trainer.sae.b_dec.copy_(mean * scale)
    checkpoints = Checkpoints(Path(folder).parent / "checkpoints", sae, activations)
    curve = checkpoints.resume(trainer)
    _fit(trainer, sae, model_name, todo, activations, checkpoints, curve)
    trained = trainer.sae
    trained.fold_activation_norm_scaling_factor(scale)
    if hasattr(trained, "topk_threshold"):
        _set_threshold(trained, sae, todo, activations)
    elif sae["architecture"] != "topk":
        trained.fold_W_dec_norm()
    dictionary = _save(trained.to("cpu"), sae, model_name, Path(folder))
    checkpoints.delete()
    return dictionary, curve


def _scale_and_mean(activations: ActivationStore, todo: Plan) -> tuple[float, torch.Tensor]:
    """sqrt(d) over the mean norm, and the mean (d,), of evenly spaced blocks of tokens."""
    array = activations.activations(todo.site)
    blocks = [b for b in activations.block_slices() if b.start < todo.training_contexts]
    chosen = np.linspace(0, len(blocks) - 1, min(len(blocks), ESTIMATION_BLOCKS)).round()
    total, norms, count = 0.0, 0.0, 0
    for at in chosen.astype(int):
        block = slice(blocks[at].start, min(blocks[at].stop, todo.training_contexts))
        rows = read(array, block, activations.path)[:, activations.min_position :]
        rows = rows.reshape(-1, rows.shape[-1]).astype(np.float64)
        total, count = total + rows.sum(0), count + len(rows)
        norms += float(np.linalg.norm(rows, axis=1).sum())
    if not math.isfinite(norms) or norms == 0:
        raise AnatomyError(
            f"{activations.path}: the activations of {todo.site} are NaN, infinite or all zero; "
            "harvest them anew, in float32 if need be"
        )
    scale = math.sqrt(array.shape[2]) * count / norms
    return scale, torch.from_numpy(np.asarray(total / count, dtype=np.float32))


def _trainer(sae: dict[str, Any], todo: Plan, model_name: str, d_in: int, device: str) -> Any:
    """sae_lens's trainer for the SAE, before its first step."""
    import_quietly()
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    from workflow_scripts.anatomy.sparse_training import SparseSAETrainer

    batch_size, learning_rate = todo.batch_size, todo.options["learning_rate"]
    cfg = SAETrainerConfig(
        total_training_samples=todo.steps * batch_size,
        train_batch_size_samples=batch_size,
        lr=learning_rate,
        lr_end=learning_rate / 10,  # unused by a constant schedule, but None is rejected
        lr_warm_up_steps=todo.warmup_steps,
        lr_decay_steps=todo.decay_steps,
        device=device,
        dead_feature_window=max(1, todo.options["dead_after_tokens"] // batch_size),
        feature_sampling_window=todo.steps + 1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sae["seed"])
        fresh = _fresh_sae(sae, todo, model_name, d_in, device)
    sparse = todo.options["step"] == "sparse" and sae["architecture"] in ("topk", "batchtopk")
    return (SparseSAETrainer if sparse else SAETrainer)(cfg, fresh, iter(()))


def _fresh_sae(sae: dict[str, Any], todo: Plan, model_name: str, d_in: int, device: str) -> Any:
    """An untrained SAE of sae_lens, or its sparse twin."""
    from sae_lens.registry import get_sae_training_class
    from sae_lens.saes.sae import SAEMetadata

    from workflow_scripts.anatomy.sparse_training import SPARSE_CLASSES

    options, architecture = todo.options, sae["architecture"]
    own: dict[str, Any]
    if architecture in SPARSE_CLASSES:
        k = int(sae["k"]) if architecture == "topk" else sae["k"]
        own = {"k": k, "aux_loss_coefficient": options["aux_coefficient"]}
    else:
        name = "l1" if architecture == "standard" else "l0"
        own = {
            f"{name}_coefficient": sae["coefficient"],
            f"{name}_warm_up_steps": todo.warmup_steps,
        }
    sae_class, config_class = get_sae_training_class(architecture)
    if options["step"] == "sparse":
        sae_class = SPARSE_CLASSES.get(architecture, sae_class)
    config = config_class(
        d_in=d_in,
        d_sae=sae["width"],
        device=device,
        # The trainer multiplies by the factor it is given; `train_sae` folds it afterwards.
        normalize_activations="expected_average_only_in",
        metadata=SAEMetadata(model_name=model_name, hook_name=todo.site),
        **own,
    )
    return sae_class(config)


def _fit(
    trainer: Any,
    sae: dict[str, Any],
    model_name: str,
    todo: Plan,
    activations: ActivationStore,
    checkpoints: Checkpoints,
    curve: list[dict[str, Any]],
) -> None:
    """Run the steps that are left, adding to `curve` and leaving checkpoints on the way."""
    progress = Progress(f"training {sae['name']}", todo.steps)
    every = max(1, todo.steps // CURVE_POINTS)
    marks = checkpoints.marks(todo.steps, todo.options["checkpoints"])
    batches = shuffled_batches(
        activations,
        todo.site,
        todo.batch_size,
        sae["seed"],
        trainer.n_training_steps,
        todo.training_contexts,
    )
    while trainer.n_training_steps < todo.steps:
        learning_rate = trainer.optimizer.param_groups[0]["lr"]
        output = trainer.step(torch.from_numpy(next(batches)))
        loss = output.loss.item()
        if not math.isfinite(loss):
            raise AnatomyError(
                f"{sae['name']}: the loss is {loss} at step {trainer.n_training_steps}; lower "
                f"saes.{sae['group']}.training.learning_rate"
            )
        trainer.n_training_steps += 1
        done = trainer.n_training_steps
        if done % every == 0 or done == todo.steps:
            row = _curve_row(trainer, output, learning_rate)
            curve.append({"model": model_name, "site": todo.site, "sae": sae["name"], **row})
            progress(done, f"FVU {row['fvu']:.4f}, L0 {row['l0']:.1f}")
        if done in marks:
            checkpoints.save(trainer, curve)


@torch.no_grad()
def _curve_row(trainer: Any, output: Any, learning_rate: float) -> dict[str, Any]:
    x, acts = output.sae_in, output.feature_acts
    error = (x - output.sae_out).square().sum(-1, dtype=torch.float64).mean().item()
    variance = (x - x.mean(0)).square().sum(-1, dtype=torch.float64).mean().item()
    entries = acts._nnz() if acts.is_sparse else int((acts > 0).sum())
    auxiliary = [float(v) for name, v in output.losses.items() if name != "mse_loss"]
    return {
        "step": trainer.n_training_steps,
        "tokens": trainer.n_training_samples,
        "mse": error / trainer.activation_scaler.scaling_factor**2,
        "fvu": error / variance if variance > 0 else math.nan,
        "l0": entries / len(x),
        "dead_latents": int(trainer.dead_neurons.sum()),
        "learning_rate": learning_rate,
        "auxiliary_loss": sum(auxiliary),
    }


def _set_threshold(
    trained: Any, sae: dict[str, Any], todo: Plan, activations: ActivationStore
) -> None:
    """Give a BatchTopK SAE the threshold that it uses from now on."""
    theta, l0 = calibrate_threshold(
        *(trained.W_enc, trained.b_enc, trained.b_dec, trained.get_W_dec_norm()),
        activations,
        slice(todo.training_contexts, activations.shape[0]),
        todo.site,
        sae["k"],
        todo.batch_size,
        todo.options["threshold"],
    )
    trained.topk_threshold.fill_(theta)
    trained.cfg.metadata.l0 = l0
    log.info("%s: threshold %.4g, L0 %.2f on held-out contexts", sae["name"], theta, l0)


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
    for file in ("sae_weights.safetensors", "cfg.json"):
        (temporary / file).replace(folder / file)
    shutil.rmtree(temporary)
    return dictionary
