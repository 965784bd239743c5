"""Check and describe a pretrained language model, from the hub, its cache, or a local folder."""

from pathlib import Path

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import write_json
from workflow_scripts.anatomy.models.language_model import import_model
from workflow_scripts.anatomy.text.tokenization import special_ids

begin(snakemake.log[0], snakemake.threads)

bos, _ = special_ids(Path(snakemake.input.tokenizer))
write_json(snakemake.output.model, import_model(snakemake.params.model, snakemake.params.name, bos))
