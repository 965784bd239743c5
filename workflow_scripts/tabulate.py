"""Make the tables of one figure: the function of its paper's room, called with what its rule gives."""

from importlib import import_module
from pathlib import Path

from workflow_scripts.anatomy.base.draws import save_draws
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table

begin(snakemake.log[0], snakemake.threads)

paper, module = Path(snakemake.output[0]).parent.name, snakemake.params.tabulated_by
tabulate = import_module(f"workflow_scripts.papers.{paper}.tables.{module}").tabulate
tables = tabulate(snakemake.input, snakemake.params)
for name, path in snakemake.output.items():
    # Of an exhibit's tables the first may have draws, which claims compare its rows by.
    if name == "draws":
        save_draws(path, tables["table"])
    else:
        write_table(path, tables[name])
