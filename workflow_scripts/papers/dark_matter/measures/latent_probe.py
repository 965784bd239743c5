"""Is the probe for the norm of Sae(x) the sum of latents weighted by their activation (Eq. 21, 22)?"""

from dataclasses import dataclass

import numpy as np
import torch

from workflow_scripts.anatomy.decomposition.decomposition import Subject
from workflow_scripts.anatomy.statistics.regression import Moments, Solver, moments

# Parts that are left out in turn; their spread gives the standard error (a jackknife over contexts).
JACKKNIFE_PARTS = 20


@dataclass
class Parts:
    """Moments of disjoint parts of the training contexts."""

    moments: dict[int, Moments]

    def __add__(self, other: "Parts") -> "Parts":
        shared = self.moments.keys() & other.moments.keys()
        both = {part: self.moments[part] + other.moments[part] for part in shared}
        return Parts(self.moments | other.moments | both)


def latent_probe(subject: Subject) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dot product of the norm probe with every latent's direction, and its average activation.

    The probe a* predicts ||s||^2 from s = Sae(x) - b_dec, on the training tokens (Eq. 21, with
    intercept). A latent's direction is its decoder row, scaled to norm 1; its average activation is
    the mean over the tokens where it fires, times that norm.

    Returns
    -------
    probe_dot (m,), its standard error (m,), NaN where the harvest is a single block, and
    average_activation (m,), NaN where a latent never fires.
    """
    dictionary = subject.dictionary
    bias = dictionary.b_dec / dictionary.input_scale
    norms = dictionary.W_dec.norm(dim=1)
    contexts_in_all = subject.store.shape[0]

    def sparse_sum(contexts: slice) -> torch.Tensor:
        x, reconstruction = subject.block(contexts)
        mean = dictionary.token_mean(x)
        return (reconstruction if mean is None else reconstruction - mean) - bias

    shift = sparse_sum(subject.store.block_slices()[0]).double().mean(0)

    def of_block(contexts: slice) -> Parts:
        s = sparse_sum(contexts)
        train, _ = subject.masks(contexts)
        part = contexts.start * JACKKNIFE_PARTS // contexts_in_all
        target = (s.double() ** 2).sum(1, keepdim=True)
        return Parts({part: moments(s[train], shift, target[train])})

    parts = subject.total(of_block).moments
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
    firing = subject.codes.latents("firing_count")
    with np.errstate(invalid="ignore"):
        average = subject.codes.latents("activation_sum") / firing
    scale = norms.cpu().numpy() / dictionary.input_scale
    return dots(whole), error, average * scale


def _sum(parts: list[Moments]) -> Moments:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
