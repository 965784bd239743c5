"""Reconstruct the activations of one hook point with one SAE; write its codes store."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import write_json
from workflow_scripts.anatomy.codes.doubts import doubts
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.saes.dictionary import load_dictionary

begin(snakemake.log[0], snakemake.threads)

dictionary = load_dictionary(snakemake.input.sae)
description = reconstruct(
    dictionary,
    open_activations(snakemake.input.activations),
    snakemake.params.site,
    Path(snakemake.output.codes).parent,
    snakemake.params.device,
)
write_json(snakemake.output.summary, {**description, "sae": snakemake.params.sae})
summary = description["summary"]
for line in doubts(summary, dictionary.metadata.get("nominal_l0")):
    log.warning("warning: %s: %s", snakemake.params.sae, line)
log.info("%s: L0 %.2f, FVU %s", snakemake.params.sae, summary["l0"], summary["fvu"])
