"""Collect the texts of a labelled set, and say which are trained and which are tested on."""

import json

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.probing.labelled_texts import labelled_texts

begin(snakemake.log[0], snakemake.threads)

sides = labelled_texts(snakemake.params.labelled, snakemake.params.name)
with replacing(snakemake.output.texts) as temporary, open(temporary, "w", encoding="utf-8") as file:
    for side, texts in zip((True, False), sides, strict=True):
        for text, label in texts:
            row = {"text": text, "label": label, "train": side}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
