"""`latents.csv`: every latent of an SAE in a row, dead ones too."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.report.latents.error_sums import PARTS, ErrorSums, squared_norms
from workflow_scripts.anatomy.report.latents.nearest import Nearest, own_cosines
from workflow_scripts.anatomy.statistics.ratio_intervals import column_intervals, ratio_intervals


def error_table(parts: Iterable[ErrorSums], draws: int, seed: int) -> pd.DataFrame:
    """Columns latent, firings, density and all that is about errors, with intervals over documents.

    linear_error_contribution and nonlinear_error_contribution are empty where the error was not taken apart.
    """
    return pd.concat([_of_part(part, draws, seed) for part in parts], ignore_index=True)


def latent_table(
    errors: pd.DataFrame, sae: SaeOnHarvest, near: Nearest, names: Sequence[str]
) -> pd.DataFrame:
    """All columns of `latents.csv`.

    errors: of `error_table`. names: of each latent.
    """
    firings = sae.codes.latents("firing_count")
    mean = np.full(len(firings), np.nan)
    np.divide(sae.codes.latents("activation_sum"), firings, out=mean, where=firings > 0)
    before = {"maximum": sae.codes.latents("activation_max"), "mean_activation": mean}
    table = errors.copy()
    for at, (name, column) in enumerate(before.items()):
        table.insert(3 + at, name, column)
    table["decoder_norm"] = np.sqrt(squared_norms(sae))
    table["own_cosine"] = own_cosines(sae.directions)
    columns: dict[str, object] = {
        "nearest_sae": np.nan,
        "nearest_latent": np.nan,
        "max_cosine": np.nan,
    }
    if near.names:
        which, latent, cosine = near.best()
        columns = {
            "nearest_sae": np.array(near.names)[which],
            "nearest_latent": latent,
            "max_cosine": cosine,
        }
    return table.assign(**columns, name=list(names))


def _of_part(part: ErrorSums, draws: int, seed: int) -> pd.DataFrame:
    contribution = ratio_intervals(part.shared, part.error, draws, seed)
    rise = column_intervals(
        lambda s: 100 * s["rise"] / s["error"],
        {"rise": part.rise, "error": part.error},
        draws,
        seed,
    )
    lift = column_intervals(
        lambda s: (s["where"] / s["firings"]) / (s["error"] / s["tokens"]),
        {name: getattr(part, name) for name in ("where", "firings", "error", "tokens")},
        draws,
        seed,
    )
    firings = part.firings.sum(0).astype(np.int64)
    columns: dict[str, object] = {
        "latent": np.arange(part.latents.start, part.latents.stop),
        "firings": firings,
        "density": firings / part.tokens.sum(),
        **with_interval("error_contribution", contribution),
    }
    for name in PARTS:
        shares, total = part.parts.get(name, (np.full(len(firings), np.nan), np.nan))
        with np.errstate(divide="ignore", invalid="ignore"):
            columns[f"{name}_contribution"] = shares / total
    columns |= with_interval("error_lift", lift) | with_interval("ablation_gain", rise)
    return pd.DataFrame(columns)
