"""Training a small language model with transformers' Trainer, resumable to the bit."""

import hashlib
import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress, log
from workflow_scripts.anatomy.models.language_model import build, describe, quiet
from workflow_scripts.anatomy.text.contexts import contexts, number_of_contexts
from workflow_scripts.anatomy.text.tokenization import (
    Tokens,
    load_tokenizer,
    open_tokens,
    special_ids,
    vocabulary,
)

EVALUATION_CONTEXTS = 64
LOGGED_LOSSES = 100
SETTINGS = "settings.sha256"


@dataclass(frozen=True)
class Schedule:
    """The steps of a training run at which something happens."""

    steps: int
    log_every: int
    evaluations: frozenset[int]
    checkpoints: frozenset[int]


def schedule(training: dict[str, Any], context_length: int) -> Schedule:
    """Turn a training block into steps.

    Evaluations include the last step. Checkpoints lie on steps at which the loss is logged, as
    the Trainer forgets the losses since the last log when it resumes.
    """
    steps = max(1, training["tokens"] // (training["batch_size"] * context_length))
    log_every = max(1, steps // LOGGED_LOSSES)

    def spread(n: int, of: int) -> list[int]:
        return [math.ceil(of * (i + 1) / n) for i in range(n)]

    checkpoints = spread(training["checkpoints"] + 1, steps // log_every)[:-1]
    return Schedule(
        steps,
        log_every,
        frozenset(spread(max(1, training["evaluations"]), steps)),
        frozenset(log_every * at for at in checkpoints) - {0, steps},
    )


class Contexts(torch.utils.data.Dataset):
    """Contexts in the order in which they are trained on: every epoch its own permutation."""

    def __init__(self, tokens: Tokens, available: int, length: int, bos: int, used: int, seed: int):
        epochs = math.ceil(used / available)
        orders = [np.random.default_rng([seed, i]).permutation(available) for i in range(epochs)]
        self.order = np.concatenate(orders)[:used]
        self.tokens, self.length, self.bos = tokens, length, bos

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> torch.Tensor:
        step = self.length - 1
        at = int(self.order[index]) * step
        ids = np.empty(self.length, np.int64)
        ids[0] = self.bos
        ids[1:] = self.tokens.ids[at : at + step]
        return torch.from_numpy(ids)


class MeanLossTrainer(Trainer):
    """A Trainer whose loss is the mean over predicted tokens.

    The Trainer itself divides by the number of labels, though nothing predicts a context's first
    token: its loss is (T - 1) / T of the mean in some architectures.
    """

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        self.model_accepts_loss_kwargs = False


class Milestones(TrainerCallback):
    """Says when to log, evaluate and save; reports progress; stops when the loss diverges."""

    def __init__(self, plan: Schedule, name: str, settings: str):
        self.plan, self.name, self.settings = plan, name, settings
        self.progress = Progress(f"training {name} (steps)", plan.steps)

    def on_step_end(self, args, state, control, **_):
        """Set the flags of this step."""
        step = state.global_step
        control.should_log = step % self.plan.log_every == 0 or step == self.plan.steps
        control.should_evaluate = step in self.plan.evaluations
        control.should_save = step in self.plan.checkpoints
        return control

    def on_log(self, args, state, control, logs=None, **_):
        """Report a loss."""
        for key in ("loss", "eval_loss"):
            if key in logs and not math.isfinite(logs[key]):
                raise AnatomyError(
                    f"models.{self.name}.training: the loss is {logs[key]} at step "
                    f"{state.global_step}; lower learning_rate or raise warmup_fraction"
                )
        if "eval_loss" in logs:
            at = f"step {state.global_step} of {self.plan.steps}"
            log.info("training %s: %s, validation loss %.4f", self.name, at, logs["eval_loss"])
        elif "loss" in logs:
            self.progress(state.global_step, f"loss {logs['loss']:.3f}")

    def on_save(self, args, state, control, **_):
        """Seal a checkpoint: only now is it whole, and it names the settings it belongs to."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (folder / SETTINGS).write_text(self.settings)


def train_language_model(
    block: dict[str, Any],
    name: str,
    seed: int,
    device: str,
    train: Path,
    validation: Path,
    tokenizer: Path,
    folder: Path,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train the model of a config block and save it to `folder` / "model".

    The optimiser is AdamW with a cosine schedule after a linear warmup. Contexts begin with the
    end-of-text token and are trained on in a random order of their own for every epoch. Killed and
    started again, the training goes on from its last whole checkpoint and ends with the same
    weights, to the bit; other settings or other tokens begin anew. The checkpoints stay until the
    caller, who has written all that came of them, deletes them. With ``dtype: bfloat16``
    products are taken in bfloat16 (autocast), weights stay float32.

    Parameters
    ----------
    block: the model's config block; name: its name there.
    device: ``cpu`` or ``cuda``.
    train, validation: the tokens (npz); tokenizer: tokenizer.json.
    folder: where ``model`` and, meanwhile, ``checkpoints`` are put.

    Returns the description for model.json, and the loss curve: rows with model, step, tokens,
    split, loss (nats per token), learning_rate (None for the validation split).

    Raises
    ------
    AnatomyError: the config does not make a model, the tokens are too few, or the loss diverges.
    """
    quiet()
    length, training = block["context_length"], block["training"]
    bos, _ = special_ids(tokenizer)
    if bos is None:
        raise AnatomyError(f"{tokenizer}: no token begins a text; delete it and rerun")
    plan = schedule(training, length)
    tokens = open_tokens(train)
    available = number_of_contexts(tokens, length, bos)
    if available == 0:
        contexts(tokens, 1, length, bos)
    used = plan.steps * training["batch_size"]
    data = Contexts(tokens, available, length, bos, used, seed)
    log.info("training %s: %d steps, %.2f epochs", name, plan.steps, used / available)
    held_out = _evaluation_contexts(open_tokens(validation), length, bos)

    set_seed(seed)
    size = vocabulary(load_tokenizer(tokenizer))
    model = build(block["architecture"], block["config"], length, size, bos)
    settings = _settings(block, seed, tokens)
    checkpoints = folder / "checkpoints"
    last = _last_checkpoint(checkpoints, settings)
    if last is not None:
        log.info("training %s: going on from %s", name, last)
    trainer = MeanLossTrainer(
        model,
        _arguments(training, plan, checkpoints, seed, device, block["dtype"]),
        data_collator=_collate,
        train_dataset=data,
        eval_dataset=held_out,
        callbacks=[Milestones(plan, name, settings)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=None if last is None else str(last))

    model = trainer.model.to("cpu").eval()
    _save(model, folder / "model")
    description = describe(model.config, name, block, bos)
    description |= {"path": "model", "revision": None, "context_length": length}
    description["parameters"] = sum(weights.numel() for weights in model.parameters())
    return description, _curve(trainer.state.log_history, name, training["batch_size"] * length)


def _arguments(training, plan, checkpoints, seed, device, dtype) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=plan.steps,
        per_device_train_batch_size=training["batch_size"],
        per_device_eval_batch_size=training["batch_size"],
        learning_rate=training["learning_rate"],
        weight_decay=training["weight_decay"],
        warmup_steps=round(training["warmup_fraction"] * plan.steps),
        lr_scheduler_type="cosine",
        optim="adamw_torch_fused",
        train_sampling_strategy="sequential",
        # Milestones decides on all three.
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        save_total_limit=2,
        prediction_loss_only=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        logging_nan_inf_filter=False,
        average_tokens_across_devices=False,
        disable_tqdm=True,
        report_to="none",
        seed=seed,
        data_seed=seed,
        use_cpu=device == "cpu",
        bf16=dtype == "bfloat16",
    )
    if arguments.n_gpu > 1:
        # Else the Trainer spreads over every GPU it sees, a batch on each.
        arguments._n_gpu = 1
    return arguments


def _collate(rows: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    ids = torch.stack(rows)
    return {"input_ids": ids, "labels": ids}


def _evaluation_contexts(tokens: Tokens, length: int, bos: int) -> list[torch.Tensor]:
    n = min(EVALUATION_CONTEXTS, max(1, number_of_contexts(tokens, length, bos)))
    found = contexts(tokens, n, length, bos)
    return [torch.from_numpy(ids.astype(np.int64)) for ids, _ in found]


def _settings(block: dict[str, Any], seed: int, tokens: Tokens) -> str:
    """Fingerprint of all that decides which weights come out of a training run."""
    digest = hashlib.sha256(json.dumps([block, seed], sort_keys=True).encode())
    with open(tokens.path, "rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _last_checkpoint(checkpoints: Path, settings: str) -> Path | None:
    """The last whole checkpoint of a run with these settings; all the others are deleted."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        seal = folder / SETTINGS
        if seal.exists() and seal.read_text() == settings:
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    return max(whole, key=lambda folder: int(folder.name.split("-")[1]), default=None)


def _save(model: Any, folder: Path) -> None:
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    model.save_pretrained(new)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _curve(history: list[dict[str, Any]], name: str, tokens: int) -> list[dict[str, Any]]:
    rows = []
    for entry in history:
        for split, key in (("train", "loss"), ("validation", "eval_loss")):
            if key in entry:
                row = {"model": name, "step": entry["step"], "tokens": entry["step"] * tokens}
                row |= {"split": split, "loss": entry[key]}
                rows.append(row | {"learning_rate": entry.get("learning_rate")})
    return rows
