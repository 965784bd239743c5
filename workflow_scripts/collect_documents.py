"""Collect the documents of a dataset and hold some of them out for validation."""

from pathlib import Path

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.text.documents import documents
from workflow_scripts.anatomy.text.validation import write_splits

begin(snakemake.log[0], snakemake.threads)

dataset, name = snakemake.params.dataset, snakemake.params.name
count = write_splits(
    documents(dataset, name),
    dataset["validation_fraction"],
    Path(snakemake.output.train),
    Path(snakemake.output.validation),
    name,
    dataset["passages"],
)
log.info("%s: %d documents to train, %d to validate", name, count["train"], count["validation"])
