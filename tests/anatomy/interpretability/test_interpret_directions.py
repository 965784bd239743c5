"""From activations with planted meanings to scores of directions, through the scripts themselves."""

import json

import numpy as np
import pytest
import torch

from tests.anatomy.interpretability.corpus import FIRST, POSITIONS, Corpus
from tests.conftest import plant_harvest
from tests.running import run_script
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.decomposition.decomposition import site_moments
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.components import load_components
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text import tokenization

SITE, D, CONTEXTS = "blocks.1.hook_resid_post", 5, 300
ANALYSIS = {"split": "document", "train_fraction": 0.6, "bootstrap": 100}
# What the first coordinates mean.
PIECES = [("self", " self"), (" if", " for"), ("(",)]


@pytest.fixture(scope="module")
def corpus():
    return Corpus(CONTEXTS)


@pytest.fixture(scope="module")
def folder(corpus, tmp_path_factory):
    """A harvest whose first three coordinates are high on some tokens, and an SAE that reads them."""
    folder = tmp_path_factory.mktemp("stores")
    x = np.random.default_rng(0).normal(size=(CONTEXTS, POSITIONS, D))
    for at, pieces in enumerate(PIECES):
        x[..., at] += 9.0 * np.isin(corpus.tokens, corpus.ids(*pieces))
    documents, first = corpus.documents, FIRST
    path = folder / "harvest.zarr"
    store = plant_harvest(path, {SITE: x}, corpus.tokens, None, first, documents)
    eye = torch.eye(D)
    dictionary = Dictionary(eye, torch.full((D,), -5.0), eye, torch.zeros(D))
    reconstruct(dictionary, store, SITE, folder / "codes.zarr")
    split = Split.of(ANALYSIS, 0, store)
    site_moments(store, SITE, split).save(folder / "moments.npz")
    run_script(
        "find_components",
        folder / "components.log",
        input={"activations": store.path, "moments": folder / "moments.npz"},
        output={"components": folder / "components.npz"},
        params={"site": SITE, "tokens": 5000, "analysis": ANALYSIS, "seed": 0},
    )
    return folder


def interpreted(folder, corpus, method, monkeypatch):
    """Scores of the directions of a method, and their explanations, both by direction."""
    monkeypatch.setattr(tokenization, "token_strings", lambda _: corpus.strings)
    output = {
        "scores": folder / f"{method}.csv",
        "explanations": folder / f"{method}.explanations.jsonl",
    }
    names = {"activations": "harvest.zarr", "codes": "codes.zarr", "components": "components.npz"}
    run_script(
        "interpret_directions",
        folder / f"{method}.log",
        input={name: folder / file for name, file in names.items()} | {"tokenizer": ""},
        output=output,
        params={
            "method": method,
            "interpretability": {"window": 16, "negatives": 30},
            "directions": 50,
            "site": SITE,
            "seed": 0,
        },
    )
    records = [json.loads(line) for line in output["explanations"].read_text().splitlines()]
    scores = read_table(output["scores"]).set_index("direction")
    return scores, {record["direction"]: record["explanation"] for record in records}


def test_components_are_of_training_tokens(folder):
    found = load_components(folder / "components.npz")
    assert list(found) == ["pca", "ica"]
    # Independent components are the coordinates, which have a meaning each.
    unit = found["ica"].readers / np.linalg.norm(found["ica"].readers, axis=1, keepdims=True)
    assert np.abs(unit)[:, :3].max(0).min() > 0.95


def test_meanings_are_found_and_noise_has_none(folder, corpus, monkeypatch):
    latents, explained = interpreted(folder, corpus, "sae", monkeypatch)
    assert set(latents.index) == {0, 1, 2}, "noise fires too seldom"
    assert (latents["method"] == "sae").all() and latents["score"].min() > 0.9
    assert "self" in explained[0]
    basis, _ = interpreted(folder, corpus, "basis", monkeypatch)
    # As many as there are latents, with their firing frequencies.
    assert len(basis) == 3
    assert sorted(basis["firings"]) == pytest.approx(sorted(latents["firings"]), abs=2)
    for direction, row in basis.iterrows():
        meant = direction < 3
        assert (row["score"] > 0.8) == meant, (direction, row["score"])
