"""Is the probe for the norm of Sae(x) the sum of latents weighted by their activation (Eq. 21, 22)?"""

import numpy as np
import torch

from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.statistics.regression import Moments, Solver, moments
from workflow_scripts.anatomy.statistics.sums import Sums

# Parts that are left out in turn; their spread gives the standard error (a jackknife over contexts).
JACKKNIFE_PARTS = 20


def latent_probe(sae: SaeOnHarvest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dot product of the norm probe with every latent's direction, and its average activation.

    The probe a* predicts ||s||^2 from s = Sae(x) - b_dec, on the training tokens (Eq. 21, with
    intercept). A latent's direction is its decoder row, scaled to norm 1; its average activation is
    the mean over the tokens where it fires, times that norm.

    Returns
    -------
    probe_dot (m,), its standard error (m,), NaN where the harvest is a single block, and
    average_activation (m,), NaN where a latent never fires.
    """
    dictionary = sae.dictionary
    bias = dictionary.b_dec / dictionary.input_scale
    norms = dictionary.W_dec.norm(dim=1)
    contexts_in_all = sae.harvest.shape[0]

    def sparse_sum(contexts: slice) -> torch.Tensor:
        x, reconstruction = sae.block(contexts)
        offset = dictionary.offset(x)
        return (reconstruction if offset is None else reconstruction - offset) - bias

    shift = sparse_sum(sae.harvest.block_slices()[0]).double().mean(0)

    def of_block(contexts: slice) -> Sums:
        s = sparse_sum(contexts)
        train, _ = sae.masks(contexts)
        part = contexts.start * JACKKNIFE_PARTS // contexts_in_all
        target = (s.double() ** 2).sum(1, keepdim=True)
        return Sums({part: moments(s[train], shift, target[train])})

    parts = sae.total(of_block)
    whole = _sum(list(parts.values()))
    directions = (dictionary.W_dec / norms[:, None]).double()

    def dots(gathered: Moments) -> np.ndarray:
        where = f"reconstructions of {dictionary.name}"
        probe = Solver(gathered, True, where, minimum_norm=True).solve(gathered)
        return (directions @ probe.weights[:, 0]).cpu().numpy()

    if len(parts) > 1:
        left_out = np.stack([dots(_sum([m for q, m in parts.items() if q != p])) for p in parts])
        spread = ((left_out - left_out.mean(0)) ** 2).sum(0)
        error = np.sqrt(spread * (len(parts) - 1) / len(parts))
    else:
        error = np.full(dictionary.width, np.nan)
    firing = sae.codes.latents("firing_count")
    with np.errstate(invalid="ignore"):
        average = sae.codes.latents("activation_sum") / firing
    scale = norms.cpu().numpy() / dictionary.input_scale
    return dots(whole), error, average * scale


def _sum(parts: list[Moments]) -> Moments:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
