"""The baselines of figure 13 against scikit-learn, and token identity against pandas."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from tests.conftest import (
    SITE,
    correlated,
    plant_harvest,
    random_dictionary,
    random_documents,
)
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.norm_baselines import SCALARS, norm_baselines

C, T, FIRST = 60, 10, 1


def plant(tmp_path, documents=None, **kwargs):
    """A harvest, its codes and squared norms; the norm of x depends on token, loss and position."""
    generator = np.random.default_rng(0)
    # Most tokens are rare: some are in held-out contexts alone, the last in a last context.
    tokens = np.minimum(generator.zipf(1.4, size=(C, T)), 120)
    tokens[-1, -1] = 500
    loss = generator.gamma(2, 1, size=(C, T))
    loss[:, 0] = np.nan
    size = 1 + 1 / tokens + 0.2 * np.nan_to_num(loss) + 0.05 * np.arange(T)
    x = correlated(C, T, 6) * size[..., None]
    store = plant_harvest(tmp_path / "h.zarr", {SITE: x}, tokens, loss, FIRST, documents)
    reconstruct(random_dictionary(6, 18, **kwargs), store, SITE, tmp_path / "codes")
    codes = open_codes(tmp_path / "codes")
    norms2 = np.full((C, T, len(VECTORS)), np.nan)
    norms2[..., VECTORS.index("x")] = (x.astype(np.float32).astype(np.float64) ** 2).sum(-1)
    return store, codes, norms2


def found_by(store, codes, norms2, split):
    return dict(norm_baselines(store, codes, norms2, split, 100, 0))


@pytest.mark.parametrize(("kind", "blocks"), [("context", 1), ("context", 7), ("paper", 7)])
def test_scalars_equal_scikit_learn(tmp_path, monkeypatch, kind, blocks):
    store, codes, norms2 = plant(tmp_path)
    step = -(-C // blocks)
    slices = [slice(at, min(at + step, C)) for at in range(0, C, step)]
    monkeypatch.setattr(type(store), "block_slices", lambda *_: slices)
    split = Split(kind, 0.6, 1, FIRST)
    found = found_by(store, codes, norms2, split)
    assert list(found) == [*SCALARS, "token"]
    train, test = split.masks(slice(0, C), T)
    target = codes.scalar("error_norm2")
    regressors = {
        "l0": codes.scalar("l0"),
        "activation_norm": norms2[..., VECTORS.index("x")],
        "loss": store.group["loss"][:],
        "position": np.broadcast_to(np.arange(T), (C, T)),
    }
    for name, regressor in regressors.items():
        model = LinearRegression().fit(regressor[train][:, None].astype(float), target[train])
        expected = r2_score(target[test], model.predict(regressor[test][:, None].astype(float)))
        value, low, high = found[name]
        assert value == pytest.approx(expected, rel=1e-8), name
        assert low < value < high, name


@pytest.mark.parametrize("blocks", [1, 7])
def test_token_identity_equals_the_means_of_pandas(tmp_path, monkeypatch, blocks):
    store, codes, norms2 = plant(tmp_path)
    step = -(-C // blocks)
    slices = [slice(at, min(at + step, C)) for at in range(0, C, step)]
    monkeypatch.setattr(type(store), "block_slices", lambda *_: slices)
    split = Split("context", 0.6, 1, FIRST)
    train, test = split.masks(slice(0, C), T)
    table = pd.DataFrame(
        {"token": store.group["tokens"][:].ravel(), "error": codes.scalar("error_norm2").ravel()}
    )
    fitted, judged = table[train.ravel()], table[test.ravel()]
    means = fitted.groupby("token")["error"].mean()
    unseen = ~judged["token"].isin(means.index)
    assert unseen.any()
    assert not unseen.all()
    predicted = judged["token"].map(means).fillna(fitted["error"].mean())
    value, low, high = found_by(store, codes, norms2, split)["token"]
    assert value == pytest.approx(r2_score(judged["error"], predicted), rel=1e-9)
    assert low < value < high


@pytest.mark.parametrize("length", [3.0, 15.0])
def test_intervals_are_those_of_the_documents_drawn(tmp_path, length):
    """Token identity and loss, each with R^2 of the held-out tokens of resampled documents."""
    documents = random_documents(C, T, length)
    store, codes, norms2 = plant(tmp_path, documents)
    split = Split("document", 0.6, 1, FIRST, store.units)
    train, test = (mask.ravel() for mask in split.masks(slice(0, C), T))
    error = codes.scalar("error_norm2").ravel()
    loss = store.group["loss"][:].ravel().astype(float)
    table = pd.DataFrame({"token": store.group["tokens"][:].ravel(), "error": error})
    means = table[train].groupby("token")["error"].mean()
    fitted = LinearRegression().fit(loss[train, None], error[train])
    predicted = {
        "token": table["token"].map(means).fillna(error[train].mean()).to_numpy(),
        "loss": fitted.predict(np.nan_to_num(loss)[:, None]),
    }
    found = found_by(store, codes, norms2, split)
    tokens = [part.index for _, part in table[test].groupby(documents.ravel()[test])]
    share = np.full(len(tokens), 1 / len(tokens))
    weights = np.random.default_rng(0).multinomial(len(tokens), share, size=100)
    for name, prediction in predicted.items():
        drawn = []
        for counts in weights:
            at = np.concatenate([tokens[n] for n in np.repeat(np.arange(len(tokens)), counts)])
            drawn.append(r2_score(error[at], prediction[at]))
        np.testing.assert_allclose(found[name][1:], np.quantile(drawn, (0.025, 0.975)), rtol=1e-7)


def test_the_first_tokens_take_no_part(tmp_path):
    """Whatever the values before `min_position` are, they change nothing."""
    store, codes, norms2 = plant(tmp_path)
    split = Split("paper", 0.6, 1, 4)
    before = found_by(store, codes, norms2, split)
    norms2[:, :4] *= 1e3
    assert found_by(store, codes, norms2, split) == before


@pytest.mark.filterwarnings("error")
def test_an_l0_that_is_the_same_everywhere_says_what_the_mean_says(tmp_path):
    store, codes, norms2 = plant(tmp_path, activation="topk", k=2)
    assert (codes.scalar("l0") == 2).all()
    split = Split("context", 0.6, 1, FIRST)
    train, test = split.masks(slice(0, C), T)
    target = codes.scalar("error_norm2")
    expected = r2_score(target[test], np.full(test.sum(), target[train].mean()))
    value, low, high = found_by(store, codes, norms2, split)["l0"]
    assert value == pytest.approx(expected, abs=1e-10)
    assert value <= 0
    assert low <= value <= high


def test_a_regressor_that_is_the_target_predicts_it(tmp_path):
    """An SAE that never fires errs by x itself, whose norm is one of the regressors."""
    import torch

    store, codes, norms2 = plant(tmp_path, b_enc=torch.full((18,), -1e6), b_dec=torch.zeros(6))
    found = found_by(store, codes, norms2, Split("context", 0.6, 1, FIRST))
    assert found["activation_norm"][0] == pytest.approx(1, abs=1e-9)
    assert found["l0"][0] <= 0
