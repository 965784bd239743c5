"""KL at a position that is replaced alone, and at those that follow."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_draws
from workflow_scripts.anatomy.interventions.effect_means import ATTRIBUTES, Means, summed
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.setup.catalogue import layer_left
from workflow_scripts.anatomy.statistics.units import N_GROUPS
from workflow_scripts.papers.pathological_errors.interventions import BASELINE

NOT_EFFECTS = ("contexts", "tokens", "units")


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, npz, and saes in the same order. params: position, bootstrap, seed."""
    rows = []
    for path, sae in zip(input.effects, input.saes, strict=True):
        about = description(sae)["metadata"] | {"position": params.position}
        about["sae"] = about["name"]
        named = {name: about[name] for name in (*ATTRIBUTES, "position")}
        named["layer"] = layer_left(about["site"])
        with np.load(path) as arrays:
            rows += [named | row for row in _rows(dict(arrays), params.bootstrap, params.seed)]
    return {"table": pd.DataFrame(rows)}


def _rows(arrays: dict[str, np.ndarray], draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """offset (0 is the position itself), intervention, kl, ratio to random errors of the same size."""
    numbers, place = np.unique(arrays["units"], return_inverse=True)
    n = min(len(numbers), N_GROUPS)
    groups = place * n // len(numbers)
    names = [name for name in arrays if name not in NOT_EFFECTS]
    for offset in range(arrays[BASELINE].shape[2]):
        # A context's draws are averaged: it is one observation of its document.
        values = {name: arrays[name][:, :, offset].astype(np.float64).mean(1) for name in names}
        sums = {f"kl/{name}": summed(values[name], groups, n) for name in names}
        means = Means(sums, draws, seed)
        for name in names:
            row = {"offset": offset, "intervention": name}
            row |= with_draws("kl", means.mean(f"kl/{name}"))
            yield row | with_draws("ratio", means.ratio(f"kl/{name}", f"kl/{BASELINE}"))
