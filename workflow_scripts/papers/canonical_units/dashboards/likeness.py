"""Do latents with like decoder rows fire on the same inputs, and raise the same logits? (Fig. 12)"""

import numpy as np
import pandas as pd
import torch

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.interpretability.dashboard import Dashboards
from workflow_scripts.anatomy.models.logit_weights import logit_correlations
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS, resampling_weights
from workflow_scripts.papers.canonical_units.dashboards.choice import Pairs
from workflow_scripts.papers.canonical_units.dashboards.shown import Given
from workflow_scripts.papers.canonical_units.stitching.activation_similarity import (
    activation_cosine,
    activation_products,
)


def likeness_table(
    given: Given,
    saes: tuple[SaeOnHarvest, SaeOnHarvest],
    found: tuple[Dashboards, Dashboards],
    pairs: Pairs,
) -> pd.DataFrame:
    """A row for each pair: decoder_cosine, activation_cosine over tokens with its interval over documents,
    top_overlap, logit_correlation over the vocabulary, and on how many tokens both fire.

    found: dashboards with the latents of the pairs among others, of the smaller and the larger SAE.
    """
    sums = activation_products(*saes, (pairs.small, pairs.large))
    counts = (
        each.firings.sum(0)[_numbers(each, at)] for each, at in zip(found, pairs, strict=False)
    )
    firings_small, firings_large = counts
    return pd.DataFrame(
        {
            "latent_small": pairs.small,
            "latent_large": pairs.large,
            "decoder_cosine": pairs.cosine,
            **with_interval("activation_cosine", cosine_intervals(sums, given.draws, given.seed)),
            "top_overlap": top_overlaps(found, pairs),
            "logit_correlation": _correlations(given, saes, pairs),
            "firings_small": firings_small,
            "firings_large": firings_large,
        }
    )


def top_overlaps(found: tuple[Dashboards, Dashboards], pairs: Pairs) -> np.ndarray:
    """Share of the strongest places, one a context, that both latents of a pair have, (p,) float64.

    Of the latent that has more of them, so that one with a single context is not alike by luck.
    """
    numbers = [_numbers(each, at) for each, at in zip(found, pairs, strict=False)]
    overlaps = []
    for small, large in zip(*numbers, strict=True):
        one, other = found[0].places(small), found[1].places(large)
        overlaps.append(len(one & other) / max(len(one), len(other)))
    return np.array(overlaps, np.float64)


def cosine_intervals(
    sums: dict[str, np.ndarray], draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activation cosines (p,) and their 95 % intervals, from `activation_products`, (G, p) each."""
    value = activation_cosine({name: part.sum(0) for name, part in sums.items()})
    groups = len(sums["product"])
    if groups < 2 or not len(value):
        return value, *np.full((2, len(value)), np.nan)
    weights = resampling_weights(groups, draws, seed)
    drawn = activation_cosine({name: weights @ part for name, part in sums.items()})
    return value, *np.nanquantile(drawn, LEVELS, axis=0)


def _numbers(found: Dashboards, latents: np.ndarray) -> np.ndarray:
    """Where latents are among those of dashboards."""
    order = np.argsort(found.latents)
    return order[np.searchsorted(found.latents, latents, sorter=order)]


def _correlations(
    given: Given, saes: tuple[SaeOnHarvest, SaeOnHarvest], pairs: Pairs
) -> np.ndarray | float:
    if given.rows is None:
        return np.nan
    first, second = (
        sae.directions[torch.from_numpy(latents)]
        for sae, latents in zip(saes, (pairs.small, pairs.large), strict=True)
    )
    return logit_correlations(first, second, given.rows).numpy()
