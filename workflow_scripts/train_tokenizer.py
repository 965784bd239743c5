"""Train a byte-level BPE tokenizer on the documents of a dataset."""

from pathlib import Path

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.text.tokenization import train_tokenizer

begin(snakemake.log[0], snakemake.threads)

asked = snakemake.params.vocabulary_size
size = train_tokenizer(Path(snakemake.input.documents), asked, Path(snakemake.output.tokenizer))
if size < asked:
    log.info("the text has pairs for %d tokens only, not for the %d asked for", size, asked)
