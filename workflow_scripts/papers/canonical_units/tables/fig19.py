"""Figure 19: share of reconstruction latents between seeds of one size, and between sizes."""

from itertools import combinations
from typing import NamedTuple

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.papers.canonical_units.stitching.pair import Half, open_half
from workflow_scripts.papers.canonical_units.stitching.shares import Latents, reconstruction_shares


class Compared(NamedTuple):
    """One of two SAEs, the seed that it was trained with if that is known, and its latents."""

    half: Half
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
                        "model": small.half.codes.group.attrs["model"],
                        "site": small.half.codes.group.attrs["site"],
                        "comparison": comparison,
                        "sae_small": small.half.name,
                        "sae_large": large.half.name,
                        "width_small": small.half.width,
                        "width_large": large.half.width,
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
    half = open_half(sae, codes)
    fires = half.codes.latents("firing_count") > 0
    return Compared(half, description(sae)["metadata"]["seed"], Latents(half.directions, fires))
