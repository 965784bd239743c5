"""Run the model once over a harvest's contexts and store its activations, tokens and losses."""

import json
from pathlib import Path

from workflow_scripts.anatomy.activations.harvest import check_harvest, harvest_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.text.tokenization import open_tokens

begin(snakemake.log[0], snakemake.params.threads)

params = snakemake.params
description_file = Path(snakemake.input.model)
check_harvest(params.harvest, json.loads(description_file.read_text()))
model, description = load_model(description_file, resolve_device(params.device), params.dtype)
harvest_activations(
    model,
    description,
    open_tokens(Path(snakemake.input.tokens)),
    params.harvest,
    params.name,
    Path(snakemake.output.manifest).parent,
)
