"""Halves of a harvest against a brute-force look at every token: no document, and no book, is in both."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tests.conftest import SITE, plant_harvest, random_documents
from workflow_scripts.anatomy.interpretability.examples import ExampleCounts, draw_examples
from workflow_scripts.anatomy.interpretability.halves import Halves
from workflow_scripts.anatomy.statistics.units import Units
from workflow_scripts.anatomy.text.passages import MIN_BOOKS

# Contexts, positions, tokens of a document on average: documents of many contexts, contexts of a few
# documents, contexts of many.
LAYOUTS = [(60, 40, 200.0), (60, 40, 30.0), (60, 40, 6.0)]
FIRST = 3


class RandomCodes:
    """Latents that fire anywhere, each on another share of the tokens."""

    def __init__(self, shape: tuple[int, int], seed: int, shares=(0.02, 0.05, 0.2)):
        self.positions = shape[1]
        generator = np.random.default_rng(seed)
        size = (shape[0] * shape[1], len(shares))
        fires = generator.random(size) < shares
        self.matrix = csr_matrix((fires * generator.gamma(2, 1, size)).astype(np.float32))

    def rows(self, contexts: slice) -> csr_matrix:
        return self.matrix[contexts.start * self.positions : contexts.stop * self.positions]


def harvest(path, documents, **kwargs):
    return plant_harvest(
        path, {SITE: np.zeros((*documents.shape, 1))}, None, None, FIRST, documents, **kwargs
    )


def units_seen(examples, units_of_tokens) -> tuple[set[int], set[int]]:
    """The units of all tokens that are shown, in windows to explain from and in those to test on."""
    explained, tested = set(), set()
    for one in examples:
        for windows, seen in (
            (one.top, explained),
            (one.spread, explained),
            (one.silent, explained),
            (one.detection, tested),
        ):
            at = (
                windows.context[:, None],
                windows.start[:, None] + np.arange(windows.tokens.shape[1]),
            )
            seen |= set(units_of_tokens[at].ravel().tolist())
    return explained, tested


@settings(max_examples=150, deadline=None)
@given(
    contexts=st.integers(1, 12),
    positions=st.integers(2, 20),
    mean_length=st.sampled_from([1.0, 4.0, 15.0, 60.0]),
    passages=st.sampled_from([None, 1, 3]),
    separated=st.booleans(),
    window=st.integers(1, 6),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
def test_windows_show_text_of_one_half_alone(
    contexts, positions, mean_length, passages, separated, window, seed, data
):
    """Whatever the documents are: of several contexts, several in a context, passages of books."""
    first = data.draw(st.integers(0, positions - 1))
    documents = random_documents(contexts, positions, mean_length, seed)
    generator = np.random.default_rng(seed)
    separators = generator.random(documents.shape) < (0.3 if separated else 0)
    books = None if passages is None else np.arange(documents.max() + 1) // passages
    used = ~separators & (np.arange(positions) >= first)
    if not used.any():
        return
    units = Units.of([documents], first, books, [separators])
    halves = Halves.of(units, seed)
    if halves.explained is None:
        assert len(units.numbers) == 1
        side = np.repeat(halves.explains[:, None], positions, 1)
        assert halves.explains.sum() == contexts // 2
    else:
        unit = books[documents] if units.kind == "book" else documents
        side = np.isin(unit, units.numbers[halves.explained])
        largest = units.tokens.max()
        assert abs(side[used].sum() - used.sum() / 2) <= largest / 2
        assert 0 < side[used].sum() < used.sum()

    context, position = np.nonzero(used)
    np.testing.assert_array_equal(halves.explain(context, position), side[used])
    start, explain, fits = halves.windows(context, position, window)
    np.testing.assert_array_equal(explain, side[used])

    def of_one_half(at, begin):
        """Whether a window is inside its context and its text of one half."""
        if begin < first or begin + window > positions:
            return False
        rows = slice(begin, begin + window)
        text = side[at, rows][~separators[at, rows]]
        return len(text) > 0 and text.min() == text.max()

    for at, where, begin, fit in zip(context, position, start, fits, strict=True):
        if fit:
            assert begin <= where < begin + window
            assert of_one_half(at, begin)
        elif not separated:
            assert not any(of_one_half(at, b) for b in range(where - window + 1, where + 1))

    for half in (True, False):
        drawn = halves.random_windows(half, window, 2000, generator)
        found = set(zip(*np.divmod(drawn, positions), strict=True))
        for at, begin in found:
            rows = slice(begin, begin + window)
            assert begin >= first and begin + window <= positions
            assert (side[at, rows] == half)[~separators[at, rows]].all()
        if not separated:
            every = {(at, b) for at in range(contexts) for b in range(positions)}
            assert found == {p for p in every if of_one_half(*p) and side[p] == half}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_no_document_is_explained_from_and_tested_on(layout, seed, tmp_path):
    """Of any codes: those of one SAE and of another have the same halves."""
    contexts, positions, length = layout
    documents = random_documents(contexts, positions, length, seed)
    store = harvest(tmp_path / "harvest.zarr", documents)
    counts = ExampleCounts(window=8, top=10, spread=20, silent=50)
    explained, tested = set(), set()
    for codes_seed in (0, 1):
        codes = RandomCodes(documents.shape, codes_seed)
        examples = draw_examples(store, codes, np.arange(3), counts, seed)
        for seen, more in zip((explained, tested), units_seen(examples, documents), strict=True):
            seen |= more
    assert explained and tested
    assert not explained & tested


@pytest.mark.parametrize("seed", range(3))
def test_no_book_is_explained_from_and_tested_on(seed, tmp_path):
    documents = random_documents(60, 40, 30.0, seed)
    books = np.arange(documents.max() + 1) // 4
    store = harvest(tmp_path / "harvest.zarr", documents, books=books)
    assert store.units.kind == "book"
    counts = ExampleCounts(window=8, top=10, spread=20, silent=50)
    examples = draw_examples(store, RandomCodes(documents.shape, 0), np.arange(3), counts, seed)
    explained, tested = units_seen(examples, books[documents])
    assert explained and tested
    assert not explained & tested


def test_contexts_of_short_documents_are_of_one_half():
    """Neighbours go together, so that hardly a window is lost where documents are shorter than it."""
    documents = random_documents(3000, 40, 6.0)
    units = Units.of([documents], 0)
    context, position = np.nonzero(units.used(slice(0, 3000)))
    _, explain, fits = Halves.of(units, 0).windows(context, position, 32)
    assert fits.mean() > 0.9
    assert explain.mean() == pytest.approx(0.5, abs=0.01)


def test_seeds_deal_differently_and_each_always_alike():
    units = Units.of([random_documents(60, 40, 30.0)], FIRST)
    dealt = [Halves.of(units, seed).explained for seed in (0, 0, 1)]
    np.testing.assert_array_equal(dealt[0], dealt[1])
    assert (dealt[0] != dealt[2]).any()


def test_contexts_of_one_document_are_dealt_and_it_is_said(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("anatomy"), "propagate", True)
    documents = np.zeros((60, 40), np.int32)
    store = harvest(tmp_path / "harvest.zarr", documents)
    counts = ExampleCounts(window=8)
    with caplog.at_level(logging.INFO, logger="anatomy"):
        examples = draw_examples(store, RandomCodes(documents.shape, 0), np.arange(3), counts, 0)
    explained, tested = units_seen(examples, np.arange(60)[:, None] + documents)
    assert explained and tested
    assert not explained & tested
    assert "explained from: 30 contexts" in caplog.text
    assert "tested on: 30 contexts" in caplog.text
    assert "warning: all tokens are of one document" in caplog.text


def test_what_is_in_either_half_is_said():
    documents = random_documents(60, 40, 30.0)
    halves = Halves.of(Units.of([documents], FIRST), 0)
    (explained, tested), cautions = halves.account()
    used = documents[:, FIRST:]
    mine = np.isin(used, halves.units.numbers[halves.explained])
    assert explained == (
        f"explained from: {len(np.unique(used[mine]))} documents, {mine.sum()} tokens"
    )
    assert tested == f"tested on: {len(np.unique(used[~mine]))} documents, {(~mine).sum()} tokens"
    assert not cautions


def test_passages_of_few_books_are_dealt_and_it_is_said():
    documents = random_documents(60, 40, 30.0)
    books = np.arange(documents.max() + 1) * 3 // (documents.max() + 1)
    halves = Halves.of(Units.of([documents], FIRST, books), 0)
    assert halves.units.kind == "passage"
    _, (caution,) = halves.account()
    assert "passages of the same books" in caution
    assert f"with {MIN_BOOKS} books or more" in caution


def test_documents_too_short_for_a_window_leave_nothing_to_judge(tmp_path):
    """A few documents in turn, each shorter than a window."""
    documents = np.arange(60 * 40, dtype=np.int32).reshape(60, 40) // 5
    documents %= 2
    store = harvest(tmp_path / "harvest.zarr", documents)
    codes = RandomCodes(documents.shape, 0)
    examples = draw_examples(store, codes, np.arange(3), ExampleCounts(window=8), 0)
    assert all(one.problem.startswith("too few activations to test on: 0") for one in examples)
    assert all(one.firings > 0 for one in examples)
