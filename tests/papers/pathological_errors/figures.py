"""Small tables for the figures of the post: those of its world, and those that no claim reads."""

from itertools import product

import numpy as np
import pandas as pd

from tests.papers.dark_matter.worlds import with_ends
from tests.papers.pathological_errors.worlds import LAYERS, paper_world, where

TOKENS = ("def", " self", "\n", "$x", "(", " the", "None", " incrementally_long_name")


def histogram(low: float, high: float) -> pd.DataFrame:
    edges = np.linspace(low, high, 51)
    rows = []
    for layer, (name, scale) in product(LAYERS, (("sae", 0.2), ("epsilon_random", 0.06))):
        count = np.round(4000 * np.exp(-np.abs(edges[:-1]) / scale)).astype(int)
        named = where(layer) | {"layer": layer, "intervention": name}
        columns = {"left": edges[:-1], "right": edges[1:], "count": count}
        columns |= {"mean": scale, "p999": 7 * scale, "beyond": 0.001}
        rows.append(pd.DataFrame(named | columns))
    return pd.concat(rows, ignore_index=True)


def examples() -> pd.DataFrame:
    rows = []
    for example, (name, kl) in product(
        range(3), (("none", 0.0), ("sae", 0.4), ("epsilon_random", 0.1))
    ):
        for rank in range(1, 26):
            rows.append(
                {"example": example, "context": example, "position": 40}
                | {"text": "def add(self, $a):\n    return a +", "intervention": name}
                | {"rank": rank, "token": TOKENS[rank % len(TOKENS)], "kl": kl}
                | {"log_prob": -0.3 * rank - kl * np.sin(rank)}
            )
    return pd.DataFrame(rows)


def pathology(tokens: int = 12, drawn: int = 60) -> dict[str, pd.DataFrame]:
    generator = np.random.default_rng(0)
    kl = 0.01 * generator.gamma(4, size=(tokens, drawn))
    context = np.arange(tokens) * 3
    z = np.linspace(-1, 12, tokens)
    mean, sd = kl.mean(1), kl.std(1)
    columns = {"layer": 8, "position": 48, "context": context, "unit": context}
    columns |= {"token": [TOKENS[at % len(TOKENS)] for at in range(tokens)]}
    columns |= {"kl": mean + z * sd, "kl_mean": mean, "kl_sd": sd, "z": z, "beyond": 0.9}
    draws = {"context": np.repeat(context, drawn), "draw": np.tile(np.arange(drawn), tokens)}
    return {
        "pathology": pd.DataFrame(where(8) | columns),
        "pathology_draws": pd.DataFrame(draws | {"kl": kl.ravel()}),
    }


def tables_of_figures() -> dict[str, pd.DataFrame]:
    """The tables of all figures of the post, by name."""
    tables = paper_world()
    tables |= {"kl_histogram": histogram(0.0, 1.0), "ce_histogram": histogram(-1.0, 1.0)}
    for name in ("sae", "epsilon_random"):
        tables["kl_quantiles"][f"kl_{name}"] = 0.1
    tables["kl_quantiles"] = with_ends(tables["kl_quantiles"], "kl_sae", "kl_epsilon_random")
    tables |= pathology() | {"examples": examples()}
    for name in tables:
        # Of one SAE a layer, whose architecture no figure shows.
        if name not in ("by_width", "by_architecture") and "architecture" in tables[name]:
            tables[name] = tables[name].drop(columns="architecture")
    return tables
