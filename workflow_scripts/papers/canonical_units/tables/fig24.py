"""Figures 24 and 25: accuracy of sparse probes by data set and dictionary size (Appendix A.9.1)."""

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.probing.accuracies import (
    Results,
    between_widths,
    drawn_accuracy,
    interval,
    open_results,
)

IDENTITY = ("model", "site", "sae", "width", "l0", "seed")


def tabulate(input: Named, params: Named) -> Tables:
    """A row for each data set and SAE.

    input: dense, probes on the activations of each labelled entry; sparse, those on latents of every SAE
    and entry. params: k latents of the probes; fewest, the k that they are compared with; bootstrap, seed.
    """
    dense = {found.about["labelled"]: found for found in map(open_results, input.dense)}
    sparse: dict[str, list[Results]] = defaultdict(list)
    for found in map(open_results, input.sparse):
        sparse[found.about["labelled"]].append(found)
    rows: list[dict[str, Any]] = []
    for entry, saes in sparse.items():
        saes.sort(key=lambda each: each.about["who"]["width"])
        for dataset in dict.fromkeys(name for name, _, _ in dense[entry].problems):
            rows += _rows(dataset, dense[entry], saes, params)
    return {"table": pd.DataFrame(rows)}


def _rows(dataset: str, dense: Results, saes: list[Results], params: Named) -> list[dict[str, Any]]:
    """The rows of one data set, by ascending width."""
    mine = [at for at, (name, _, _) in enumerate(dense.problems) if name == dataset]
    count, draws, seed = dense.arrays["count"][:, mine], params.bootstrap, params.seed

    def drawn(found: Results, name: str) -> np.ndarray:
        return drawn_accuracy(found.arrays[name][:, mine], count, draws, seed)

    of_activations = drawn(dense, "correct")
    accuracy = np.stack([drawn(sae, f"correct{params.k}") for sae in saes])
    fewest = np.stack([drawn(sae, f"correct{params.fewest}") for sae in saes])
    widths = np.array([sae.about["who"]["width"] for sae in saes])
    beside = between_widths("accuracy", accuracy, widths)
    about = {
        "dataset": dataset,
        "classes": len(mine),
        "k_latents": params.k,
        "majority": float(dense.arrays["majority"][mine].mean()),
        "n_train": int(dense.arrays["n_train"][mine].sum()),
        "n_test": int(dense.arrays["n_test"][mine].sum()),
        "test_documents": int(dense.arrays["test_documents"][mine].max()),
    }
    return [
        {name: sae.about["who"][name] for name in IDENTITY}
        | about
        | with_interval("accuracy", interval(accuracy[at]))
        | with_interval("dense", interval(of_activations))
        | with_interval("below_dense", interval(of_activations - accuracy[at]))
        | with_interval("over_fewest", interval(accuracy[at] - fewest[at]))
        | beside[at]
        for at, sae in enumerate(saes)
    ]
