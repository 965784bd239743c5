"""The explorer: a page, what it loads, and the data of the run in one folder within a budget."""

import json
from pathlib import Path

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.report.shards.budget import Kept
from workflow_scripts.anatomy.report.shards.explanations import read_explanations
from workflow_scripts.anatomy.report.shards.facts import claims_of, quantities_of, run_of, saes_of
from workflow_scripts.anatomy.report.shards.folder import assemble
from workflow_scripts.anatomy.report.shards.model_text import ModelFiles, words_of
from workflow_scripts.anatomy.report.shards.of_papers import of_papers
from workflow_scripts.anatomy.report.shards.page import write_page
from workflow_scripts.anatomy.report.shards.sae_folder import read_sae
from workflow_scripts.anatomy.report.templating import write_assets

begin(snakemake.log[0], snakemake.threads)

files, params, settings = snakemake.input, snakemake.params, snakemake.params.settings
saes = [read_sae(path)[0] for path in files.saes]
cards = [json.loads(Path(path).read_text()) for path in files.cards]
tables = [read_table(path) for path in files.tables]
findings = json.loads(Path(files.findings).read_text())["findings"]
claims = claims_of(read_table(files.claims[0]) if files.claims else None)

models, harvest, shared = [], {}, []
explained = list(zip(params.explained, files.explained, strict=True))
of_models = zip(params.models, files.models, files.tokenizers, files.activations, strict=True)
for name, *of_model in of_models:
    own = [at for at, sae in enumerate(saes) if sae["model"] == name]
    of_saes = [[Path(paths[at]) for at in own] for paths in (files.latents, files.saes)]
    of_saes.append([path for at, path in explained if at in own])
    model, harvest[name], shards = words_of(ModelFiles(*map(Path, of_model), *of_saes))
    models.append(model)
    shared += shards
scores = {at: read_explanations(path, params.backend) for at, path in explained}
known = of_papers(files, saes, tables, scores)
shared += [("saes.js", saes_of(saes, cards, known.metas)), ("claims.js", claims), *known.shards]
shared += [(f"{shard.key}.js", shard) for shard in known.index]


def run(kept, lowered):
    shown = {**settings, **vars(kept), "lowered": lowered, "novel_below": known.novel_below}
    facts = (models, params.text, harvest, findings, saes, tables, quantities_of(cards))
    return run_of(params.run, *facts, known.columns, shown)


kept = Kept(settings["samples"], settings["windows"], settings["per_stratum"])
budget = settings["budget_mb"]
_, lowered, size = assemble(snakemake.output.data, files.saes, shared, run, kept, budget)
for sentence in lowered:
    log.info("%s", sentence)
write_page(snakemake.output.page, params.run)
write_assets(snakemake.output.assets)
log.info("%d SAEs, %.1f MB of data", len(saes), size / 1e6)
