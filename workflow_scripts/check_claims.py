"""What the papers claim, judged by the tables of this run."""

from importlib import import_module
from pathlib import Path

import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.claims.page import page
from workflow_scripts.anatomy.claims.verdicts import verdicts

begin(snakemake.log[0], snakemake.threads)

tables: dict[str, dict[str, pd.DataFrame]] = {paper: {} for paper in snakemake.params.papers}
draws = {Path(str(path).replace(".draws.npz", ".csv")): path for path in snakemake.input.draws}
for path in map(Path, snakemake.input.tables):
    tables[path.parent.name][path.stem] = read_table(path, draws.get(path))
claims = pd.concat(
    [
        verdicts(
            paper,
            import_module(f"workflow_scripts.papers.{paper}.claims").CLAIMS,
            of_paper,
            snakemake.params.seed,
        )
        for paper, of_paper in tables.items()
    ],
    ignore_index=True,
)
write_table(snakemake.output.table, claims)
with replacing(snakemake.output.page) as temporary:
    temporary.write_text(page(claims))
