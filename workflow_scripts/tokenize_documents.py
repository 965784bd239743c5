"""Turn the documents of one split into token ids."""

from pathlib import Path

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.text.tokenization import tokenize

begin(snakemake.log[0], snakemake.threads)

documents, tokens = Path(snakemake.input.documents), Path(snakemake.output.tokens)
number = tokenize(documents, Path(snakemake.input.tokenizer), tokens)
log.info("%s: %d tokens", tokens, number)
