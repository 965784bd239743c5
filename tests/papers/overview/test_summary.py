"""The table of all SAEs: also of one for which nothing fires, and of one whose stated L0 is wrong."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.conftest import SITE, random_dictionary, write_activations
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.papers.overview.tables.summary import tabulate

D, M = 8, 24


@pytest.fixture
def made(tmp_path):
    x = np.random.default_rng(0).normal(1, 1, (9, 5, D)).astype(np.float32)
    store = write_activations(tmp_path / "h.zarr", x, min_position=1)
    silent = {"b_enc": torch.full((M,), -1e4), "b_dec": torch.tensor(x[:, 1:].mean((0, 1)))}
    saes = {"usual": random_dictionary(D, M), "silent": random_dictionary(D, M, **silent)}
    for name, sae in saes.items():
        sae.metadata["name"] = name
        sae.save(tmp_path / f"{name}.safetensors")
        reconstruct(sae, store, SITE, tmp_path / f"{name}.codes.zarr")
    return SimpleNamespace(
        saes=[tmp_path / f"{name}.safetensors" for name in saes],
        codes=[tmp_path / f"{name}.codes.zarr" for name in saes],
    )


def test_nothing_fires(made):
    tables = tabulate(made, SimpleNamespace(nominal_l0=[None, None]))
    row = tables["table"].set_index("sae").loc["silent"]
    assert (row["l0"], row["dead_latents"]) == (0, M)
    assert row["fvu"] == pytest.approx(1, rel=1e-6)
    assert "no latent is active" in row["warning"]
    densities = tables["densities"].set_index("sae").loc["silent"]
    assert (densities["count"] == 0).all()


def test_a_stated_l0_that_is_far_off_is_said_in_the_table_and_the_log(made, caplog):
    right = tabulate(made, SimpleNamespace(nominal_l0=[None, None]))["table"].set_index("sae")
    l0 = right.loc["usual", "l0"]
    with caplog.at_level(logging.WARNING):
        table = tabulate(made, SimpleNamespace(nominal_l0=[2 * l0, None]))["table"].set_index("sae")
    assert table.loc["usual", "nominal_l0"] == 2 * l0
    assert "is far below" in table.loc["usual", "warning"]
    assert "far below" not in right.loc["usual", "warning"]
    assert any("usual" in line and "is far below" in line for line in caplog.messages)
