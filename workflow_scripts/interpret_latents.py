"""Explain latents of an SAE automatically, and test the explanations on other documents."""

import json
from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interpretability import interpret, settings_of
from workflow_scripts.anatomy.interpretability.scores import latent_scores, tidy
from workflow_scripts.anatomy.text.tokenization import token_strings

begin(snakemake.log[0], snakemake.threads)
params = snakemake.params
settings = settings_of(params.interpretability)
store = open_activations(snakemake.input.activations)
codes = open_codes(snakemake.input.codes)
strings = token_strings(Path(snakemake.input.tokenizer))

examples, judgements = interpret(store, codes, strings, settings, params.seed)
table = tidy(examples, judgements, params.component)
scores = latent_scores(table)
table = table.assign(
    model=codes.group.attrs["model"],
    site=params.site,
    sae=codes.group.attrs["sae"],
    width=codes.width,
    l0=codes.summary["l0"],
    seed=params.sae_seed,
)
log.info(
    "%d of %d latents judged, mean balanced accuracy %.3f",
    scores["score"].notna().sum(),
    len(scores),
    scores["score"].mean(),
)

with replacing(snakemake.output.explanations) as temporary, open(temporary, "w") as lines:
    for judgement, score in zip(judgements, scores["score"], strict=True):
        record = {
            "component": params.component,
            "latent": judgement.latent,
            "explanation": judgement.explanation,
            "score": score if score == score else None,
            "problem": judgement.problem,
            "details": judgement.details,
        }
        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
write_table(snakemake.output.scores, table)
