"""Run the model over labelled texts and pool its activations and their codes."""

import json
from pathlib import Path

from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.probing.pooled_texts import pool_texts, text_examples, token_ids
from workflow_scripts.anatomy.saes.dictionary import load_dictionary

begin(snakemake.log[0], snakemake.params.threads)

params, device = snakemake.params, resolve_device(snakemake.params.device)
with open(snakemake.input.texts, encoding="utf-8") as lines:
    rows = [json.loads(line) for line in lines]
examples = text_examples(rows, params.name, params.seed)
examples.require_problems(params.name)
model, description = load_model(snakemake.input.model, device)
bos = description["bos_id"] if description["has_bos"] else None
# No text is longer than the model's positions.
length = min(params.context_length, description["context_length"] or params.context_length)
ids = token_ids([row["text"] for row in rows], Path(snakemake.input.tokenizer), length, bos)
dictionaries = [load_dictionary(path, device) for path in snakemake.input.saes]
write_arrays(
    snakemake.output.pooled,
    examples.arrays() | pool_texts(model, params.site, ids, bos, dictionaries),
)
