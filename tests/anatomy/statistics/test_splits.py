"""The split: masks depend on the number of a context, or on its documents, and on the seed alone."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.conftest import random_documents, write_activations
from tests.running import run_script
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics import splits
from workflow_scripts.anatomy.statistics.splits import Split, account, tokens_of_sides
from workflow_scripts.anatomy.statistics.units import Units
from workflow_scripts.anatomy.text.passages import MIN_BOOKS

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
    assert Split.of(block, 7, planted_store) == Split("paper", 0.3, 7, 2, planted_store.units)


@settings(max_examples=40, deadline=None)
@given(fraction=FRACTIONS, seed=st.integers(0, 1000), wanted=st.integers(1, 15))
def test_held_out_contexts_are_spread_over_those_that_nothing_was_fitted_on(fraction, seed, wanted):
    split = Split("context", fraction, seed, 2)
    train, _ = split.masks(slice(0, 12), 6)
    untouched = [context for context in range(12) if not train[context].any()]
    if untouched:
        found = split.held_out_contexts((12, 6), wanted)
        assert len(found) == min(wanted, len(untouched))
        steps = np.diff([untouched.index(context) for context in found], append=len(untouched))
        assert found[0] == untouched[0]
        assert np.ptp(steps) <= 1
    else:
        with pytest.raises(AnatomyError, match=r"none of 12 contexts .* analysis\.train_fraction"):
            split.held_out_contexts((12, 6), wanted)


def test_the_papers_split_leaves_no_context_untouched():
    assert Split("paper", 0.6, 0, 0).held_out_contexts((12, 6), 5) == [0, 2, 4, 7, 9]
    assert Split("paper", 0.6, 0, 0).held_out_contexts((3, 6), 5) == [0, 1, 2]


@settings(max_examples=100, deadline=None)
@given(
    fraction=FRACTIONS,
    seed=st.integers(0, 2**31),
    first=st.integers(0, 6),
    length=st.sampled_from([1.0, 4.0, 30.0, 90.0]),
    cuts=st.lists(st.integers(0, 50), max_size=5),
)
def test_no_document_is_on_both_sides(fraction, seed, first, length, cuts):
    """And the fraction is met to within the largest document, whatever the blocks."""
    documents = random_documents(50, 7, length, seed)
    assume(len(np.unique(documents[:, first:])) > 1)
    split = Split("document", fraction, seed, first, Units.of([documents], first))
    train, test = split.masks(slice(0, 50), 7)
    used = np.broadcast_to(np.arange(7) >= first, train.shape)
    np.testing.assert_array_equal(train ^ test, used)
    assert not set(documents[train]) & set(documents[test])
    assert train.any()
    assert test.any()
    sizes = pd.Series(documents[used]).value_counts(normalize=True)
    assert abs(train.sum() / used.sum() - fraction) <= sizes.max()
    bounds = sorted({0, 50, *cuts})
    parts = [split.masks(slice(start, stop), 7) for start, stop in pairwise(bounds)]
    for side, whole in enumerate((train, test)):
        np.testing.assert_array_equal(np.concatenate([part[side] for part in parts]), whole)
    again = Split(
        "document", fraction, seed, first, Units.of([documents[:9], documents[9:]], first)
    )
    np.testing.assert_array_equal(again.masks(slice(0, 50), 7)[0], train)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    first=st.integers(0, 9),
    length=st.sampled_from([2.0, 5.0, 30.0]),
)
def test_what_is_measured_from_another_position_on_is_held_out_all_the_same(
    tmp_path_factory, seed, first, length
):
    """Documents that are fitted on from position 5 on are the trained ones from any other, too."""
    documents = random_documents(40, 10, length, seed)
    assume(len(np.unique(documents[:, 5:])) > 1)
    folder = tmp_path_factory.mktemp("harvest")
    store = write_activations(folder / "h.zarr", np.zeros((40, 10, 2)), 5, documents=documents)
    analysis = {"split": "document", "train_fraction": 0.6}
    fitted, _ = Split.of(analysis, seed, store).masks(slice(0, 40), 10)
    split = Split.of(analysis, seed, store, first)
    train, test = split.masks(slice(0, 40), 10)
    assert not set(documents[test]) & set(documents[fitted])
    assert set(documents[train]) <= set(documents[fitted])
    used = np.isin(documents, documents[:, 5:]) & (np.arange(10) >= first)
    np.testing.assert_array_equal(train | test, used)
    if not fitted.any(1).all() and not train.any(1).all():
        for context in split.held_out_contexts((40, 10), 40):
            assert not set(documents[context, min(first, 5) :]) & set(documents[fitted])


@pytest.mark.parametrize("length", [3.0, 25.0])
def test_the_fraction_of_documents_is_met_on_average(length):
    """Over seeds there is no drift to one side, and every document is held out as often as others."""
    documents = random_documents(60, 10, length)
    units = Units.of([documents])
    found = [Split("document", 0.6, seed, 0, units) for seed in range(400)]
    shares = [split.masks(slice(0, 60), 10)[0].mean() for split in found]
    assert np.mean(shares) == pytest.approx(0.6, abs=4 * np.std(shares) / 20 + 0.005)
    trained = np.mean([split.trained_units for split in found], 0)
    # Four standard deviations; the largest document, which often lies across the boundary, aside.
    small = units.tokens < 0.05 * units.tokens.sum()
    assert (np.abs(trained[small] - 0.6) < 4 * np.sqrt(0.24 / 400) + 0.03).all()


def test_contexts_of_many_short_documents_are_held_out_too():
    """Of a thousand documents those of a group go to one side; only the last group is on both."""
    documents = np.repeat(np.arange(1000), 6).reshape(100, 60).astype(np.int32)
    units = Units.of([documents])
    for seed in range(20):
        split = Split("document", 0.6, seed, 0, units)
        groups = units.group_of(np.arange(1000))
        sides = pd.DataFrame({"group": groups, "trained": split.trained_units}).drop_duplicates()
        assert len(sides) <= units.n_groups + 1
        # By chance alone none of a hundred contexts would have ten held-out documents.
        assert len(split.held_out_contexts((100, 60), 100)) >= 2


def test_one_document_is_more_than_the_fraction():
    """Each side has a document all the same, whichever comes first."""
    documents = np.zeros((10, 5), np.int32)
    documents[-1, -2:] = 7
    seen = set()
    for seed in range(8):
        split = Split("document", 0.5, seed, 0, Units.of([documents]))
        train, test = split.masks(slice(0, 10), 5)
        assert {train.sum(), test.sum()} == {2, 48}
        seen.add(int(train.sum()))
    assert seen == {2, 48}


def test_books_are_held_out_whole():
    documents = random_documents(80, 10, 6.0)
    books = np.arange(documents.max() + 1) // 8
    split = Split("document", 0.6, 0, 2, Units.of([documents], 2, books))
    train, test = split.masks(slice(0, 80), 10)
    assert len(set(books[documents[:, 2:]].ravel())) >= MIN_BOOKS
    assert not set(books[documents[train]]) & set(books[documents[test]])


def test_a_single_document_cannot_be_split(tmp_path):
    analysis = {"split": "document", "train_fraction": 0.6}
    x, documents = np.zeros((5, 4, 3)), np.zeros((5, 4))
    store = write_activations(tmp_path / "one.zarr", x, documents=documents)
    with pytest.raises(
        AnatomyError, match=r"one\.zarr: all tokens are of one document.*analysis\.split"
    ):
        Split.of(analysis, 0, store)
    assert Split.of(analysis | {"split": "context"}, 0, store).masks(slice(0, 5), 4)[0].any()
    # A second document that is nowhere used does not help.
    documents[:, 0] = 1
    store = write_activations(tmp_path / "two.zarr", x, 1, documents=documents)
    with pytest.raises(AnatomyError, match="all tokens are of one document"):
        Split.of(analysis, 0, store)


@pytest.mark.parametrize("kind", ["document", "context", "paper"])
@pytest.mark.parametrize("length", [4.0, 25.0])
def test_tokens_of_the_sides_are_those_of_pandas(monkeypatch, kind, length):
    monkeypatch.setattr(splits, "ROWS", 70)
    documents = random_documents(50, 9, length)
    units = Units.of([documents], 3)
    split = Split(kind, 0.6, 1, 3, units)
    tokens = tokens_of_sides(split)
    for side, mask in enumerate(split.masks(slice(0, 50), 9)):
        expected = pd.Series(documents[mask]).value_counts().reindex(units.numbers, fill_value=0)
        np.testing.assert_array_equal(tokens[side], expected)


def test_held_out_contexts_are_of_held_out_documents(monkeypatch):
    monkeypatch.setattr(splits, "ROWS", 70)
    documents = random_documents(80, 9, 20.0)
    split = Split("document", 0.5, 1, 3, Units.of([documents], 3))
    train, _ = split.masks(slice(0, 80), 9)
    every = split.held_out_contexts((80, 9), 80)
    assert every == np.flatnonzero(~train.any(1)).tolist()
    some = split.held_out_contexts((80, 9), 5)
    assert some == [every[at * len(every) // 5] for at in range(5)]


def gathered(tmp_path, split="document", **kwargs):
    """What the job that gathers the moments of a site logs, without the time of day."""
    x = np.random.default_rng(0).normal(size=(60, 10, 4))
    write_activations(tmp_path / "h.zarr", x, 2, **kwargs)
    analysis = {"split": split, "train_fraction": 0.6, "intercept": True}
    text = run_script(
        "gather_site_moments",
        tmp_path / "log",
        input={"activations": tmp_path / "h.zarr"},
        output={"moments": tmp_path / "moments.npz"},
        params={
            "site": "blocks.1.hook_resid_post",
            "analysis": analysis,
            "seed": 0,
            "device": "cpu",
            "threads": 1,
        },
        config={"analysis": {"dask": {"scheduler": "threads"}}},
    )
    return [line.split(" ", 1)[1] for line in text.splitlines()]


def test_the_log_says_what_is_on_each_side(tmp_path):
    documents = random_documents(60, 10, 6.0)
    lines = gathered(tmp_path, documents=documents)
    split = Split("document", 0.6, 0, 2, Units.of([documents], 2))
    train, test = split.masks(slice(0, 60), 10)
    assert len(set(documents[test])) >= 20
    for line, side, mask in zip(lines, ("trained on", "held out"), (train, test), strict=False):
        assert line == f"{side}: {len(set(documents[mask]))} documents, {mask.sum()} tokens"
    assert not any("warning" in line for line in lines)


def test_few_documents_are_cautioned_against(tmp_path):
    documents = random_documents(60, 10, 40.0)
    lines = gathered(tmp_path, documents=documents)
    _, test = Split("document", 0.6, 0, 2, Units.of([documents], 2)).masks(slice(0, 60), 10)
    (caution,) = [line for line in lines if line.startswith("warning: ")]
    held_out = len(set(documents[test]))
    assert held_out < 20
    assert f"{held_out} documents held out" in caution
    assert "too few for an interval" in caution


def test_passages_of_few_books_are_cautioned_against(tmp_path):
    documents = random_documents(60, 10, 6.0)
    number = len(np.unique(documents[:, 2:]))
    books = np.minimum(np.arange(documents.max() + 1) // 30, 5)
    lines = gathered(tmp_path, documents=documents, books=books)
    (caution,) = [line for line in lines if line.startswith("warning: ")]
    assert f"all tokens are from {number} passages of 6 books" in caution
    assert lines[0].startswith("trained on: ")
    assert "passages of 6 books, " in lines[0]


def test_many_books_are_counted_as_books():
    documents = random_documents(60, 10, 2.0)
    books = np.arange(documents.max() + 1) // 4
    units = Units.of([documents], 2, books)
    sides, cautions = account(Split("document", 0.6, 0, 2, units))
    assert units.kind == "book"
    assert "books (" in sides[0]
    assert not cautions
