"""Small tables for the figures about interpretable features: those of the world, and the two without claims."""

import numpy as np
import pandas as pd

from tests.papers.dark_matter.worlds import with_ends
from tests.papers.interpretable_features.worlds import SAE, paper_world


def tables_of_figures() -> dict[str, pd.DataFrame]:
    """The tables of all figures, by name."""
    return paper_world() | {"autointerp": _scores(), "pareto": _pareto()}


def _scores() -> pd.DataFrame:
    """Directions of five kinds, one of each without a score."""
    spread = np.append(np.linspace(-0.15, 0.15, 20), np.nan)
    methods = {"sae": 0.7, "ica": 0.66, "pca": 0.65, "basis": 0.64, "random": 0.62}
    return pd.DataFrame(
        [
            SAE | {"method": method, "direction": at, "score": mean + by}
            for method, mean in methods.items()
            for at, by in enumerate(spread)
        ]
    )


def _pareto() -> pd.DataFrame:
    """SAEs of two architectures, and both kinds of components in both selections."""
    rows = [
        SAE
        | {"sae": f"{kind}-k{l0}", "architecture": kind, "l0": l0, "method": "sae"}
        | {"selection": "token", "fvu": 0.6 / l0**0.5}
        for kind in ("standard", "topk")
        for l0 in (4.0, 8.0, 16.0)
    ]
    where = {name: SAE[name] for name in ("model", "site")}
    rows += [
        where
        | {"method": method, "selection": selection, "l0": count}
        | {"fvu": max(0.0, 1 - factor * np.log2(1 + count) / 7)}
        for method, selection, factor in (
            ("pca", "token", 1.0),
            ("pca", "fixed", 0.8),
            ("ica", "token", 0.9),
            ("ica", "fixed", 0.7),
        )
        for count in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
    ]
    return with_ends(pd.DataFrame(rows), "fvu")
