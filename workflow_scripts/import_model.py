"""Check and describe a pretrained language model, from the hub, its cache, or a local folder."""

from pathlib import Path

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import write_json
from workflow_scripts.anatomy.models.language_model import import_model
from workflow_scripts.anatomy.text.tokenization import special_ids

begin(snakemake.log[0], snakemake.threads)

block = snakemake.params.model
bos = special_ids(Path(snakemake.input.tokenizer))[0] if block.get("bos", True) else None
write_json(snakemake.output.model, import_model(block, snakemake.params.name, bos))
