"""The stretch of text of figures 5 and 12."""

import numpy as np
import pytest

from tests.conftest import write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.token_window import choose_window


@pytest.mark.parametrize("seed", range(5))
def test_the_first_held_out_context_from_min_position_on(planted_store, seed):
    split = Split("context", 0.7, seed, planted_store.min_position)
    context, positions = choose_window(planted_store, split, 6)
    train, test = split.masks(slice(0, planted_store.shape[0]), planted_store.shape[1])
    assert context == np.flatnonzero(~train.any(1))[0]
    assert positions == slice(2, 8)
    assert test[context, positions].all()


def test_the_papers_split_shows_the_first_context(planted_store):
    assert choose_window(planted_store, Split("paper", 0.6, 0, 2), 10) == (0, slice(2, 12))


def test_more_tokens_than_a_context_has(planted_store):
    with pytest.raises(AnatomyError, match=r"tokens_shown is 11, .* only 10 tokens .* lower it"):
        choose_window(planted_store, Split("context", 0.6, 0, 2), 11)


def test_nothing_held_out(tmp_path):
    store = write_activations(tmp_path / "one.zarr", np.zeros((1, 4, 2)))
    seed = next(s for s in range(50) if Split("context", 0.9, s, 0).masks(slice(0, 1), 4)[0].all())
    with pytest.raises(AnatomyError, match="held out"):
        choose_window(store, Split("context", 0.9, seed, 0), 2)
