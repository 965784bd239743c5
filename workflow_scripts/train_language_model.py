"""Train a small language model from scratch; interrupted, it goes on from its last checkpoint."""

import shutil
from pathlib import Path

from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import replacing, write_json
from workflow_scripts.anatomy.base.tables import write_rows
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.models.samples import samples
from workflow_scripts.anatomy.models.training import train_language_model

begin(snakemake.log[0], snakemake.params.threads)

params = snakemake.params
description_file = Path(snakemake.output.model)
tokenizer, validation = Path(snakemake.input.tokenizer), Path(snakemake.input.validation)
description, curve = train_language_model(
    params.model,
    params.name,
    params.seed,
    resolve_device(params.device),
    Path(snakemake.input.train),
    validation,
    tokenizer,
    description_file.parent,
)
write_rows(snakemake.output.curve, curve)
write_json(description_file, description)
model, _ = load_model(description_file, "cpu", "float32")
with replacing(snakemake.output.samples) as temporary:
    temporary.write_text(samples(model, tokenizer, validation, params.seed), encoding="utf-8")
shutil.rmtree(description_file.with_name("checkpoints"), ignore_errors=True)
