"""The report of a run: one page, and the pictures and files that it needs beside it."""

import json
from importlib import import_module
from pathlib import Path

import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.report.page.collected import (
    anchors_of,
    exhibits_shown,
    judged_claims,
    sae_table,
)
from workflow_scripts.anatomy.report.page.facts import facts
from workflow_scripts.anatomy.report.page.pictures import pictures_of
from workflow_scripts.anatomy.report.page.rendered import arranged, configuration, page
from workflow_scripts.anatomy.report.page.used import machine, packages, use
from workflow_scripts.anatomy.report.templating import write_assets

begin(snakemake.log[0], snakemake.threads)

params, output = snakemake.params, snakemake.output
run = Path(params.run)
modules = {
    paper: import_module(f"workflow_scripts.papers.{paper}.claims") for paper in params.claiming
}
rules = {
    (paper, claim.id): (claim.rule, claim.measure.text)
    for paper, module in modules.items()
    for claim in module.CLAIMS
}
files = [read_table(path) for path in snakemake.input.claims]
claims = judged_claims(pd.concat(files), rules) if files else []
told = json.loads(Path(snakemake.input.findings).read_text())
findings = {(row["paper"], row["exhibit"]): row for row in told["headline"] + told["others"]}
pictures = pictures_of(params.exhibits, run, Path(output.figures))
shown = exhibits_shown(params.exhibits, findings, claims, pictures, run)
content = page(
    facts=facts(params.config, params.saes),
    sentences=told["findings"],
    titles=params.titles,
    missing=params.missing,
    claims=claims,
    anchors=anchors_of(shown),
    saes=sae_table(read_table(snakemake.input.saes), params.quantities),
    configuration=configuration(params.config),
    use=use([run / "logs", f"{params.store}/logs"], params.logs),
    machine=machine(),
    packages=packages(),
    **arranged(shown, claims),
)
write_assets([output.style, output.program])
with replacing(output.page) as temporary:
    temporary.write_text(content)
