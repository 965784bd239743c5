"""Explain meta-latents and latents of the SAE taken apart, and test the explanations on other documents.

By the function of its paper's room, called with what its rule gives.
"""

from importlib import import_module

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.tables import write_table

begin(snakemake.log[0], snakemake.threads)

table = import_module(snakemake.params.explained_by).tabulate(snakemake.input, snakemake.params)
for kind, rows in table[table["sampled"]].groupby("kind"):
    scores = rows["score"]
    log.info(
        "%s: %d of %d judged, mean balanced accuracy %.3f",
        *(kind, scores.notna().sum(), len(scores), scores.mean()),
    )
write_table(snakemake.output.explanations, table)
