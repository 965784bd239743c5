"""The explorer's data of one SAE: its latents in blocks, and what it does at a few contexts."""

from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.effects_store import open_effects
from workflow_scripts.anatomy.report.shards.errors import errors_of
from workflow_scripts.anatomy.report.shards.explanations import read_explanations, read_misses
from workflow_scripts.anatomy.report.shards.latent_blocks import blocks_of, read_latents
from workflow_scripts.anatomy.report.shards.misses import with_misses
from workflow_scripts.anatomy.report.shards.sae_folder import write_sae
from workflow_scripts.anatomy.report.shards.samples import choose_contexts, mean_errors, samples_of
from workflow_scripts.anatomy.saes.dictionary_file import description

begin(snakemake.log[0], snakemake.threads)

files, params = snakemake.input, snakemake.params
slug, metadata = params.slug, description(files.sae)["metadata"]
codes, table = open_codes(files.codes), read_table(files.table)

ranking = mean_errors(open_codes(files.reference))
# A rule's function gives a list, of one file or of none.
measured = open_effects(files.measured[0]).group["contexts"][:] if files.measured else None
contexts = choose_contexts(ranking, params.samples, measured)
norms = files.norms[0] if files.norms else None
effects = open_effects(files.effects[0]) if files.effects else None
samples = samples_of(slug, codes, contexts, norms, effects)
explained = read_explanations(files.explained, params.backend) if files.explained else {}
misses = read_misses(files.explained) if files.explained else {}
latents = with_misses(read_latents(files.latents), codes, misses)
blocks = list(blocks_of(slug, latents, params.numbers, explained))
shown = np.unique(latents["window_context"])
errors = [errors_of(slug, norms, shown, codes.min_position)] if norms else []
about = {
    "slug": slug,
    "model": metadata["model"],
    "site": metadata["site"],
    "sae": metadata["name"],
    "architecture": metadata["architecture"],
    "width": len(table),
    "l0": codes.summary["l0"],
    "seed": metadata["seed"],
    "meta": False,
    "decomposed": norms is not None,
    "dead": int((table["firings"] == 0).sum()),
    "blocks": len(blocks),
    "samples": True,
}
size = write_sae(Path(snakemake.output.about).parent, about, [*blocks, samples, *errors])
log.info("%d latents, %d sample contexts, %.2f MB", len(table), len(contexts), size / 1e6)
