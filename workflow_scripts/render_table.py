"""Show a table as Markdown, numbers with three digits."""

import re

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.base.tables import read_table

# What Markdown takes for its own in a text: tokens of a model are any text. Within words, _ is itself.
SPECIAL = re.compile(r"\\(?=[^\w\s])|[|*`<\[&~]|(?<![^\W_])_|_(?![^\W_])")

begin(snakemake.log[0], snakemake.threads)

table = read_table(snakemake.input.table)
if snakemake.params.columns:
    table = table[list(snakemake.params.columns)].rename(columns=snakemake.params.columns)
shown = table.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
shown = shown.map(lambda text: SPECIAL.sub(r"\\\g<0>", text))
lines = [list(shown.columns), ["---"] * len(shown.columns), *shown.to_numpy().tolist()]
with replacing(snakemake.output.rendered) as temporary:
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    temporary.write_text(f"{snakemake.params.caption}\n\n{text}\n")
