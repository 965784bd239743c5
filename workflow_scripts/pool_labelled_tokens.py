"""Pool the stored activations and codes of labelled tokens."""

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.probing.pooling import open_pooled, pool_harvest

begin(snakemake.log[0], snakemake.threads)

examples = open_pooled(snakemake.input.examples).examples
stores = [open_codes(path) for path in snakemake.input.codes]
codes = {store.group.attrs["sae"]: store for store in stores}
store = open_activations(snakemake.input.activations)
pooled = pool_harvest(examples, store, snakemake.params.site, codes)
write_arrays(snakemake.output.pooled, examples.arrays() | pooled)
