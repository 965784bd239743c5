"""The tables about single positions, from made-up draws, beside numbers that are found one by one."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import SITE
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.bootstrap import resampling_weights
from workflow_scripts.papers.pathological_errors.tables import examples, pathology, single_token

CONTEXTS, OFFSETS, DRAWS, SEED = 12, 3, 40, 2
UNITS = np.array([3, 3, 5, 5, 5, 8, 9, 9, 20, 21, 22, 22])


@pytest.fixture
def sae(tmp_path):
    weights = torch.eye(4)
    about = {"model": "planted", "site": SITE, "name": "sae", "architecture": "topk"}
    path = tmp_path / "sae.safetensors"
    Dictionary(
        W_enc=weights,
        b_enc=torch.zeros(4),
        W_dec=weights.clone(),
        b_dec=torch.zeros(4),
        activation="relu",
        metadata=about | {"width": 4, "seed": 0},
    ).save(path)
    return path


def arrays(**draws):
    generator = np.random.default_rng(1)
    found = {
        name: generator.gamma(2, 0.1, (CONTEXTS, number, OFFSETS)).astype(np.float32)
        for name, number in draws.items()
    }
    tokens = np.arange(CONTEXTS) % 3
    return found | {"contexts": np.arange(CONTEXTS) * 2, "tokens": tokens, "units": UNITS}


def saved(path, found):
    np.savez(path, **found)
    return path


def test_single_positions_are_averaged_over_draws_and_resampled_by_document(tmp_path, sae):
    found = arrays(sae=1, epsilon_random=4, cosine_random=4)
    path = saved(tmp_path / "single_token.npz", found)
    params = SimpleNamespace(position=32, bootstrap=DRAWS, seed=SEED)
    files = SimpleNamespace(effects=[path], saes=[sae])
    table = single_token.tabulate(files, params)["table"]
    assert len(table) == 3 * OFFSETS and (table["layer"] == 1).all()
    numbers = np.unique(UNITS)
    weights = resampling_weights(len(numbers), DRAWS, SEED)
    of_context = weights[:, np.searchsorted(numbers, UNITS)]
    for _, row in table.iterrows():
        kl, random = (
            found[name][:, :, row["offset"]].astype(float).mean(1)
            for name in (row["intervention"], "epsilon_random")
        )
        assert row["kl"] == pytest.approx(kl.mean())
        assert row["ratio"] == pytest.approx(kl.mean() / random.mean())
        drawn = (of_context @ kl) / of_context.sum(1)
        ends = np.quantile(drawn, (0.025, 0.975))
        np.testing.assert_allclose([row["kl_lo"], row["kl_hi"]], ends)
        ends = np.quantile((of_context @ kl) / (of_context @ random), (0.025, 0.975))
        np.testing.assert_allclose([row["ratio_lo"], row["ratio_hi"]], ends)


def test_a_position_that_nothing_reaches_has_no_ratio(tmp_path, sae):
    found = arrays(sae=1, epsilon_random=4)
    for name in ("sae", "epsilon_random"):
        found[name][:, :, 1:] = 0
    path = saved(tmp_path / "single_token.npz", found)
    params = SimpleNamespace(position=32, bootstrap=DRAWS, seed=SEED)
    table = single_token.tabulate(SimpleNamespace(effects=[path], saes=[sae]), params)["table"]
    after = table[table["offset"] > 0]
    assert (after["kl"] == 0).all() and after[
        ["ratio", "ratio_lo", "ratio_hi"]
    ].isna().to_numpy().all()
    assert table[table["offset"] == 0].notna().to_numpy().all()


def test_how_far_out_sae_is_among_the_draws(tmp_path, sae, monkeypatch):
    found = arrays(sae=1, epsilon_random=25)
    path = saved(tmp_path / "pathology.npz", found)
    monkeypatch.setattr(
        "workflow_scripts.anatomy.text.tokenization.token_strings", lambda _: ["a", " b", "\n"]
    )
    files = SimpleNamespace(effects=path, sae=sae, tokenizer="tokenizer.json")
    tables = pathology.tabulate(files, SimpleNamespace(position=48))
    table, draws = tables["table"], tables["random"]
    assert table["token"].tolist() == ["a", " b", "\n"] * 4
    assert table["unit"].tolist() == UNITS.tolist() and (table["sae"] == "sae").all()
    for at, (_, row) in enumerate(table.iterrows()):
        random = found["epsilon_random"][at, :, 0].astype(float)
        kl = float(found["sae"][at, 0, 0])
        z = (kl - random.mean()) / random.std(ddof=1)
        assert (row["kl"], row["z"]) == (pytest.approx(kl), pytest.approx(z))
        assert row["beyond"] == np.mean([each < kl for each in random])
        its = draws[draws["context"] == row["context"]]
        np.testing.assert_allclose(its["kl"], random)
        assert its["draw"].tolist() == list(range(25))


def test_examples_are_as_they_were_written(tmp_path):
    rows = [{"example": 0, "rank": 1, "token": "None", "log_prob": -0.5}]
    pd.DataFrame(rows).to_csv(tmp_path / "examples.csv", index=False)
    table = examples.tabulate(SimpleNamespace(examples=tmp_path / "examples.csv"), None)["table"]
    assert table.to_dict("records") == rows
