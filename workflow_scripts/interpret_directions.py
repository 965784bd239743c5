"""Explain an SAE's latents, or directions that fire as often as they do, and test the explanations."""

import json
from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interpretability import interpret, settings_of
from workflow_scripts.anatomy.interpretability.directions import (
    SAE,
    candidates,
    chosen_directions,
    chosen_latents,
)
from workflow_scripts.anatomy.interpretability.scores import scores_and_misses
from workflow_scripts.anatomy.interpretability.thresholding import with_frequencies
from workflow_scripts.anatomy.statistics.components import load_components
from workflow_scripts.anatomy.text.tokenization import token_strings

begin(snakemake.log[0], snakemake.threads)

params = snakemake.params
settings = settings_of(params.interpretability)
store = open_activations(snakemake.input.activations)
codes = open_codes(snakemake.input.codes)
strings = token_strings(Path(snakemake.input.tokenizer))

firing = codes.latents("firing_count")
numbers = latents = chosen_latents(firing, params.directions, params.seed)
if params.method != SAE:
    components = load_components(snakemake.input.components)
    readers = candidates(params.method, components, codes.width, params.seed)
    frequencies = firing[latents] / codes.summary["n_tokens"]
    numbers, readers, frequencies = chosen_directions(readers, frequencies, params.seed)
    codes = with_frequencies(store, params.site, readers, frequencies)
    latents = np.arange(len(numbers))

examples, judgements = interpret(store, codes, strings, settings, params.seed, latents)
scores = scores_and_misses(examples, judgements)
scores.insert(0, "method", params.method)
scores.insert(1, "direction", numbers)
judged, mean = int(scores["score"].notna().sum()), scores["score"].mean()
log.info("%s: %d of %d judged, mean score %.3f", params.method, judged, len(scores), mean)

with replacing(snakemake.output.explanations) as temporary, open(temporary, "w") as lines:
    for direction, judgement in zip(numbers.tolist(), judgements, strict=True):
        record = {"direction": direction, "explanation": judgement.explanation}
        record |= {"problem": judgement.problem, "details": judgement.details}
        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
write_table(snakemake.output.scores, scores.drop(columns="latent"))
