"""An SAE at the best of a few learning rates: architectures compared at one rate compare their rates.

Which of three rates is best depends on the architecture, so one rate for all decides who wins. Each
candidate is trained in full, on one stream of activations; the one is kept that leaves the smallest
squared error on contexts that none was trained on and that no table is made from (or, where nothing is
held out, on all).
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.saes.training import train_saes
from workflow_scripts.anatomy.saes.training_plan import training_plan

Trained = tuple[Dictionary, list[dict[str, Any]]]


def rates_of(sae: dict[str, Any]) -> list[float]:
    """The learning rates that the block of an SAE wants to be tried."""
    rates = sae["training"]["learning_rate"]
    return list(rates) if isinstance(rates, Sequence) else [rates]


def train_at_best_rate(
    sae: dict[str, Any],
    activations: ActivationStore,
    model_name: str,
    folder: str | Path,
    device: str = "cpu",
    decoder: Tensor | None = None,
) -> Trained:
    """`train_saes` for one SAE, at each of its learning rates; the best one goes to `folder`.

    Returns
    -------
    The dictionary and the training curve of the best.
    """
    rates = rates_of(sae)
    candidates = [sae | {"training": sae["training"] | {"learning_rate": rate}} for rate in rates]
    kept_apart = training_plan(candidates[0], activations).calibration

    def error(candidate: dict[str, Any], dictionary: Dictionary) -> float:
        left = _error(dictionary, activations, sae["site"], kept_apart, device)
        rate = candidate["training"]["learning_rate"]
        log.info("%s: learning rate %g leaves %.4g a token", sae["name"], rate, left)
        return left

    return train_best(candidates, activations, model_name, folder, error, device, decoder)


def train_best(
    candidates: Sequence[dict[str, Any]],
    activations: ActivationStore,
    model_name: str,
    folder: str | Path,
    badness: Callable[[dict[str, Any], Dictionary], Any],
    device: str = "cpu",
    decoder: Tensor | None = None,
) -> Trained:
    """`train_saes`, of which the one with the lowest badness (of its block and itself) goes to `folder`."""
    folder = Path(folder)
    if len(candidates) == 1:
        (only,) = train_saes(candidates, activations, model_name, [folder], device, decoder)
        return only
    places = [folder.parent / "candidates" / str(at) / folder.name for at in range(len(candidates))]
    trained = train_saes(candidates, activations, model_name, places, device, decoder)
    found = [
        badness(sae, dictionary) for sae, (dictionary, _) in zip(candidates, trained, strict=True)
    ]
    best = found.index(min(found))
    shutil.rmtree(folder, ignore_errors=True)
    places[best].replace(folder)
    shutil.rmtree(folder.parent / "candidates")
    return trained[best]


@torch.no_grad()
def _error(
    dictionary: Dictionary, activations: ActivationStore, site: str, contexts: slice, device: str
) -> float:
    """Mean squared error per token of some contexts."""
    array, device = activations.activations(site), resolve_device(device)
    dictionary = dictionary.to(device)
    total, count = 0.0, 0
    for block in activations.block_slices():
        part = slice(max(block.start, contexts.start), min(block.stop, contexts.stop))
        if part.start >= part.stop:
            continue
        x = torch.from_numpy(read(array, part, activations.path))[:, activations.min_position :]
        x = x.reshape(-1, x.shape[-1]).to(device)
        error = x - dictionary.reconstruct(x)[1]
        total, count = total + float(error.square().sum(dtype=torch.float64)), count + len(x)
    dictionary.to("cpu")
    return total / count
