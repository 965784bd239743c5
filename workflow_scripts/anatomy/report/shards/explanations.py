"""Explanations of latents, as the interpretability stage wrote them."""

from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.tables import read_table

# The column that names the latent: of tables that compare latents with other directions, the second.
OF_LATENT = ("latent", "direction")
# What is said of the test of an explanation.
TESTED = ("score", "accuracy_active", "accuracy_silent")


def read_explanations(path: str | Path, backend: str) -> dict[int, dict[str, Any]]:
    """Latent -> {text, n, backend, score, accuracy_active, accuracy_silent} of those that have an explanation.

    path: a table with `score` (balanced accuracy, chance 0.5), the two accuracies that it is the mean of, and
        `explanation` of each latent. Of a table with kinds, rows of kind ``latent`` count. backend: what
        wrote them. Numbers are None where an explanation could not be tested; n, the number of contexts
        behind them, is None, since such tables do not have it.
    """
    table = read_table(path)
    if "kind" in table:
        table = table[table["kind"] == "latent"]
    of_latent = next(name for name in OF_LATENT if name in table)
    found = {}
    for row in table[table["explanation"].notna()].to_dict("records"):
        numbers = {name: row.get(name) for name in TESTED}
        numbers = {key: None if value != value else value for key, value in numbers.items()}
        about = {"text": str(row["explanation"]), "n": None, "backend": backend, **numbers}
        found[int(row[of_latent])] = about
    return found
