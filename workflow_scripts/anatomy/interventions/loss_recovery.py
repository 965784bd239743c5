"""What an SAE costs a model in loss, and what recovers it: numbers from sums per document.

Sums are those of `loss_entries.losses_of`; every number comes with its 95 % interval over
documents, and its value in each resample of these.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.tables import with_draws
from workflow_scripts.anatomy.statistics.bootstrap import document_interval

Statistic = Callable[[Any], Any]


def recovery(sums: dict[str, np.ndarray], draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """One row per component of the error: per cent of the loss recovered, and what its size predicts.

    ce_recovered: 100 (CE_sae - CE_with) / (CE_sae - CE_clean).
    norm_share: 100 E||component|| / E||SaeError||. The paper divides by "the total norm of Sae(x)",
        which could not predict a share; the norm of the error is meant.
    variance_share: per cent of ||x - Sae(x)||^2 that adding the component removes.
    """
    for component, short, other in (
        ("linear_error", "linear", "nonlinear"),
        ("nonlinear_error", "nonlinear", "linear"),
    ):
        statistics = _of_component(component, short, other)
        yield {"component": component} | _with_intervals(statistics, sums, draws, seed)


def degradation(sums: dict[str, np.ndarray], draws: int, seed: int) -> dict[str, Any]:
    """ce_degradation: the increase in cross-entropy under Sae(x), CE_sae - CE_clean, in nats a token."""
    statistics: dict[str, Statistic] = {
        "ce_degradation": lambda s: (s["loss_sae"] - s["loss_clean"]) / s["count"]
    }
    return _with_intervals(statistics, sums, draws, seed)


def loss_recovered(sums: dict[str, np.ndarray], draws: int, seed: int) -> dict[str, Any]:
    """Cross-entropy loss recovered (CELR), and the four losses that it is made of, in nats a token.

    celr_zero: (CE_zero - CE_sae) / (CE_zero - CE_clean); celr_mean likewise, of mean ablation.
    """
    statistics = {f"celr_{ablation}": _recovered(ablation) for ablation in ("zero", "mean")}
    statistics |= {f"ce_{name}": _mean_loss(name) for name in ("clean", "sae", "zero", "mean")}
    return _with_intervals(statistics, sums, draws, seed)


def _with_intervals(
    statistics: dict[str, Statistic], sums: dict[str, np.ndarray], draws: int, seed: int
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, statistic in statistics.items():
        row |= with_draws(name, document_interval(statistic, sums, draws, seed))
    return row


def _recovered(ablation: str) -> Statistic:
    ablated = f"loss_{ablation}"
    return lambda s: (s[ablated] - s["loss_sae"]) / (s[ablated] - s["loss_clean"])


def _mean_loss(name: str) -> Statistic:
    return lambda s: s[f"loss_{name}"] / s["count"]


def _of_component(component: str, short: str, other: str) -> dict[str, Statistic]:
    """Column -> function of the sums, for one component of the error."""
    return {
        "ce_recovered": lambda s: (
            100 * (s["loss_sae"] - s[f"loss_{component}"]) / (s["loss_sae"] - s["loss_clean"])
        ),
        "norm_share": lambda s: 100 * s[f"norm_{short}"] / s["norm_error"],
        "variance_share": lambda s: 100 * (1 - s[f"{other}2"] / s["error2"]),
        "ce_clean": _mean_loss("clean"),
        "ce_sae": _mean_loss("sae"),
    }
