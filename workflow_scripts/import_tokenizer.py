"""Take the tokenizer of a pretrained model, from the hub, its cache, or a local folder."""

from pathlib import Path

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.text.tokenization import import_tokenizer

begin(snakemake.log[0], snakemake.threads)

model = snakemake.params.model
import_tokenizer(model["path"], model.get("revision"), Path(snakemake.output.tokenizer))
