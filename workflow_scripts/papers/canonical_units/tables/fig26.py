"""Figure 26: targeted probe perturbation by dictionary size (Appendix A.9.2, Eq. 11 and 12)."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.probing.accuracies import (
    Results,
    between_widths,
    drawn_sums,
    interval,
    open_results,
)
from workflow_scripts.anatomy.probing.perturbation import clean_accuracy, tpp, tpp_drop

IDENTITY = ("model", "site", "sae", "width", "l0", "seed")
MEASURES: dict[str, Callable] = {
    "tpp": tpp,
    "tpp_drop": tpp_drop,
    "accuracy_clean": clean_accuracy,
}


def tabulate(input: Named, params: Named) -> Tables:
    """A row for each set of classes, number of latents ablated, and SAE.

    input: sparse, what was measured of every SAE and labelled entry. params: bootstrap, seed.
    """
    entries: dict[str, list[Results]] = defaultdict(list)
    for found in map(open_results, input.sparse):
        entries[found.about["labelled"]].append(found)
    rows: list[dict[str, Any]] = []
    for saes in entries.values():
        saes.sort(key=lambda each: each.about["who"]["width"])
        for family in saes[0].about["families"]:
            for number in saes[-1].about["ablated"]:
                wide = [sae for sae in saes if number in sae.about["ablated"]]
                rows += _rows(family, number, wide, params)
    columns = None if rows else [*IDENTITY, "dataset", "n_ablated", *MEASURES]
    return {"table": pd.DataFrame(rows, columns=columns)}


def _rows(family: str, number: int, saes: list[Results], params: Named) -> list[dict[str, Any]]:
    """The rows of one set of classes and number, by ascending width."""
    drawn = [_drawn(sae, family, number, params) for sae in saes]
    widths = np.array([sae.about["who"]["width"] for sae in saes])
    beside = [
        between_widths(name, np.stack([each[name] for each in drawn]), widths)
        for name in ("tpp", "tpp_drop")
    ]
    rows = []
    for at, sae in enumerate(saes):
        place = sae.about["ablated"].index(number)
        row = {name: sae.about["who"][name] for name in IDENTITY}
        row |= {"dataset": family, "classes": sae.arrays[f"count/{family}"].shape[1]}
        row |= {"n_ablated": number, "ablation": sae.about["ablation"]}
        row |= {"attributed": float(sae.arrays[f"attributed/{family}"][place])}
        for name, values in drawn[at].items():
            row |= with_interval(name, interval(values))
        rows.append(row | beside[0][at] | beside[1][at])
    return rows


def _drawn(sae: Results, family: str, number: int, params: Named) -> dict[str, np.ndarray]:
    """Every measure on the data and on each resample of documents, (1 + draws,)."""
    parts = {name: sae.arrays[f"{name}/{family}"] for name in ("count", "clean")}
    parts["ablated"] = sae.arrays[f"ablated/{family}"][sae.about["ablated"].index(number)]
    sums = drawn_sums(parts, params.bootstrap, params.seed)
    with np.errstate(invalid="ignore"):
        return {name: measure(sums) for name, measure in MEASURES.items()}
