"""The split: one context's masks depend on its number and the seed, and on nothing else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.splits import Split

KINDS = st.sampled_from(["context", "paper"])
FRACTIONS = st.floats(0.01, 0.99)


@settings(max_examples=60, deadline=None)
@given(
    kind=KINDS,
    fraction=FRACTIONS,
    seed=st.integers(0, 2**31),
    first=st.integers(0, 8),
    cuts=st.lists(st.integers(0, 20), max_size=5),
)
def test_masks_do_not_depend_on_blocks(kind, fraction, seed, first, cuts):
    split = Split(kind, fraction, seed, first)
    whole = split.masks(slice(0, 20), 7)
    bounds = sorted({0, 20, *cuts})
    blocks = [split.masks(slice(start, stop), 7) for start, stop in pairwise(bounds)]
    for side in range(2):
        np.testing.assert_array_equal(
            np.concatenate([block[side] for block in blocks]), whole[side]
        )


@settings(max_examples=60, deadline=None)
@given(kind=KINDS, fraction=FRACTIONS, seed=st.integers(0, 2**31), first=st.integers(0, 9))
def test_every_token_from_min_position_on_is_on_one_side(kind, fraction, seed, first):
    train, test = Split(kind, fraction, seed, first).masks(slice(3, 15), 8)
    assert train.shape == test.shape == (12, 8)
    assert train.dtype == test.dtype == bool
    assert not (train & test).any()
    np.testing.assert_array_equal(train | test, np.broadcast_to(np.arange(8) >= first, train.shape))
    if kind == "context":
        assert (train[:, first:] == train[:, first : first + 1]).all()


@settings(max_examples=30, deadline=None)
@given(kind=KINDS, fraction=FRACTIONS, seed=st.integers(0, 1000))
def test_another_min_position_or_longer_contexts_move_no_token(kind, fraction, seed):
    short = Split(kind, fraction, seed, 0).masks(slice(0, 10), 6)
    long = Split(kind, fraction, seed, 2).masks(slice(0, 10), 9)
    for before, after in zip(short, long, strict=True):
        np.testing.assert_array_equal(before[:, 2:6], after[:, 2:6])


@pytest.mark.parametrize("kind", ["context", "paper"])
@pytest.mark.parametrize("fraction", [0.2, 0.607])
def test_share_of_training_tokens(kind, fraction):
    train, test = Split(kind, fraction, 0, 1).masks(slice(0, 4000), 5)
    draws = 4000 if kind == "context" else 4000 * 4
    deviation = np.sqrt(fraction * (1 - fraction) / draws)
    assert train.sum() / (train.sum() + test.sum()) == pytest.approx(fraction, abs=4 * deviation)


@pytest.mark.parametrize("kind", ["context", "paper"])
def test_seeds_and_contexts_are_independent(kind):
    """Sides under two seeds, and of neighbouring contexts, agree as often as chance has it."""
    a, b = (Split(kind, 0.5, seed, 0).masks(slice(0, 4001), 3)[0] for seed in (0, 1))
    assert (a == b).mean() == pytest.approx(0.5, abs=0.05)
    assert (a[:-1] == a[1:]).mean() == pytest.approx(0.5, abs=0.05)


def test_of_a_configuration(planted_store):
    block = {"split": "paper", "train_fraction": 0.3, "intercept": True}
    assert Split.of(block, 7, planted_store) == Split("paper", 0.3, 7, 2)


@settings(max_examples=40, deadline=None)
@given(fraction=FRACTIONS, seed=st.integers(0, 1000), wanted=st.integers(1, 15))
def test_held_out_contexts_are_the_first_that_nothing_was_fitted_on(fraction, seed, wanted):
    split = Split("context", fraction, seed, 2)
    train, _ = split.masks(slice(0, 12), 6)
    expected = [context for context in range(12) if not train[context].any()][:wanted]
    if expected:
        assert split.held_out_contexts((12, 6), wanted) == expected
    else:
        with pytest.raises(AnatomyError, match=r"none of 12 contexts .* analysis\.train_fraction"):
            split.held_out_contexts((12, 6), wanted)


def test_the_papers_split_leaves_no_context_untouched():
    assert Split("paper", 0.6, 0, 0).held_out_contexts((12, 6), 5) == [0, 1, 2, 3, 4]
    assert Split("paper", 0.6, 0, 0).held_out_contexts((3, 6), 5) == [0, 1, 2]
