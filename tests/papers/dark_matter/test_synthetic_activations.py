"""x' = Sae(x) of a harvest: which tokens are taken, and which are resampled together."""

import numpy as np
import pytest
import torch

from tests.conftest import SITE, correlated, random_dictionary, random_documents, write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.synthetic.activations import synthetic_activations

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
