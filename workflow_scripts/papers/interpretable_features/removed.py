"""What each way of removing a capability removes and disturbs, and the disturbance at the same removal."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.interventions.capability import (
    capability_from_sums,
    removed_from_sums,
)
from workflow_scripts.anatomy.interventions.editing import Amount
from workflow_scripts.anatomy.statistics import bootstrap
from workflow_scripts.anatomy.statistics.bootstrap import data_and_resamples, document_interval
from workflow_scripts.papers.interpretable_features.matching import LEVELS, kl_at, log_ratios

OWN = "sae"
Sums = Mapping[str, np.ndarray]
Edited = Mapping[tuple[str, Amount], Sums]


def curves(
    clean: Sums, edited: Edited, chance: float, draws: int, seed: int
) -> Iterator[dict[str, Any]]:
    """One row for each method and amount, with 95 % intervals over documents.

    clean, edited: as of `measure_edits`.
    """
    statistics = {
        "capability": lambda s: capability_from_sums(s, "edited"),
        "capability_lost": lambda s: removed_from_sums(s, chance),
        "kl_elsewhere": lambda s: s["kl"] / s["elsewhere"],
    }
    total = {name: part.sum(0) for name, part in clean.items()}
    about = {"chance": chance, "capability_clean": float(capability_from_sums(total, "clean"))}
    about |= {"positions": int(total["positions"].sum()), "elsewhere": int(total["elsewhere"])}
    for (method, amount), sums in edited.items():
        row = {"method": method, "n_ablated": amount.n, "strength": amount.strength} | about
        for name, statistic in statistics.items():
            row |= with_interval(name, document_interval(statistic, {**clean, **sums}, draws, seed))
        yield row


def matched(
    clean: Sums, edited: Edited, chance: float, draws: int, seed: int
) -> Iterator[dict[str, Any]]:
    """One row for each method but the SAE and each of `LEVELS`: KL elsewhere where so much is removed.

    Both methods of a row are resampled over the same documents. Where one of them does not remove as much,
    its KL is NaN and the ratio infinite.
    """
    weights = data_and_resamples(len(clean["elsewhere"]), draws, seed)

    def resampled(sums: Sums) -> dict[str, np.ndarray]:
        return {name: weights @ part for name, part in sums.items()}

    before = resampled(clean)
    shares: dict[str, list[np.ndarray]] = {}
    kls: dict[str, list[np.ndarray]] = {}
    for (method, _), sums in edited.items():
        here = before | resampled(sums)
        shares.setdefault(method, []).append(removed_from_sums(here, chance))
        kls.setdefault(method, []).append(here["kl"] / here["elsewhere"])
    kl = {
        (method, level): kl_at(np.stack(shares[method], 1), np.stack(kls[method], 1), level)
        for method in shares
        for level in LEVELS
    }
    for method in shares:
        for level in LEVELS if method != OWN else ():
            own, other = kl[OWN, level], kl[method, level]
            row: dict[str, Any] = {"method": method, "level": level}
            row |= with_interval("kl", _interval(other)) | with_interval("kl_sae", _interval(own))
            yield row | with_interval("log_ratio", _interval(log_ratios(own, other)))


def _interval(drawn: np.ndarray) -> tuple[float, float, float]:
    """The value of the data and the ends of the interval of its resamples, of which some may be infinite."""
    known = np.sort(drawn[1:][~np.isnan(drawn[1:])])
    if not len(known):
        return float(drawn[0]), np.nan, np.nan
    low, high = (known[round(end * (len(known) - 1))] for end in bootstrap.LEVELS)
    return float(drawn[0]), float(low), float(high)
