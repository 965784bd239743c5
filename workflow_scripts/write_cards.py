"""A card for every SAE of the run, as a page, as Markdown and as JSON, and the index of them all."""

from pathlib import Path

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import replacing, write_json
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.report.cards.card import cards
from workflow_scripts.anatomy.report.cards.identity import read_who
from workflow_scripts.anatomy.report.cards.index import index
from workflow_scripts.anatomy.report.cards.lookup import Run
from workflow_scripts.anatomy.report.cards.markdown import as_markdown
from workflow_scripts.anatomy.report.cards.method import Method
from workflow_scripts.anatomy.report.cards.page import as_html
from workflow_scripts.anatomy.report.cards.plain_json import as_json
from workflow_scripts.anatomy.report.cards.quantities import quantity

begin(snakemake.log[0], snakemake.threads)

params, method = snakemake.params, Method(**snakemake.params.method)
draws = {Path(str(path).replace(".draws.npz", ".csv")): path for path in snakemake.input.draws}
tables = {
    (path.parent.name, path.stem): read_table(path, draws.get(path))
    for path in map(Path, snakemake.input.tables)
}
files = (snakemake.input.saes, snakemake.input.models, params.judged_on)
whos = [read_who(*given) for given in zip(params.saes, params.alike, *files, strict=True)]
latents = {who.slug: path for who, path in zip(whos, snakemake.input.latents, strict=True)}
quantities = [quantity(each) for each in params.quantities]
made = cards(quantities, whos, Run(tables, params.missing), method, latents)
write_table(snakemake.output.index, index(made))
written = (snakemake.output.pages, snakemake.output.readmes, snakemake.output.data)
for card, page, readme, data in zip(made, *written, strict=True):
    write_json(data, as_json(card))
    for path, text in ((page, as_html(card)), (readme, as_markdown(card))):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
log.info("%d cards of %d quantities", len(made), len(quantities))
