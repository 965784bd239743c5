"""Dashboards as tidy tables, a row for each token, bin or latent; `latent` says which."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.interpretability.dashboard import Dashboards
from workflow_scripts.anatomy.statistics.ratio_intervals import ratio_intervals

if TYPE_CHECKING:
    from torch import Tensor


def context_table(found: Dashboards, strings: list[str]) -> pd.DataFrame:
    """Every token of every window: latent, rank (0 is the strongest), context, position, token (its
    text), activation of the latent, peak (whether the window is shown for this token)."""
    windows = found.windows
    shown, length = windows.tokens.shape
    first = np.searchsorted(found.number, found.number)
    position = windows.start[:, None] + np.arange(length)
    return pd.DataFrame(
        {
            "latent": np.repeat(found.latents[found.number], length),
            "rank": np.repeat(np.arange(shown) - first, length),
            "context": np.repeat(windows.context, length),
            "position": position.ravel(),
            "token": [strings[token] for token in windows.tokens.ravel()],
            "activation": windows.activations.ravel(),
            "peak": (position == found.peak[:, None]).ravel(),
        }
    )


def latent_table(found: Dashboards, draws: int, seed: int) -> pd.DataFrame:
    """Every latent: firings (tokens), frequency with its interval over documents, activation_max."""
    frequency = ratio_intervals(
        found.firings.astype(np.float64), found.tokens.astype(np.float64), draws, seed
    )
    return pd.DataFrame(
        {
            "latent": found.latents,
            "firings": found.firings.sum(0),
            **with_interval("frequency", frequency),
            "activation_max": found.maximum,
        }
    )


def histogram_table(found: Dashboards) -> pd.DataFrame:
    """Every bin: latent, activation (its lower edge), activation_end, count (tokens)."""
    bins = found.histogram.shape[1]
    edges = found.maximum.astype(np.float64)[:, None] * np.linspace(0, 1, bins + 1)
    return pd.DataFrame(
        {
            "latent": np.repeat(found.latents, bins),
            "activation": edges[:, :-1].ravel(),
            "activation_end": edges[:, 1:].ravel(),
            "count": found.histogram.ravel(),
        }
    )


def token_table(
    latents: np.ndarray, directions: "Tensor", rows: "Tensor", strings: list[str], count: int
) -> pd.DataFrame:
    """The tokens that latents promote and suppress most: latent, side, rank, token, logit_weight.

    latents: (L,) int64, their numbers. directions: (L, d), their decoder rows. rows: (V, d), of
        `unembedding`. strings: the text of each token. count: how many tokens a side.
    """
    from workflow_scripts.anatomy.models.logit_weights import extremes

    parts = []
    for side, (tokens, weights) in extremes(directions, rows, count).items():
        each = tokens.shape[1]
        columns = {
            "latent": np.repeat(latents, each),
            "side": side,
            "rank": np.tile(np.arange(each), len(latents)),
            "token": [strings[token] for token in tokens.flatten().tolist()],
            "logit_weight": weights.cpu().numpy().ravel(),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
