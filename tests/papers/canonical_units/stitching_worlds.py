"""Two planted SAEs that share some latents, their codes, and every stitched SAE by brute force."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.papers.canonical_units.stitching.pair import Pair

CONTEXTS, POSITIONS, FIRST, D = 40, 12, 2, 6
WIDTHS = (8, 20)


def planted_dictionaries(small=None, large=None):
    """Latents 0 to 5 of the larger one are near 0, 1, 2, 2, 3 and 4 of the smaller one."""
    first = random_dictionary(D, WIDTHS[0], seed=0, **(small or {}))
    second = random_dictionary(D, WIDTHS[1], seed=1, **(large or {}))
    generator = torch.Generator().manual_seed(2)
    rows = second.W_dec.clone()
    rows[:6] = first.W_dec[[0, 1, 2, 2, 3, 4]] + 0.1 * torch.randn(6, D, generator=generator)
    rows *= torch.linspace(0.5, 1.5, WIDTHS[1])[:, None]
    bias = second.b_dec + torch.linspace(0.2, -0.4, D)
    # Encoders that follow the decoders make likes fire alike.
    return first, replace(second, W_dec=rows, W_enc=0.5 * rows.T.contiguous(), b_dec=bias)


def planted_pair(folder, small=None, large=None, documents=None):
    """The pair with its codes stored below `folder`; documents (C, T) are contexts if not given."""
    x = correlated(CONTEXTS, POSITIONS, D)
    activations = write_activations(
        folder / "harvest.zarr", x, min_position=FIRST, documents=documents
    )
    halves = []
    for sae in planted_dictionaries(small, large):
        path = folder / f"{sae.name}.safetensors"
        sae.save(path)
        reconstruct(sae, activations, SITE, folder / f"{sae.name}.codes.zarr")
        halves.append(open_sae(path, folder / f"{sae.name}.codes.zarr"))
    return Pair(activations, SITE, *halves)


def dense(half):
    """Codes (C * (T - min_position), m) float64, of the analysed tokens."""
    return _dense(half.codes.path)


@cache
def _dense(path):
    rows = open_codes(path).rows(slice(0, CONTEXTS)).toarray().reshape(CONTEXTS, POSITIONS, -1)
    return rows[:, FIRST:].reshape(-1, rows.shape[-1]).astype(np.float64)


def target(pair):
    """What the SAEs rebuild, (C * (T - min_position), d) float64."""
    x = pair.activations.activations(SITE)[:][:, FIRST:].reshape(-1, D).astype(np.float64)
    return x - x.mean(-1, keepdims=True) if pair.small.center else x


def brute_force(pair, in_small, in_large):
    """Squared error and L0 of every token, (C, T - min_position), under Eq. 5 with two sets of latents."""
    sizes = in_small.sum(), in_large.sum()
    alpha = sizes[0] / sum(sizes)
    built = alpha * pair.small.bias.numpy() + (1 - alpha) * pair.large.bias.numpy()
    l0 = 0
    for half, chosen in ((pair.small, in_small), (pair.large, in_large)):
        codes = dense(half)[:, chosen]
        built = built + codes @ half.directions.numpy().astype(np.float64)[chosen] / half.scale
        l0 = l0 + (codes > 0).sum(1)
    error2 = ((target(pair) - built) ** 2).sum(1)
    return error2.reshape(CONTEXTS, -1), l0.reshape(CONTEXTS, -1)


VARIANTS = {
    "plain": {},
    "scaled": {"small": {"input_scale": 0.5}, "large": {"input_scale": 2.0}},
    "topk": {"small": {"activation": "topk", "k": 3}, "large": {"activation": "topk", "k": 4}},
    "centred": {"small": {"center": True}, "large": {"center": True, "subtract_b_dec": True}},
}
