"""Units against pandas: which token is of which document or book, and sums over them."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import SITE, correlated, random_dictionary, random_documents, write_activations
from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.codes.pursuit import pursue
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.statistics.units import N_GROUPS, Units, sum_by_group
from workflow_scripts.anatomy.text.passages import MIN_BOOKS

# Contexts, positions, tokens of a document on average.
SHAPES = [(40, 12, 30.0), (40, 12, 3.0), (300, 10, 9.0)]


def in_blocks(documents, cuts):
    bounds = sorted({0, len(documents), *(cut % len(documents) for cut in cuts)})
    return [documents[start:stop] for start, stop in pairwise(bounds)]


def tables(documents, first):
    """Every token that counts, a row each."""
    rows = pd.DataFrame(documents).melt(ignore_index=False, var_name="position")
    return rows[rows["position"] >= first]["value"]


@settings(max_examples=100, deadline=None)
@given(
    contexts=st.integers(1, 9),
    positions=st.integers(1, 7),
    highest=st.integers(0, 12),
    in_order=st.booleans(),
    seed=st.integers(0, 2**31),
    cuts=st.lists(st.integers(0, 50), max_size=4),
    data=st.data(),
)
def test_units_are_the_documents_of_pandas(
    contexts, positions, highest, in_order, seed, cuts, data
):
    """Whatever the documents are, in order or not, and however contexts are cut into blocks."""
    first = data.draw(st.integers(0, positions - 1))
    documents = np.random.default_rng(seed).integers(0, highest + 1, (contexts, positions))
    if in_order:
        documents = np.sort(documents, axis=None).reshape(documents.shape)
    units = Units.of(in_blocks(documents.astype(np.int32), cuts), first)
    expected = tables(documents, first).value_counts().sort_index()
    assert units.kind == "document"
    assert units.shape == documents.shape
    assert units.numbers.tolist() == units.documents.tolist() == expected.index.tolist()
    assert units.tokens.tolist() == expected.tolist()
    start = data.draw(st.integers(0, contexts - 1))
    stop = data.draw(st.integers(start, contexts))
    places = units.places(slice(start, stop))
    assert places.shape == (stop - start, positions)
    np.testing.assert_array_equal(units.numbers[places[:, first:]], documents[start:stop, first:])
    before, known = places[:, :first], np.isin(documents[start:stop, :first], units.numbers)
    np.testing.assert_array_equal(
        units.numbers[before][known], documents[start:stop, :first][known]
    )
    assert (before[~known] == -1).all()


@given(
    contexts=st.integers(1, 9),
    positions=st.integers(1, 7),
    first=st.integers(0, 6),
    seed=st.integers(0, 2**31),
    cuts=st.lists(st.integers(0, 50), max_size=4),
)
def test_separators_are_of_no_unit(contexts, positions, first, seed, cuts):
    generator = np.random.default_rng(seed)
    documents = np.sort(generator.integers(0, 5, contexts * positions)).reshape(contexts, positions)
    separators = generator.random((contexts, positions)) < 0.3
    blocks = [in_blocks(array, cuts) for array in (documents.astype(np.int32), separators)]
    units = Units.of(blocks[0], first, None, blocks[1])
    used = ~separators & (np.arange(positions) >= first)
    every = slice(0, contexts)
    np.testing.assert_array_equal(units.used(every), used)
    np.testing.assert_array_equal(units.text(every), ~separators)
    numbers, tokens = np.unique(documents[used], return_counts=True)
    assert units.numbers.tolist() == numbers.tolist()
    assert units.tokens.tolist() == tokens.tolist()
    np.testing.assert_array_equal(units.numbers[units.places(every)[used]], documents[used])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first", [0, 4])
def judged_groups_are_neighbours_and_few(shape, first):
    documents = random_documents(*shape)
    units = Units.of([documents], first)
    used = documents[:, first:]
    groups = units.groups(slice(0, len(documents)))[:, first:]
    of_documents = pd.DataFrame(
        {"document": used.ravel(), "group": groups.ravel()}
    ).drop_duplicates()
    assert of_documents["document"].is_unique, "a document is in one group"
    in_order = of_documents.sort_values("document")["group"]
    assert in_order.is_monotonic_increasing
    assert sorted(set(in_order)) == list(range(units.n_groups)), "no group is empty"
    assert units.n_groups == min(N_GROUPS, len(np.unique(used)))
    assert np.ptp(np.bincount(in_order)) <= 1


def test_the_harvests_are_what_they_are_planted_to_be():
    """Documents of several contexts and contexts of several documents; once more than groups."""
    number = []
    for contexts, positions, length in SHAPES:
        documents = random_documents(contexts, positions, length)
        number.append(len(np.unique(documents)))
        pairs = pd.DataFrame(documents).melt(ignore_index=False)["value"].reset_index()
        pairs = pairs.drop_duplicates()
        assert pairs["index"].value_counts().max() > 2
        assert pairs["value"].value_counts().max() > 1
    assert number[0] < N_GROUPS < number[2]


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 50),
    inner=st.sampled_from([(), (1,), (3,), (2, 4)]),
    n=st.integers(1, 9),
    seed=st.integers(0, 2**31),
    in_order=st.booleans(),
)
def test_sums_by_group_are_those_of_pandas(size, inner, n, seed, in_order):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(size, *inner)).astype(np.float32)
    groups = generator.integers(0, n, size)
    groups = np.sort(groups) if in_order else groups
    found = sum_by_group(values, groups, n)
    assert found.dtype == np.float64
    flat = pd.DataFrame(values.reshape(size, int(np.prod(inner))), dtype=np.float64)
    expected = flat.groupby(groups).sum().reindex(range(n), fill_value=0.0)
    np.testing.assert_allclose(found, expected.to_numpy().reshape(n, *inner), atol=1e-12)


def test_a_value_that_is_no_number_spoils_its_own_group_alone():
    values, groups = np.array([1.0, np.nan, 2.0]), np.array([0, 1, 0])
    np.testing.assert_array_equal(sum_by_group(values, groups, 3), [3, np.nan, 0])


@pytest.mark.parametrize("n_books", [3, MIN_BOOKS - 1, MIN_BOOKS, 40])
@pytest.mark.parametrize("first", [0, 3])
def test_books_are_units_where_there_are_enough_of_them(n_books, first):
    documents = random_documents(60, 10, 5.0)
    passages = np.unique(documents[:, first:])
    books = np.full(documents.max() + 1, 1000, np.int32)
    # Every book has some of the passages that are there; others have none.
    books[passages] = np.sort(np.arange(len(passages)) % n_books)
    units = Units.of([documents], first, books)
    enough = n_books >= MIN_BOOKS
    assert units.kind == ("book" if enough else "passage")
    of_tokens = books[documents] if enough else documents
    expected = tables(of_tokens, first).value_counts().sort_index()
    assert units.numbers.tolist() == expected.index.tolist()
    assert units.tokens.tolist() == expected.tolist()
    np.testing.assert_array_equal(
        units.numbers[units.places(slice(5, 40))[:, first:]], of_tokens[5:40, first:]
    )
    everything = np.ones(len(units.numbers), bool)
    words = (
        f"{n_books} books ({len(passages)} passages)"
        if enough
        else f"{len(passages)} passages of {n_books} books"
    )
    assert units.described(everything) == words
    one = np.arange(len(units.numbers)) == 0
    count = (books[passages] == 0).sum()
    assert units.described(one) == (
        f"1 book ({count} passages)" if enough else "1 passage of 1 book"
    )


def test_stores_and_their_codes_have_the_same_units(tmp_path, monkeypatch):
    monkeypatch.setattr("workflow_scripts.anatomy.activations.store.UNITS_ROWS", 50)
    documents = random_documents(40, 12, 9.0)
    books = np.arange(documents.max() + 1) // 2
    for name, kwargs in (("uncut", {}), ("cut", {"books": books})):
        folder = tmp_path / name
        x = correlated(40, 12, 6)
        write_activations(folder / "h.zarr", x, min_position=3, documents=documents, **kwargs)
        store = open_activations(folder / "h.zarr")
        sae = random_dictionary(6, 18)
        reconstruct(sae, store, SITE, folder / "codes.zarr")
        codes = open_codes(folder / "codes.zarr")
        pursue(sae, store, codes, SITE, folder / "pursuit.zarr")
        expected = Units.of([documents], 3, kwargs.get("books"))
        for units in (store.units, codes.units, open_codes(folder / "pursuit.zarr").units):
            assert units.kind == expected.kind == ("document" if name == "uncut" else "book")
            for field in ("numbers", "tokens", "run_starts", "run_places", "documents"):
                np.testing.assert_array_equal(getattr(units, field), getattr(expected, field))
