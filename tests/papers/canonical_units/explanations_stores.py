"""An SAE whose latents are made of planted meta-latents, with its codes, tokens and a true meta-SAE.

Meta-latent j fires on token j. A latent has two or three meta-latents and fires on a token of its own;
where latents of a meta-latent are `siblings` it fires on the tokens of its meta-latents too.
"""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models

from tests.conftest import SITE, plant_harvest
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.saes.dictionary import Dictionary

CONTEXTS, POSITIONS, FIRST = 80, 64, 4
META, LATENTS = 8, 42
SILENT = 3  # latents that never fire, at the end
BLOCK = {
    "questions": 1000,
    "left_out": ["options", "nothing"],
    "decompositions": 4,
    "random_decompositions": 2,
    "firing_share": [0.0, 1.0],
    "neighbours": 2,
    "latents_per_meta_latent": 20,
    "examples_per_latent": 2,
}
INTERPRETABILITY = {"window": 8, "latents": 10, "explanation_examples": 40}


@dataclass(frozen=True)
class Planted:
    """Files as a rule gives them; owners: (n, META) bool, the meta-latents of each latent."""

    files: SimpleNamespace
    owners: np.ndarray
    strings: list[str]


def planted(folder: Path, siblings: bool) -> Planted:
    groups = [*combinations(range(META), 2), *combinations(range(META), 3)][:LATENTS]
    owners = np.zeros((LATENTS, META), bool)
    for latent, group in enumerate(groups):
        owners[latent, list(group)] = True
    n = LATENTS
    vocabulary = META + n
    tokens = np.random.default_rng(0).integers(0, vocabulary, (CONTEXTS, POSITIONS))
    strength = np.random.default_rng(1).uniform(1, 2, tokens.shape)
    x = strength[..., None] * np.eye(vocabulary)[tokens]
    store = plant_harvest(folder / "harvest.zarr", {SITE: x}, tokens, min_position=FIRST)

    encoder = np.zeros((vocabulary, n + SILENT))
    encoder[META + np.arange(n), np.arange(n)] = 1
    if siblings:
        encoder[:META, :n] = owners.T
    directions = np.linalg.qr(np.random.default_rng(2).normal(size=(vocabulary, META)))[0].T
    decoder = np.random.default_rng(3).normal(size=(n + SILENT, vocabulary))
    decoder[:n] = owners @ directions
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    sae = _dictionary("sae", encoder, decoder)
    sae.save(folder / "sae.safetensors")
    reconstruct(sae, store, SITE, folder / "codes.zarr")
    _dictionary("main-s0", directions.T, directions, 0.2).save(folder / "meta.safetensors")
    strings = [f"m{at}" for at in range(META)] + [f"w{at}" for at in range(n)]
    tokenizer = Tokenizer(models.WordLevel({text: at for at, text in enumerate(strings)}, "m0"))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    files = {
        "activations": store.path / "manifest.json",
        "sae": folder / "sae.safetensors",
        "codes": folder / "codes.zarr" / "manifest.json",
        "meta": folder / "meta.safetensors",
        "tokenizer": folder / "tokenizer.json",
        "explanations": folder / "explanations.csv",
    }
    return Planted(SimpleNamespace(**files), owners, strings)


def _dictionary(name: str, encoder: np.ndarray, decoder: np.ndarray, floor: float = 0.5):
    d, m = encoder.shape
    about = {"name": name, "model": "planted", "site": SITE, "width": m, "architecture": "standard"}
    return Dictionary(
        torch.tensor(encoder, dtype=torch.float32),
        torch.zeros(m),
        torch.tensor(decoder, dtype=torch.float32),
        torch.zeros(d),
        activation="jumprelu",
        threshold=torch.full((m,), floor),
        metadata=about | {"nominal_l0": None, "seed": 0},
    )
