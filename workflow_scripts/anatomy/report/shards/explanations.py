"""Explanations of latents, as the interpretability stage wrote them."""

from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.tables import read_table

# The column that names the latent: of tables that compare latents with other directions, the second.
OF_LATENT = ("latent", "direction")


def read_explanations(path: str | Path, backend: str) -> dict[int, dict[str, Any]]:
    """Latent -> {text, score, n, backend} of those that have an explanation.

    path: a table with `score` (balanced accuracy, chance 0.5) and `explanation` of each latent. backend:
        what wrote them. `score` is None where an explanation could not be tested; n, the number of
        contexts behind it, is None, since such tables do not have it. Of a
        table with kinds, rows of kind ``latent`` count.
    """
    table = read_table(path)
    if "kind" in table:
        table = table[table["kind"] == "latent"]
    name = next(name for name in OF_LATENT if name in table)
    found = {}
    for row in table[table["explanation"].notna()].to_dict("records"):
        score = None if row["score"] != row["score"] else float(row["score"])
        about = {"text": str(row["explanation"]), "score": score, "n": None, "backend": backend}
        found[int(row[name])] = about
    return found
