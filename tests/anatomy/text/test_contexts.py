"""Contexts against plain slicing; how many are of one document, against counting one by one."""

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.text.contexts import bounded, contexts, number_of_contexts
from workflow_scripts.anatomy.text.passages import MIN_BOOKS
from workflow_scripts.anatomy.text.tokenization import Tokens


def some_tokens(lengths, books=None):
    """Documents of so many tokens, each token another one."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.arange(100, 100 + offsets[-1], dtype=np.int32)
    return Tokens(Path("d.train.npz"), ids, offsets, books)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.integers(2, 12),
    st.sampled_from([None, 0, 7]),
)
def test_contexts_are_consecutive_slices(lengths, length, bos):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.arange(100, 100 + offsets[-1], dtype=np.int32)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    tokens = Tokens(None, ids, offsets)
    n = number_of_contexts(tokens, length, bos)
    found = list(contexts(tokens, n, length, bos))
    step = length if bos is None else length - 1
    assert len(found) == n == len(ids) // step
    for i, (row, documents) in enumerate(found):
        assert row.dtype == documents.dtype == np.int32 and len(row) == len(documents) == length
        expected, of = ids[i * step : (i + 1) * step], owner[i * step : (i + 1) * step]
        if bos is not None:
            assert row[0] == bos and documents[0] == of[0]
            row, documents = row[1:], documents[1:]
        assert (row == expected).all() and (documents == of).all()


def test_fewer_contexts_are_spread_over_all_of_the_tokens():
    tokens = some_tokens([40, 60, 37])
    every = [ids for ids, _ in contexts(tokens, len(tokens.ids) // 9, 10, 0)]
    some = [ids for ids, _ in contexts(tokens, 3, 10, 0)]
    for number, ids in enumerate(some):
        assert (ids == every[number * len(every) // 3]).all()


def test_too_few_tokens():
    tokens = some_tokens([40, 60, 37])
    available = len(tokens.ids) // 9
    assert len(list(contexts(tokens, available, 10, 0))) == available
    message = (
        f"too few tokens in dataset d, split train: {len(tokens.ids)} are enough for {available} "
        f"contexts of 10, not {available + 1}; lower contexts"
    )
    with pytest.raises(AnatomyError, match=message):
        contexts(tokens, available + 1, 10, 0)


def owners_of(tokens, n, length, bos, max_share=None, books=None):
    """Of each context its first token, and the document, or the book, of its middle one."""
    first = 0 if bos is None else 1
    found = list(contexts(tokens, n, length, bos, max_share))
    owners = [documents[length // 2] for _, documents in found]
    if books is not None:
        owners = [books[owner] for owner in owners]
    return [int(ids[first]) for ids, _ in found], owners


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=12),
    length=st.integers(2, 12),
    bos=st.sampled_from([None, 0]),
    share=st.floats(0.01, 1),
    wanted=st.floats(0, 1),
)
def test_no_document_has_more_than_its_share(lengths, length, bos, share, wanted):
    """Unless there is too little text; and where evenly spread contexts keep to it, they are taken."""
    tokens = some_tokens(lengths)
    available = number_of_contexts(tokens, length, bos)
    if available == 0:
        return
    n = max(1, round(wanted * available))
    starts, owners = owners_of(tokens, n, length, bos, share)
    assert len(starts) == n
    assert starts == sorted(set(starts)), "each once, in order"
    limit = max(1, int(share * n + 1e-9))
    even, owners_of_even = owners_of(tokens, n, length, bos)
    _, owners_of_all = owners_of(tokens, available, length, bos)
    most = np.bincount(owners).max()
    enough = sum(min(limit, count) for count in np.bincount(owners_of_all)) >= n
    if np.bincount(owners_of_even).max() <= limit:
        assert starts == even
    elif enough:
        assert most <= limit
    else:
        # The lowest limit that leaves enough: with one less it would be too little.
        assert sum(min(most - 1, count) for count in np.bincount(owners_of_all)) < n
    assert owners_of(tokens, n, length, bos, share) == (starts, owners)


def test_others_get_what_one_may_not_have_in_proportion():
    """A document has 60 % of the text and may have 30 %; the others keep their proportions."""
    tokens = some_tokens([6000, 1000, 500, 500, 2000])
    starts, owners = owners_of(tokens, 50, 10, None, 0.3)
    # The last one would have half of the other 35 contexts, which is too much for it as well.
    assert np.bincount(owners).tolist() == [15, 10, 5, 5, 15]
    for owner in range(5):
        of_owner = [start for start, each in zip(starts, owners, strict=True) if each == owner]
        steps = np.diff(of_owner)
        assert np.ptp(steps) <= 10, "evenly spread over the document"
    begin = tokens.ids[tokens.offsets[0]]
    first = [start - begin for start, each in zip(starts, owners, strict=True) if each == 0]
    assert first[0] == 0
    assert first[-1] >= 5000


def test_null_is_no_bound_and_a_share_of_one_neither():
    tokens = some_tokens([6000, 1000])
    assert owners_of(tokens, 50, 10, 0) == owners_of(tokens, 50, 10, 0, 1.0)


def test_a_share_is_not_lost_to_rounding():
    """0.29 of 100 is 28.999999999999996 in binary."""
    tokens = some_tokens([5000, 1000, 1000, 1000, 1000])
    assert np.bincount(owners_of(tokens, 100, 10, None, 0.29)[1])[0] == 29


@pytest.mark.parametrize("n_books", [MIN_BOOKS - 1, MIN_BOOKS])
def test_books_are_bound_where_there_are_enough(n_books):
    """One book has most of the passages; of fewer books, each passage is bound by itself."""
    books = np.repeat(np.arange(n_books), [60, *[2] * (n_books - 1)]).astype(np.int32)
    tokens = some_tokens([400] * len(books), books)
    _, of_books = owners_of(tokens, 100, 10, None, 0.1, books)
    _, of_passages = owners_of(tokens, 100, 10, None, 0.1)
    assert np.bincount(of_passages).max() <= 10
    if n_books == MIN_BOOKS:
        assert np.bincount(of_books)[0] == 10
        assert np.ptp(np.bincount(of_books)[1:]) <= 1
    else:
        assert np.bincount(of_books)[0] > 50


def test_the_log_says_where_text_is_too_little(caplog):
    caplog.set_level(logging.INFO, "anatomy")
    tokens = some_tokens([6000, 1000])
    _, owners = owners_of(tokens, 200, 10, None, 0.05)
    assert np.bincount(owners).tolist() == [100, 100]
    (line,) = caplog.messages
    assert "d.train.npz: too little text for every document to have at most 10 of 200" in line
    assert "the largest has 100" in line
    caplog.clear()
    owners_of(some_tokens([100] * 70), 100, 10, None, 0.05)
    assert not caplog.messages


def test_many_documents_and_contexts_are_fast():
    """Nothing is done context by context but the cutting."""
    generator = np.random.default_rng(0)
    sizes = generator.pareto(0.7, 200_000).astype(np.int64) + 1
    begins = np.concatenate([[0], np.cumsum(sizes)])
    n = 100_000
    chosen, most = bounded(begins, np.arange(len(sizes)), n, n // 1000)
    assert most == n // 1000
    assert len(np.unique(chosen)) == n
