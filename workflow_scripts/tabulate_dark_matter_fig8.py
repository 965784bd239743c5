"""Figure 8: the loss that each part of the error recovers, against width and against L0."""

import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import identity, write_table
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.loss_entries import losses_of
from workflow_scripts.anatomy.interventions.loss_recovery import recovery
from workflow_scripts.anatomy.saes.dictionary_file import description

begin(snakemake.log[0], snakemake.threads)

params, analysis, files = snakemake.params, snakemake.params.analysis, snakemake.input


def rows_of(sae, codes):
    who = identity(description(sae)["metadata"], open_codes(codes).summary)
    sums = losses_of(files.losses, who["sae"])
    about = who | {"split": analysis["split"], "contexts": len(sums["count"])}
    return [about | row for row in recovery(sums, analysis["bootstrap"], params.seed)]


tables = []
for axis, saes, codes in (
    ("width", files.saes, files.codes),
    ("l0", files.saes_by_l0, files.codes_by_l0),
):
    rows = [row for paths in zip(saes, codes, strict=True) for row in rows_of(*paths)]
    tables.append(pd.DataFrame(rows).assign(axis=axis).sort_values(axis))
write_table(snakemake.output.table, pd.concat(tables, ignore_index=True))
