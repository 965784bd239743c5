"""What the figures of a run found, in sentences, from their tables; three of them are the run's."""

from importlib import import_module
from pathlib import Path

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import write_json
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.report.page.findings import as_rows, of_run

begin(snakemake.log[0], snakemake.threads)

draws = {Path(str(path).replace(".draws.npz", ".csv")): path for path in snakemake.input.draws}
paths = {(path.parent.name, path.stem): path for path in map(Path, snakemake.input.tables)}
found = []
for about in snakemake.params.exhibits:
    module, _, name = about["finding"].partition(":")
    of_paper = [paths[about["paper"], table] for table in about["tables"]]
    tables = [read_table(path, draws.get(path)) for path in of_paper]
    found.append((about, getattr(import_module(module), name)(*tables)))
headline = [(about, finding) for about, finding in found if about["headline"]]
others = [(about, finding) for about, finding in found if not about["headline"]]
# What papers claim comes before what there is of every run.
order = sorted(headline or others, key=lambda each: not each[0]["claiming"])
every = [(about["paper"], about["name"], finding) for about, finding in found]
sentences = of_run([(about["paper"], finding) for about, finding in order], every)
content = {"findings": sentences, "headline": as_rows(headline), "others": as_rows(others)}
write_json(snakemake.output.findings, content)
