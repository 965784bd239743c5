"""x' = Sae(x) of a harvest: which tokens are taken, and which are resampled together."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.conftest import SITE, correlated, random_dictionary, random_documents, write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.synthetic.activations import synthetic_activations
from workflow_scripts.papers.dark_matter.tables.fig15 import tabulate

C, T, FIRST, D, M = 40, 12, 2, 6, 18


@pytest.mark.parametrize("wanted", [None, 7, 40, 99])
def test_contexts_are_spread_and_tokens_keep_their_documents(tmp_path, monkeypatch, wanted):
    """A few contexts are of the documents of the whole harvest, not of its first ones."""
    x = correlated(C, T, D).astype(np.float32)
    documents = random_documents(C, T, 20.0)
    store = write_activations(tmp_path / "h", x, min_position=FIRST, documents=documents)
    slices = [slice(at, min(at + 3, C)) for at in range(0, C, 3)]
    monkeypatch.setattr(type(store), "block_slices", lambda *_: slices)
    dictionary = random_dictionary(D, M)
    split = Split("document", 0.6, 0, FIRST, store.units)
    data = synthetic_activations(store, SITE, dictionary, split, wanted)
    taken = min(wanted or C, C)
    contexts = [number * C // taken for number in range(taken)]
    tokens = torch.from_numpy(x[contexts, FIRST:].reshape(-1, D))
    expected = dictionary.encode(tokens).to_dense(M).numpy()
    np.testing.assert_allclose(data.codes.toarray(), expected, rtol=1e-4, atol=1e-6)
    of_tokens = documents[contexts, FIRST:].ravel()
    np.testing.assert_array_equal(store.units.numbers[data.units], of_tokens)
    train, _ = split.masks(slice(0, C), T)
    np.testing.assert_array_equal(data.train, train[contexts, FIRST:].ravel())
    assert not set(data.units[data.train]) & set(data.units[~data.train])


def test_an_sae_of_another_width(tmp_path):
    store = write_activations(tmp_path / "h", np.zeros((3, 4, 5)))
    with pytest.raises(AnatomyError, match=r"an SAE of 6 dimensions on .*, which has 5"):
        synthetic_activations(store, SITE, random_dictionary(6, 8), Split("context", 0.5, 0, 0))


def test_of_an_sae_that_scales_every_token_by_itself_there_are_none(tmp_path):
    store = write_activations(tmp_path / "h", np.zeros((3, 4, 6)))
    scaling = random_dictionary(6, 8, normalisation="layer_norm", center=True)
    with pytest.raises(AnatomyError, match=r"by itself \(layer_norm\)"):
        synthetic_activations(store, SITE, scaling, Split("context", 0.5, 0, 0))


@pytest.mark.parametrize("silent", [False, True])
def test_the_tables_of_figure_15_have_their_columns_also_where_nothing_fires(tmp_path, silent):
    x = correlated(C, T, D).astype(np.float32)
    write_activations(tmp_path / "h", x, min_position=FIRST)
    bias = -1e4 if silent else -0.3
    random_dictionary(D, M, b_enc=torch.full((M,), bias)).save(tmp_path / "sae.safetensors")
    levels = {"noise_x": [0.0, 0.1], "noise_sae": [0.0, 0.1], "ablated_fractions": [0.0, 0.5]}
    params = SimpleNamespace(
        site=SITE,
        options=levels | {"contexts": None},
        analysis={"split": "context", "train_fraction": 0.6, "bootstrap": 20},
        seed=0,
        device="cpu",
    )
    files = SimpleNamespace(activations=tmp_path / "h", sae=tmp_path / "sae.safetensors")
    tables = tabulate(files, params)
    assert all(table.empty == silent for table in tables.values())
    assert {"fvu", "dense_lo", "introduced", "l0", "reconstruction"} <= set(tables["table"])
    assert {"noise", "estimate", "correlation", "paper"} <= set(tables["correlations"])
