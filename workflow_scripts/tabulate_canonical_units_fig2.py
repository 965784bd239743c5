"""Figure 2: SAEs with a latent per atom and with a latent per composition, on coloured shapes."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.papers.canonical_units.toy.colours_and_shapes import compose

begin(snakemake.log[0], snakemake.threads)

table, latents = compose(**snakemake.params.toy)
write_table(snakemake.output.table, table)
write_table(snakemake.output.latents, latents)
