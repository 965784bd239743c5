"""How much of the loss that an SAE costs is its linear, how much its nonlinear error (Fig. 8)?"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.activations import ActivationStore, read
from workflow_scripts.anatomy.bootstrap import context_interval
from workflow_scripts.anatomy.dictionary import Dictionary
from workflow_scripts.anatomy.errors import AnatomyError
from workflow_scripts.anatomy.hook_points import parse
from workflow_scripts.anatomy.interventions import resumed, token_losses
from workflow_scripts.anatomy.regression import LinearMap
from workflow_scripts.anatomy.tables import with_interval

BATCH_CONTEXTS = 8


def intervention_losses(
    model: Any,
    store: ActivationStore,
    site: str,
    contexts: list[int],
    dictionary: Dictionary,
    linear: LinearMap,
    device: str,
) -> dict[str, np.ndarray]:
    """Sums per context, (C,), of losses and of squared norms under four residual streams.

    The residual stream at `site` becomes x itself, Sae(x), Sae(x) + LinearError(x) or
    Sae(x) + NonlinearError(x), at every position from the harvest's `min_position` on; only the
    layers after it are run.

    Returns
    -------
    ``loss_clean``, ``loss_sae``, ``loss_linear_error``, ``loss_nonlinear_error`` in nats, summed over
    the tokens after `min_position`; ``count`` of those; ``error2``, ``linear2``, ``nonlinear2`` and
    ``norm_error``, ``norm_linear``, ``norm_nonlinear``, summed over the replaced positions.

    Raises
    ------
    AnatomyError: the site is not in the residual stream.
    """
    layer, kind = parse(site)
    if kind not in ("resid_pre", "resid_post"):
        raise AnatomyError(
            f"figure 8 resumes the model from the residual stream, which {site} is not; choose a "
            "hook_resid_pre or hook_resid_post for dark_matter.main"
        )
    resume = resumed(model, layer, kind.removeprefix("resid_"))
    first = store.min_position
    rows = []
    for start in range(0, len(contexts), BATCH_CONTEXTS):
        batch = contexts[start : start + BATCH_CONTEXTS]
        pick = [slice(context, context + 1) for context in batch]
        array, tokens = store.activations(site), store.group["tokens"]
        x = torch.from_numpy(np.concatenate([read(array, p, store.path) for p in pick])).to(device)
        ids = torch.from_numpy(np.concatenate([read(tokens, p, store.path) for p in pick])).to(
            device
        )
        flat = x.flatten(0, 1)
        _, reconstruction = dictionary.reconstruct(flat)
        error = flat.double() - reconstruction.double()
        linear_error = linear(flat)
        parts = {"error": error, "linear": linear_error, "nonlinear": error - linear_error}
        streams = {
            "clean": flat.double(),
            "sae": reconstruction.double(),
            "linear_error": reconstruction.double() + parts["linear"],
            "nonlinear_error": reconstruction.double() + parts["nonlinear"],
        }
        sums = {}
        for name, stream in streams.items():
            replaced = x.clone()
            replaced[:, first:] = stream.float().reshape(x.shape)[:, first:]
            with torch.no_grad():
                losses = token_losses(resume(replaced, ids.long()), ids)
            sums[f"loss_{name}"] = losses[:, first + 1 :].double().sum(1)
        for name, part in parts.items():
            norms2 = (part**2).sum(1).reshape(x.shape[:2])[:, first:]
            sums[f"{name}2"] = norms2.sum(1)
            sums[f"norm_{name}"] = norms2.sqrt().sum(1)
        sums["count"] = torch.full((len(batch),), float(ids.shape[1] - first - 1))
        rows.append({name: value.cpu().numpy() for name, value in sums.items()})
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def recovery(sums: dict[str, np.ndarray], draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """One row per component: per cent of the loss recovered, and what its size predicts.

    ce_recovered: 100 (CE_sae - CE_with) / (CE_sae - CE_clean).
    norm_share: 100 E||component|| / E||SaeError||. The paper divides by "the total norm of Sae(x)",
        which could not predict a share; the norm of the error is meant.
    variance_share: per cent of ||x - Sae(x)||^2 that adding the component removes.
    """
    for component, short, other in (
        ("linear_error", "linear", "nonlinear"),
        ("nonlinear_error", "nonlinear", "linear"),
    ):
        row: dict[str, Any] = {"component": component}
        for name, statistic in _statistics(component, short, other).items():
            row |= with_interval(name, context_interval(statistic, sums, draws, seed))
        yield row


def _statistics(component: str, short: str, other: str) -> dict[str, Callable[[Any], Any]]:
    """Column -> function of the sums, for one component of the error."""
    return {
        "ce_recovered": lambda s: (
            100 * (s["loss_sae"] - s[f"loss_{component}"]) / (s["loss_sae"] - s["loss_clean"])
        ),
        "norm_share": lambda s: 100 * s[f"norm_{short}"] / s["norm_error"],
        "variance_share": lambda s: 100 * (1 - s[f"{other}2"] / s["error2"]),
        "ce_clean": lambda s: s["loss_clean"] / s["count"],
        "ce_sae": lambda s: s["loss_sae"] / s["count"],
    }
