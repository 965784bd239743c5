"""Figure 23: what a meta-SAE explains when its directions are replaced by those of an SAE's latents."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.codes.pursuit import GradientPursuit
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.papers.canonical_units.meta.directions import decoder_directions
from workflow_scripts.papers.canonical_units.meta.evaluation import (
    Evaluation,
    interval,
    resampled_explained,
)
from workflow_scripts.papers.canonical_units.meta.rows import rows_of
from workflow_scripts.papers.canonical_units.meta.training import distinct


def tabulate(input: Named, params: Named) -> Tables:
    """input: meta_saes; sae and codes, of the SAE taken apart; similar, the SAEs that directions are replaced
    from, and similar_codes. params: metas, blocks of the meta_saes in their order; bootstrap, seed."""
    sae = open_sae(input.sae, input.codes)
    rows = rows_of(params.metas[0], sae.dictionary, sae.fires)[1]
    where = {"model": params.metas[0]["model"], "site": params.metas[0]["site"], "sae": sae.name}
    where |= {"width": sae.width, "n_rows": len(rows)}
    found: dict[str, Evaluation] = {}
    for meta, path in zip(params.metas, input.meta_saes, strict=True):
        dictionary = load_dictionary(path)
        found[meta["name"]] = Evaluation(dictionary, rows, params.bootstrap, params.seed)
    table = []
    for meta in params.metas:
        own = found[meta["name"]]
        about = {"replaced": meta["decoder"], "meta_width": meta["width"], "k": meta["k"]}
        about |= {"distinct": distinct(own.meta.W_dec), "seed": meta["seed"]}
        table.append(where | about | own.columns() | _compared(meta, found))
    for path, codes in zip(input.similar, input.similar_codes, strict=True):
        other = open_sae(path, codes)
        atoms = decoder_directions(other.dictionary, other.fires)[1]
        about = {"replaced": f"pursuit_{other.width}", "meta_width": len(atoms)}
        about |= {"k": params.metas[0]["k"], "distinct": len(atoms)}
        table.append(where | about | _pursued(rows, atoms, about["k"], params))
    return {"table": pd.DataFrame(table)}


def _compared(meta: dict[str, Any], found: dict[str, Evaluation]) -> dict[str, float]:
    """A meta-SAE beside the others of its seed; resamples of the latents are the same in all of them.

    gap: how much less it explains than one with its own directions; share_lost: of what that explains more
    than one with random directions of the same covariance, the floor; over_floor: what this one explains
    more than the floor; over_random_latents: than with as many random latents of the same SAE, if it has
    the nearest ones.
    """

    def explained(kept: str) -> np.ndarray:
        return found[f"replaced-{kept}-s{meta['seed']}"].explained

    own, none, floor = (explained(kept) for kept in (meta["decoder"], "none", "same_covariance"))
    columns = with_interval("gap", interval(none - own))
    columns |= with_interval("share_lost", interval((none - own) / (none - floor)))
    columns |= with_interval("over_floor", interval(own - floor))
    over = (float("nan"),) * 3
    if meta["decoder"].startswith("nearest_"):
        width = meta["decoder"].split("_")[1]
        over = interval(own - explained(f"random_latents_{width}"))
    return columns | with_interval("over_random_latents", over)


def _pursued(rows: Tensor, atoms: Tensor, k: float, params: Named) -> dict[str, Any]:
    """What k atoms a direction explain, found for each by pursuit, beside the mean: no encoder does so well."""
    centred = rows - rows.mean(0)
    steps = torch.full((len(rows),), round(k), dtype=torch.int32)
    codes = GradientPursuit(atoms)(centred, steps)
    left = centred.double() - codes.to_dense(len(atoms)).double() @ atoms.double()
    errors = left.square().sum(1).numpy()
    values = resampled_explained(rows.double().numpy(), errors, params.bootstrap, params.seed)
    low, high = np.quantile(codes.l0.numpy(), (0.05, 0.95))
    return {
        "l0": float(codes.l0.double().mean()),
        "active_q05": low,
        "active_q95": high,
        **with_interval("variance_explained", interval(values)),
    }
