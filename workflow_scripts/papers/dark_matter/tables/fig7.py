"""Figure 7: detection accuracy by activation decile, over the latents of all seeds of a component."""

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, read_table
from workflow_scripts.anatomy.interpretability.scores import summarise


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of the explanations of SAEs, csv files. params: bootstrap, seed."""
    parts = []
    for number, path in enumerate(input.scores):
        part = read_table(path)
        # A latent of another seed is another latent.
        part["latent"] = [f"{number}/{latent}" for latent in part["latent"]]
        parts.append(part)
    scores = pd.concat(parts, ignore_index=True)
    table = summarise(scores, params.seed, params.bootstrap)
    by_component = scores.groupby("component")
    # The SAEs of a component differ in their seeds alone, and by these in L0.
    for place, column in enumerate(("model", "site", "width")):
        table.insert(place, column, table["component"].map(by_component[column].first()))
    table.insert(3, "l0", table["component"].map(by_component["l0"].mean()))
    table.insert(4, "seeds", table["component"].map(by_component["seed"].nunique()))
    return {"table": table}
