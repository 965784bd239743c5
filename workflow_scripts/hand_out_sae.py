"""Take one SAE out of the stream that it was trained in."""

from pathlib import Path

from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.sae_stream import hand_out

begin(snakemake.log[0], snakemake.threads)

folder = Path(snakemake.input.stream).with_suffix("")
hand_out(snakemake.params.sae, folder, Path(snakemake.output.sae).parent)
