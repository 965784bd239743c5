"""Figure 7: detection accuracy by activation decile, over the latents of all seeds of a component."""

import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.interpretability.scores import summarise

begin(snakemake.log[0], snakemake.threads)

parts = []
for number, path in enumerate(snakemake.input.scores):
    part = read_table(path)
    # A latent of another seed is another latent.
    part["latent"] = [f"{number}/{latent}" for latent in part["latent"]]
    parts.append(part)
scores = pd.concat(parts, ignore_index=True)
table = summarise(scores, snakemake.params.seed, snakemake.params.bootstrap)
by_component = scores.groupby("component")
for at, column in enumerate(("model", "site", "width")):
    table.insert(at, column, table["component"].map(by_component[column].first()))
table.insert(3, "l0", table["component"].map(by_component["l0"].mean()))
table.insert(4, "seeds", table["component"].map(by_component["seed"].nunique()))
write_table(snakemake.output.table, table)
