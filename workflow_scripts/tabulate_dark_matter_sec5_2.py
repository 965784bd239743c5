"""Section 5.2: what FVU SAEs converge to on the linear and on the nonlinear error."""

from workflow_scripts.anatomy.codes import open_codes
from workflow_scripts.anatomy.dictionary import description
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.tables import concatenate, identity, write_rows, write_table

begin(snakemake.log[0], snakemake.threads)

write_table(snakemake.output.table, concatenate(snakemake.input.curves))
rows = []
for component, sae, codes in zip(
    snakemake.params.components, snakemake.input.saes, snakemake.input.codes, strict=True
):
    store = open_codes(codes)
    who = identity(description(sae)["metadata"], store.summary)
    rows.append(who | {"component": component, "fvu_held_out": store.summary["fvu"]})
write_rows(snakemake.output.final, rows)
