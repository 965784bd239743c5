"""Find sparser-better codes for one SAE's decoder by gradient pursuit; write their codes store."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.codes.pursuit import pursue
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary import load_dictionary

begin(snakemake.log[0], snakemake.threads)

codes = open_codes(snakemake.input.codes)
description = pursue(
    load_dictionary(snakemake.input.sae),
    open_activations(snakemake.input.activations),
    codes,
    snakemake.params.site,
    Path(snakemake.output.codes).parent,
    snakemake.params.device,
)
before, after = codes.summary["fvu"], description["summary"]["fvu"]
log.info("%s: FVU %s with the encoder, %s by pursuit", snakemake.params.sae, before, after)
