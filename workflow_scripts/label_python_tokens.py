"""Label the tokens of a harvest of Python source, and draw examples for probes."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.probing.examples import Amounts
from workflow_scripts.anatomy.probing.python_tokens import (
    in_contexts,
    python_examples,
    token_labels,
)
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text.tokenization import open_tokens

begin(snakemake.log[0], snakemake.threads)

params, block = snakemake.params, snakemake.params.labelled
tokens = open_tokens(Path(snakemake.input.tokens))
store = open_activations(snakemake.input.activations)
labels, names = token_labels(
    Path(snakemake.input.documents), Path(snakemake.input.tokenizer), tokens
)
# Whatever the regressions hold out, probes are tested on documents of their own.
split = Split.of(params.analysis | {"split": "document"}, params.seed, store)
examples = python_examples(
    in_contexts(labels, tokens, store, params.harvest, split),
    names,
    block["labels"],
    f"{params.name} concepts",
    Amounts(block["train_examples"], block["test_examples"], block["max_document_share"]),
    params.seed,
)
examples.require_problems(params.name)
write_arrays(snakemake.output.examples, examples.arrays())
log.info("%d examples of %d problems", len(examples.documents), len(examples.problems))
