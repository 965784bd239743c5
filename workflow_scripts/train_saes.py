"""Train the SAEs of one stream that are not there yet, side by side on its activations."""

from pathlib import Path

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.job import begin, log
from workflow_scripts.anatomy.sae_stream import train_stream
from workflow_scripts.anatomy.store import write_json

begin(snakemake.log[0], snakemake.threads)

params, stream = snakemake.params, Path(snakemake.output.stream)
activations = open_activations(snakemake.input.activations)
trained = train_stream(
    params.saes,
    activations,
    params.model_name,
    stream.with_suffix(""),
    params.code,
    params.device,
)
log.info("trained %d of %d SAEs, the others were there", len(trained), len(params.saes))
names = [sae["name"] for sae in params.saes]
write_json(stream, {"harvest": activations.fingerprint, "saes": names})
