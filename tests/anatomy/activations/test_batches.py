"""The shuffled stream of activations: every token once an epoch, resumable anywhere."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import write_activations
from workflow_scripts.anatomy.activations import batches
from workflow_scripts.anatomy.activations.batches import shuffled_batches
from workflow_scripts.anatomy.base.errors import AnatomyError

C, T, FIRST, D = 23, 5, 2, 3


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Every token's first number says which token it is."""
    x = np.zeros((C, T, D), np.float32)
    x[..., 0] = np.arange(C * T).reshape(C, T)
    return write_activations(tmp_path_factory.mktemp("s") / "h.zarr", x, min_position=FIRST)


@pytest.fixture(autouse=True)
def small_buffers(monkeypatch, store):
    blocks = [slice(at, min(at + 3, C)) for at in range(0, C, 3)]
    monkeypatch.setattr(type(store), "block_slices", lambda *_: blocks)
    monkeypatch.setattr(batches, "BUFFER_TOKENS", 20)


def tokens(store, batch_size, count, **kwargs):
    site = store.hook_points[0]
    stream = shuffled_batches(store, site, batch_size, seed=kwargs.pop("seed", 0), **kwargs)
    return np.concatenate([batch[:, 0] for batch in islice(stream, count)]).astype(int)


def test_an_epoch_holds_every_used_token_once(store):
    used = np.arange(C * T).reshape(C, T)[:, FIRST:].reshape(-1)
    two = tokens(store, 3, 2 * C * 3 // 3)
    first, second = two[: C * 3], two[C * 3 :]
    assert sorted(first) == sorted(second) == used.tolist()
    assert (first != second).any() and (first != used).any()


def test_some_contexts_can_be_kept_out(store):
    assert tokens(store, 4, 40, contexts=10).max() < 10 * T


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.integers(0, 60), size=st.integers(1, 30), seed=st.integers(0, 3))
def test_starting_anywhere_is_skipping(store, start, size, seed):
    whole = tokens(store, size, start + 4, seed=seed)
    np.testing.assert_array_equal(
        tokens(store, size, 4, start=start, seed=seed), whole[start * size :]
    )


def test_the_order_does_not_depend_on_the_batch_size(store):
    np.testing.assert_array_equal(tokens(store, 6, 20), tokens(store, 10, 12))
    assert (tokens(store, 6, 20) != tokens(store, 6, 20, seed=1)).any()


def test_skipped_buffers_are_not_read(store, monkeypatch):
    read = []
    original = batches._read
    monkeypatch.setattr(batches, "_read", lambda *args: read.append(1) or original(*args))
    next(shuffled_batches(store, store.hook_points[0], 3, seed=0, start=20))
    assert len(read) == 1


def test_too_few_tokens_and_nan_are_errors(store, tmp_path):
    with pytest.raises(AnatomyError, match="69 tokens are fewer than one batch of 70"):
        tokens(store, 70, 1)
    bad = write_activations(tmp_path / "h.zarr", np.full((C, T, D), np.nan, np.float32))
    with pytest.raises(AnatomyError, match="NaN"):
        tokens(bad, 5, 1)
