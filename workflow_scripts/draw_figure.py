"""Draw one figure from its table alone, as PDF and as PNG."""

from importlib import import_module

from workflow_scripts.anatomy.figures.style import save, styled
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.tables import read_table

begin(snakemake.log[0], snakemake.threads)

module, function = snakemake.params.draw.split(":")
draw = getattr(import_module(module), function)
tables = [read_table(path) for path in snakemake.input]
with styled():
    figure = draw(*tables)
    save(figure, snakemake.output.pdf, snakemake.output.png)
