"""Figure 6: meta-latents against the latents of SAEs of every size."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import normalize

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest, open_sae
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS
from workflow_scripts.papers.canonical_units.meta.directions import decoder_directions
from workflow_scripts.papers.canonical_units.meta.evaluation import Evaluation
from workflow_scripts.papers.canonical_units.meta.rows import (
    COMPARED,
    random_directions,
    rows_of,
)
from workflow_scripts.papers.canonical_units.meta.training import nearest


def tabulate(input: Named, params: Named) -> Tables:
    """input: meta_saes, the main ones and those of rows of the same covariance; saes of all sizes, and codes.
    params: metas, blocks of the meta_saes in their order; threshold, bootstrap, seed."""
    saes = [open_sae(*paths) for paths in zip(input.saes, input.codes, strict=True)]
    rows, summaries = [], []
    for meta, names, directions in _compared(input, params, saes):
        for sae in saes:
            numbers, latents = decoder_directions(sae.dictionary, sae.fires)
            cosines, at = nearest(directions, latents)
            who = {
                "model": meta["model"],
                "site": meta["site"],
                "sae": sae.name,
                "width": sae.width,
            }
            who |= {"meta_width": meta["width"], "seed": meta["seed"], **names[0]}
            columns = {"meta_latent": names[1], "max_cosine": cosines, "nearest": numbers[at]}
            rows.append(pd.DataFrame(columns).assign(**who))
            back = nearest(latents, directions)[0]
            about = {"threshold": params.threshold, "directions_compared": len(directions)}
            about |= {"firing_latents": len(latents)}
            summaries.append(who | about | _summary(cosines, back, params))
    return {"table": pd.concat(rows), "summary": pd.DataFrame(summaries)}


def _compared(
    input: Named, params: Named, saes: list[SaeOnHarvest]
) -> Iterator[tuple[dict[str, Any], tuple[dict[str, str], np.ndarray], Tensor]]:
    """Active meta-latents, those of the control, and as many random directions: block, names, (n, d)."""
    by_name = {sae.name: sae for sae in saes}
    for meta, path in zip(params.metas, input.meta_saes, strict=True):
        sae = by_name[meta["sae"]]
        trained_on = rows_of(meta, sae.dictionary, sae.fires)[1]
        found = Evaluation(load_dictionary(path), trained_on, params.bootstrap, params.seed)
        active = np.flatnonzero(found.fires)
        directions = normalize(found.meta.W_dec[torch.from_numpy(active)], dim=1)
        is_main = meta["rows"] == "decoder"
        kind = "meta_latents" if is_main else meta["rows"]
        yield meta, ({"directions": kind}, active), directions
        if is_main:
            generator = np.random.default_rng((meta["seed"], COMPARED))
            drawn = random_directions(len(directions), directions.shape[1], generator)
            yield meta, ({"directions": "random"}, np.arange(len(drawn))), drawn


def _summary(cosines: np.ndarray, back: np.ndarray, params: Named) -> dict[str, float]:
    """Median, and share that reaches the threshold, of the largest cosines; the same the other way round."""
    generator = np.random.default_rng(params.seed)
    draws = cosines[generator.integers(len(cosines), size=(params.bootstrap, len(cosines)))]
    above = cosines >= params.threshold
    found = {"median_max_cosine": (np.median(cosines), np.median(draws, axis=1))}
    found["share_above"] = (above.mean(), (draws >= params.threshold).mean(1))
    columns: dict[str, float] = {}
    for name, (value, resampled) in found.items():
        low, high = np.quantile(resampled, LEVELS)
        columns |= with_interval(name, (float(value), float(low), float(high)))
    columns["latents_median"] = float(np.median(back))
    columns["latents_share_above"] = float((back >= params.threshold).mean())
    return columns
