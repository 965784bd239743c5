"""Train a meta-SAE, by the same trainers as any SAE, on the directions that it is to take apart."""

from collections.abc import Sequence
from math import inf, log
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import normalize

from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.saes.learning_rate import Trained, train_at_best_rate, train_best
from workflow_scripts.papers.canonical_units.meta.directions import decompose, variance_explained
from workflow_scripts.papers.canonical_units.meta.rows import (
    DECODER,
    LATENTS,
    direction_store,
    in_place_of,
    random_directions,
)
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity

# Among coefficients that lead to an L0 within 10 % of k, the error decides.
CLOSE = log(1.1)


def train_meta_sae(
    meta: dict[str, Any],
    rows: Tensor,
    folder: str | Path,
    decoder: Tensor | None = None,
    device: str = "cpu",
) -> Trained:
    """Train the meta-SAE that `MetaSae.block` describes on rows (n, d) float32 of norm 1.

    At several learning rates or coefficients the best is kept: with the least error, and where a
    coefficient decides the L0, with an L0 of k.

    Parameters
    ----------
    folder: where sae_lens's files go.
    decoder: (m, d) float32 of norm 1, directions that training leaves as they are.

    Returns
    -------
    The dictionary and its training curve: epoch, variance_explained and l0 of the batch, learning_rate,
    coefficient, dead_latents. Its metadata have its name, and the model and site of its SAE.
    """
    store = direction_store(rows, meta["sae"], meta["name"])
    rates = list(meta["learning_rates"])
    batch_size = min(meta["training"]["batch_size"] or len(rows), len(rows))
    training = {
        "tokens": meta["training"]["steps"] * batch_size,
        "batch_size": batch_size,
        "learning_rate": rates if len(rates) > 1 else rates[0],
        **{key: meta["training"][key] for key in ("warmup_fraction", "decay_fraction")},
    }
    names = ("name", "site", "architecture", "width", "seed")
    sae = {name: meta[name] for name in names} | {"group": "meta", "where": "canonical_units.meta"}
    sae["training"] = training
    if meta["coefficients"]:
        candidates = [
            sae | {"coefficient": each, "training": training | {"learning_rate": rate}}
            for each in meta["coefficients"]
            for rate in rates
        ]

        def badness(_: dict[str, Any], dictionary: Dictionary) -> tuple[float, float]:
            l0 = decompose(dictionary, rows).nnz / len(rows)
            off = abs(log(l0 / meta["k"])) if l0 else inf
            return max(off, CLOSE), -variance_explained(dictionary, rows)

        found = train_best(candidates, store, meta["model"], folder, badness, device, decoder)
    else:
        sae |= {"k": meta["k"]}
        found = train_at_best_rate(sae, store, meta["model"], folder, device, decoder)
    dictionary, curve = found
    return dictionary, [_point(row, len(rows)) for row in curve]


def _point(row: dict[str, Any], n_rows: int) -> dict[str, Any]:
    """A row of the curve in the terms of the paper."""
    return {
        "epoch": row["tokens"] / n_rows,
        "variance_explained": 1 - row["fvu"],
        "l0": row["l0"],
        "dead_latents": row["dead_latents"],
        "learning_rate": row["learning_rate"],
        "coefficient": row["coefficient"],
    }


def kept_decoder(
    meta: dict[str, Any], main: Dictionary, rows: Tensor, others: Tensor | None = None
) -> Tensor | None:
    """The directions that a meta-SAE of Fig. 23 keeps, (m, d) float32 of norm 1; None where all are trained.

    Parameters
    ----------
    main: the meta-SAE whose directions are kept, or replaced.
    rows: (r, d) float32 of norm 1, what it is trained on, for ``same_covariance``.
    others: (n, d) directions of the firing latents of the SAE that they are replaced from, for
        ``nearest_<width>`` and ``random_latents_<width>``. Several meta-latents may have one nearest latent:
        they are then given it several times, and so are as many of them given one random latent.
    """
    if meta["decoder"] == "trained":
        return None
    own = normalize(main.W_dec, dim=1)
    if meta["decoder"] == "none":
        return own
    if meta["decoder"] == "random":
        return random_directions(
            len(own), own.shape[1], np.random.default_rng((meta["seed"], DECODER))
        )
    if meta["decoder"] == "same_covariance":
        # Rows repeated have the mean and the covariance that they have once.
        enough = rows.repeat(-(-len(own) // len(rows)), 1)
        return in_place_of(enough, "same_covariance", meta["seed"])[: len(own)]
    assert others is not None
    like = nearest(own, others)[1]
    if meta["decoder"].startswith("random_latents"):
        like = _at_random(like, len(others), meta["seed"])
    return others[like]


def _at_random(chosen: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Other ones of `count` in the place of those chosen, (m,): as many different ones, each as often."""
    kinds, which = np.unique(chosen, return_inverse=True)
    generator = np.random.default_rng((seed, LATENTS))
    return generator.choice(count, len(kinds), replace=False)[which]


def nearest(directions: Tensor, others: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Of each direction (m, d), the largest cosine to other ones (n, d) and which has it, (m,) each."""
    found = similarity(others, directions, threshold=inf)
    return found.max_cosine, found.nearest


def distinct(directions: Tensor | Sequence[Any]) -> int:
    """How many different rows there are."""
    return len(np.unique(np.asarray(directions), axis=0))
