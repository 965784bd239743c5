"""Meta-latents, of which an SAE's latents are made: rows of the index, and one file for each meta-SAE."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.report.shards.latent_blocks import near_of, read_latents
from workflow_scripts.anatomy.report.shards.shard import Shard, rounded


def meta_sae(
    about: str | Path, arrays: str | Path, saes: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], tuple[str, Shard]]:
    """What the list of SAEs says of a meta-SAE, and its file by its path.

    Parameters
    ----------
    about, arrays: what `describe_meta_latents` wrote beside its table.
    saes: of all SAEs that are shown, in their order.
    """
    found = json.loads(Path(about).read_text())
    site = (found["model"], found["site"])
    numbers = {sae["sae"]: at for at, sae in enumerate(saes) if (sae["model"], sae["site"]) == site}
    own = slug(*site, found["sae"])
    listed = {
        **{key: value for key, value in found.items() if key != "rows"},
        "slug": own,
        "meta": True,
        "apart": numbers[found["of"]],
        "decomposed": False,
        "dead": 0,
        "blocks": 0,
        "samples": False,
        "cells": {},
        "missing": {},
    }
    return listed, (f"{own}/parts.js", parts_of(own, read_latents(arrays), numbers, found["rows"]))


def parts_of(
    own: str, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, int], rows: int
) -> Shard:
    """The file ``parts`` of a meta-SAE: docs/explorer-data.md says what its columns are.

    arrays: part_latent, part_meta, part_strength (e,), by latent, the strongest first; near_* as in
        `latents.npz`. numbers: see `latent_blocks.blocks_of`. rows: latents that were taken apart.
    """
    columns = {
        "part_latent": arrays["part_latent"],
        "part_meta": arrays["part_meta"].astype(np.uint32),
        "part_strength": rounded(arrays["part_strength"]),
        **near_of(arrays, numbers),
    }
    return Shard(f"parts:{own}", {"rows": rows}, columns)
