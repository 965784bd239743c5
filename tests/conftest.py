"""Small planted stores that many tests share."""

from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.anatomy.activations.store import ActivationStore, open_activations
from workflow_scripts.anatomy.base.store import writing
from workflow_scripts.anatomy.saes.dictionary import Dictionary

SITE = "blocks.1.hook_resid_post"


def plant_harvest(
    path: Path,
    activations: dict[str, np.ndarray],
    tokens: np.ndarray | None = None,
    loss: np.ndarray | None = None,
    min_position: int = 0,
    documents: np.ndarray | None = None,
    books: np.ndarray | None = None,
    separators: np.ndarray | None = None,
    has_bos: bool = False,
) -> ActivationStore:
    """A store of activations (C, T, d) by hook point; tokens (C, T) are 0, losses 0 and NaN at first.

    Every context is a document of its own, unless `documents` (C, T) say which each token is from;
    `books` says of each document which book it is a passage of; `separators` (C, T) bool which tokens
    are none of the text.
    """
    contexts, positions, _ = next(iter(activations.values())).shape
    if loss is None:
        loss = np.zeros((contexts, positions))
        loss[:, 0] = np.nan
    none = np.zeros((contexts, positions), np.int32)
    with writing(path, "activations") as group:
        group.create_array("tokens", data=none if tokens is None else tokens.astype(np.int32))
        if documents is None:
            documents = none + np.arange(contexts, dtype=np.int32)[:, None]
        group.create_array("documents", data=documents.astype(np.int32))
        if books is not None:
            group.create_array("books", data=books.astype(np.int32))
        if separators is not None:
            group.create_array("separators", data=separators)
        group.create_array("loss", data=loss.astype(np.float32))
        for name, x in activations.items():
            group.create_array(
                f"activations/{name}",
                data=x.astype(np.float32),
                chunks=(4, positions, x.shape[2]),
            )
        group.attrs.update(
            model="planted",
            harvest="planted",
            hook_points=list(activations),
            min_position=min_position,
            context_length=positions,
            has_bos=has_bos,
        )
    return open_activations(path)


def write_activations(
    path: Path, x: np.ndarray, min_position: int = 0, **kwargs
) -> ActivationStore:
    """An activation store that holds x, (C, T, d), at `SITE`; tokens are counted up."""
    contexts, positions, _ = x.shape
    tokens = np.arange(contexts * positions).reshape(contexts, positions) % 7
    return plant_harvest(path, {SITE: x}, tokens, min_position=min_position, **kwargs)


def random_documents(
    contexts: int, positions: int, mean_length: float, seed: int = 0
) -> np.ndarray:
    """Documents (C, T) int32 with boundaries anywhere: many contexts of one, and many in one context.

    Their lengths are exponential, and some of their numbers are left out, as in a harvest that takes
    only some of all contexts.
    """
    generator = np.random.default_rng(seed)
    size = contexts * positions
    lengths = 1 + generator.exponential(mean_length, size).astype(int)
    numbers = np.cumsum(generator.integers(1, 4, size))
    return np.repeat(numbers, lengths)[:size].reshape(contexts, positions).astype(np.int32)


def correlated(contexts: int, positions: int, d: int, seed: int = 0) -> np.ndarray:
    """Activations (C, T, d) with unequal, correlated dimensions and a mean."""
    generator = np.random.default_rng(seed)
    mix = generator.normal(size=(d, d)) * np.geomspace(1, 0.1, d)
    return generator.normal(size=(contexts, positions, d)) @ mix + generator.normal(size=d)


def random_dictionary(d: int, width: int, seed: int = 0, **kwargs) -> Dictionary:
    """A ReLU dictionary with unit decoder rows that fires on some latents of every token."""
    generator = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(width, d, generator=generator), dim=1)
    fields = {
        "W_enc": decoder.T.clone() * 0.5,
        "b_enc": torch.full((width,), -0.3),
        "W_dec": decoder,
        "b_dec": torch.randn(d, generator=generator) * 0.1,
        "metadata": {
            "name": f"sae-w{width}",
            "architecture": "standard",
            "model": "planted",
            "site": SITE,
            "width": width,
            "nominal_l0": None,
            "seed": seed,
        },
    }
    return Dictionary(**fields | kwargs)


@pytest.fixture
def planted_store(tmp_path: Path) -> ActivationStore:
    """40 contexts of 12 tokens in 6 dimensions; positions before 2 are not used."""
    return write_activations(tmp_path / "harvest.zarr", correlated(40, 12, 6), min_position=2)
