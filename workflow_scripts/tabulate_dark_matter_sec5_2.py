"""Section 5.2: what FVU SAEs converge to on the linear and on the nonlinear error."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import (
    concatenate,
    identity,
    with_interval,
    write_rows,
    write_table,
)
from workflow_scripts.anatomy.codes.normalised_error import held_out_fvu
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.splits import Split

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
write_table(snakemake.output.table, concatenate(snakemake.input.curves))
rows = []
for component, sae, path in zip(
    params.components, snakemake.input.saes, snakemake.input.codes, strict=True
):
    codes = open_codes(path)
    split = Split.of(analysis, params.seed, codes)
    found = held_out_fvu(codes, split, analysis["bootstrap"], params.seed)
    row = identity(description(sae)["metadata"], codes.summary) | {"component": component}
    rows.append(row | {"split": analysis["split"]} | with_interval("fvu_held_out", found))
write_rows(snakemake.output.final, rows)
