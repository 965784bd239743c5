"""Figure 19: share of reconstruction latents between seeds of one size, and between sizes."""

from itertools import combinations
from typing import NamedTuple

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest, open_sae
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.papers.canonical_units.stitching.shares import Latents, reconstruction_shares


class Compared(NamedTuple):
    """One of two SAEs, the seed that it was trained with if that is known, and its latents."""

    sae: SaeOnHarvest
    seed: int | None
    latents: Latents


def tabulate(input: Named, params: Named) -> Tables:
    """input: seeds, SAEs that differ in nothing but their seed; sizes, SAEs of several widths; and the
    codes of both in the same order, seeds_codes and sizes_codes. params: threshold."""
    rows = []
    for comparison, saes, codes in (
        ("seeds", input.seeds, input.seeds_codes),
        ("sizes", input.sizes, input.sizes_codes),
    ):
        for paths in combinations(zip(saes, codes, strict=True), 2):
            # Opened anew for each pair: two decoders are in memory, however many SAEs there are.
            first, second = (_opened(*of_one) for of_one in paths)
            shares = reconstruction_shares(first.latents, second.latents, params.threshold)
            # Of the second's latents with respect to the first, and the other way round.
            ordered = ((first, second), (second, first))
            for (small, large), share in zip(ordered, shares, strict=True):
                rows.append(
                    {
                        "model": small.sae.codes.group.attrs["model"],
                        "site": small.sae.codes.group.attrs["site"],
                        "comparison": comparison,
                        "sae_small": small.sae.name,
                        "sae_large": large.sae.name,
                        "width_small": small.sae.width,
                        "width_large": large.sae.width,
                        "seed_small": small.seed,
                        "seed_large": large.seed,
                        "firing_latents": int(large.latents.fires.sum()),
                        "threshold": params.threshold,
                    }
                    | with_interval("reconstruction_share", share.firing)
                    | with_interval("reconstruction_share_all", share.every)
                )
    return {"table": pd.DataFrame(rows)}


def _opened(sae: str, codes: str) -> Compared:
    opened = open_sae(sae, codes)
    latents = Latents(opened.directions, opened.fires)
    return Compared(opened, description(sae)["metadata"]["seed"], latents)
