"""Explanations of latents, as the interpretability stage wrote them."""

from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.anatomy.base.tables import read_table

# The column that names the latent: of tables that compare latents with other directions, the second.
OF_LATENT = ("latent", "direction")
# What is said of the test of an explanation.
TESTED = ("score", "accuracy_active", "accuracy_silent")
# Firings that its explanation misses are shown of a latent, so many.
MISSES = 5


def read_explanations(path: str | Path, backend: str) -> dict[int, dict[str, Any]]:
    """Latent -> {text, n, misses, backend, score, accuracy_active, accuracy_silent} of those that have an explanation.

    path: a table as `scores.scores_and_misses` makes it; of one with kinds, rows of kind ``latent`` count.
    backend: what wrote the explanations.

    n is the number of contexts that an explanation was tested on, misses in how many of them the latent fires
    and the explanation says no; numbers are None where it could not be tested.
    """
    table = _of_latents(path)
    found = {}
    for row in table[table["explanation"].notna()].to_dict("records"):
        numbers = {name: None if row[name] != row[name] else row[name] for name in TESTED}
        about = {"text": str(row["explanation"]), "backend": backend, **numbers}
        counts = (int(row["n"]), len(_places(row["misses"]))) if row["n"] else (None, None)
        found[int(row["latent"])] = about | dict(zip(("n", "misses"), counts, strict=True))
    return found


def read_misses(path: str | Path) -> dict[int, list[tuple[int, int]]]:
    """Latent -> contexts and positions of firings that its explanation misses, of the `MISSES` strongest."""
    table = _of_latents(path)
    rows = zip(table["latent"], table["misses"], strict=True)
    found = {int(latent): _places(text)[:MISSES] for latent, text in rows}
    return {latent: places for latent, places in found.items() if places}


def _of_latents(path: str | Path) -> pd.DataFrame:
    table = read_table(path)
    if "kind" in table:
        table = table[table["kind"] == "latent"]
    name = next(name for name in OF_LATENT if name in table)
    return table.rename(columns={name: "latent"})


def _places(text: Any) -> list[tuple[int, int]]:
    """Of a cell as `scores.scores_and_misses` writes it; one without any is read as NaN."""
    pairs = (pair.split(":") for pair in text.split()) if isinstance(text, str) else ()
    return [(int(context), int(position)) for context, position in pairs]
