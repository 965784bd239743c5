"""Import one pretrained or local SAE into the canonical form."""

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.saes.importing import import_sae

begin(snakemake.log[0], snakemake.threads)

sae = {**snakemake.params.sae, "model": snakemake.params.model_name}
dictionary = import_sae(sae)
dictionary.save(snakemake.output.sae)
log.info("%s: %d inputs, %d latents", dictionary.name, dictionary.d_in, dictionary.width)
