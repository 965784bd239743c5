"""The tables of a finished workflow, recomputed from its stores with scipy and scikit-learn in float64."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.linalg import lstsq
from sklearn.metrics import r2_score

from tests.workflow.conftest import tiny_config
from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers import PAPERS
from workflow_scripts.papers.registry import check, exhibits, plans

pytestmark = pytest.mark.workflow

SITE = "blocks.1.hook_resid_post"
SAES = (
    "main-w24-k3-s0",
    "main-w96-k6-s0",
    "topk-w48-k3-s0",
    "jumprelu-w48-k3-s0",
    "standard-w48-c0.3-s0",
)


def encode(weights, name, x):
    """The SAE as its saved weights and its architecture define it, densely and in float64."""
    before = (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    if name.startswith("topk"):
        floor = np.sort(before, 1)[:, -3][:, None]
        return np.where(before >= floor, np.maximum(before, 0), 0)
    threshold = weights.get("threshold", 0)
    return np.where(before > np.maximum(threshold, 0), before, 0)


def regress(x, y, train, test):
    """Predictions of an ordinary regression with intercept."""
    design = np.column_stack([np.ones(len(x)), x])
    solution, *_ = lstsq(design[train], y[train])
    return design[test] @ solution


@pytest.fixture(scope="module")
def activations(finished):
    store = open_activations(finished.folder / "results/store/tiny/heldout.zarr")
    x = store.activations(SITE)[:].astype(np.float64)
    split = Split("document", 0.607, 0, store.min_position, store.units)
    train, test = (mask.ravel() for mask in split.masks(slice(0, len(x)), x.shape[1]))
    return x.reshape(-1, x.shape[2]), train, test


@pytest.mark.parametrize("name", SAES)
def test_scores_equal_scipy(finished, activations, name):
    x, train, test = activations
    folder = finished.folder / "results/store/tiny" / SITE / name
    weights = {
        key: value.astype(np.float64)
        for key, value in load_file(folder / "sae.safetensors").items()
    }
    reconstruction = encode(weights, name, x) @ weights["W_dec"] + weights["b_dec"]
    error = x - reconstruction
    linear = regress(x, error, train, slice(None))
    total = ((x[test] - x[test].mean(0)) ** 2).sum()
    expected = {
        "fvu": (error[test] ** 2).sum() / total,
        "error_r2": r2_score(error[test], linear[test]),
        "fvu_nonlinear": ((error - linear)[test] ** 2).sum() / total,
    }
    vectors = {
        "x": x,
        "sae": reconstruction,
        "error": error,
        "linear_error": linear,
        "nonlinear_error": error - linear,
    }
    for vector, values in vectors.items():
        norm2 = (values**2).sum(1)
        expected[f"norm_r2_{vector}"] = r2_score(norm2[test], regress(x, norm2, train, test))
    scores = finished.folder / "results/tiny/regressions/tiny" / SITE / name / "codes/scores.csv"
    (found,) = pd.read_csv(scores).to_dict("records")
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=1e-5)
    assert found["n_train"] == train.sum()
    assert found["n_test"] == test.sum()


def test_fig4_equals_numpy(finished, activations):
    x, train, test = activations
    table = pd.read_csv(finished.folder / "results/tiny/tables/dark_matter/fig4.csv")
    assert len(table) == 3
    norms = {}
    for name in set(table["sae_small"]) | set(table["sae_large"]):
        weights = load_file(finished.folder / f"results/store/tiny/{SITE}/{name}/sae.safetensors")
        weights = {key: value.astype(np.float64) for key, value in weights.items()}
        reconstruction = encode(weights, name, x) @ weights["W_dec"] + weights["b_dec"]
        norms[name] = ((x - reconstruction) ** 2).sum(1)
    for row in table.to_dict("records"):
        small, large = norms[row["sae_small"]], norms[row["sae_large"]]
        c = (small[train] @ large[train]) / (small[train] @ small[train])
        assert row["c"] == pytest.approx(c, rel=1e-4)
        assert row["r2"] == pytest.approx(r2_score(large[test], c * small[test]), abs=1e-5)


def test_the_loss_of_the_store_is_that_of_transformers(finished):
    import torch
    from transformers import AutoModelForCausalLM

    store = open_activations(finished.folder / "results/store/tiny/heldout.zarr")
    model = AutoModelForCausalLM.from_pretrained(
        finished.folder / "results/store/tiny/model"
    ).eval()
    tokens = torch.from_numpy(store.group["tokens"][:8]).long()
    with torch.no_grad():
        expected = model(input_ids=tokens, labels=tokens).loss.item()
    assert np.nanmean(store.group["loss"][:8]) == pytest.approx(expected, abs=1e-4)


def test_sae_lens_reads_what_was_trained(finished, activations):
    import torch
    from sae_lens import SAE

    x = torch.from_numpy(activations[0][:64]).float()
    for name in SAES:
        folder = finished.folder / "results/store/tiny" / SITE / name
        sae = SAE.load_from_disk(str(folder / "sae_lens"))
        weights = load_file(folder / "sae.safetensors")
        ours = encode(weights, name, x.numpy()) @ weights["W_dec"] + weights["b_dec"]
        np.testing.assert_allclose(sae(x).detach().numpy(), ours, atol=1e-4)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_exhibit_has_its_tables_and_figure(finished, paper):
    run = finished.folder / "results/tiny"
    config = check(tiny_config())
    plan = plans(config, catalogue(config)).get(paper)
    if plan is None:
        pytest.skip("the small workflow is without it")
    for exhibit in exhibits(paper).values():
        if exhibit.name in plan.missing:
            continue
        for name in exhibit.tables:
            table = pd.read_csv(run / f"tables/{paper}/{name}.csv")
            # No latent of so short a training is certain to help.
            assert len(table) or exhibit.name == "fig13", f"{paper} {name} is empty"
        for file in exhibit.shown(paper):
            assert (run / file).stat().st_size > 100, f"{paper} {exhibit.name}: {file}"
