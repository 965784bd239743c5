"""Figure 19: share of reconstruction latents between seeds of one size, and between sizes."""

from itertools import combinations

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import with_interval, write_rows
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.papers.canonical_units.stitching.pair import open_half
from workflow_scripts.papers.canonical_units.stitching.shares import Latents, reconstruction_shares

begin(snakemake.log[0], snakemake.threads)

given, threshold = snakemake.input, snakemake.params.threshold
rows = []
for comparison, saes, codes in (
    ("seeds", given.seeds, given.seeds_codes),
    ("sizes", given.sizes, given.sizes_codes),
):
    for pair in combinations(list(zip(saes, codes, strict=True)), 2):
        halves = [open_half(*paths) for paths in pair]
        seeds = [description(sae)["metadata"]["seed"] for sae, _ in pair]
        latents = [Latents(h.directions, h.codes.latents("firing_count") > 0) for h in halves]
        shares = reconstruction_shares(*latents, threshold)
        # Of the second's latents with respect to the first, and the other way round.
        for (small, large), share in zip(((0, 1), (1, 0)), shares, strict=True):
            rows.append(
                {
                    "model": halves[0].codes.group.attrs["model"],
                    "site": halves[0].codes.group.attrs["site"],
                    "comparison": comparison,
                    "sae_small": halves[small].name,
                    "sae_large": halves[large].name,
                    "width_small": halves[small].width,
                    "width_large": halves[large].width,
                    "seed_small": seeds[small],
                    "seed_large": seeds[large],
                    "firing_latents": int(latents[large].fires.sum()),
                    "threshold": threshold,
                }
                | with_interval("reconstruction_share", share.firing)
                | with_interval("reconstruction_share_all", share.every)
            )
write_rows(snakemake.output.table, rows)
