"""Draw one figure from its table alone, as PDF and as PNG."""

from importlib import import_module

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.figures.style import save, styled

begin(snakemake.log[0], snakemake.threads)

paper, figure = snakemake.wildcards.paper, snakemake.params.figure
module = import_module(f"workflow_scripts.papers.{paper}.figures.{figure}")
tables = [read_table(path) for path in snakemake.input]
with styled():
    figure = module.draw(*tables)
    save(figure, snakemake.output.pdf, snakemake.output.png)
