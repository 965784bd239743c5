"""Small planted stores that many tests share."""

from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.anatomy.activations import ActivationStore, open_activations
from workflow_scripts.anatomy.dictionary import Dictionary
from workflow_scripts.anatomy.store import writing

SITE = "blocks.1.hook_resid_post"


def write_activations(path: Path, x: np.ndarray, min_position: int = 0) -> ActivationStore:
    """An activation store that holds x, (C, T, d), at `SITE`; tokens and losses are counted up."""
    contexts, positions, _ = x.shape
    with writing(path, "activations") as group:
        for name in ("tokens", "documents"):
            values = (
                np.arange(contexts * positions, dtype=np.int32).reshape(contexts, positions) % 7
            )
            group.create_array(name, data=values)
        group.create_array("loss", data=np.zeros((contexts, positions), np.float32))
        group.create_array(
            f"activations/{SITE}", data=x.astype(np.float32), chunks=(4, positions, x.shape[2])
        )
        group.attrs.update(
            model="planted",
            harvest="planted",
            hook_points=[SITE],
            min_position=min_position,
            context_length=positions,
            has_bos=False,
        )
    return open_activations(path)


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
