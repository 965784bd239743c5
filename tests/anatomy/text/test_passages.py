"""Long texts in passages: nothing is lost, every book is on both sides, and other text stays as it was."""

import hashlib
import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.text.documents import documents
from workflow_scripts.anatomy.text.passages import (
    FEW_DOCUMENTS,
    MIN_BOOKS,
    PASSAGE_CHARACTERS,
    cut,
    enough_books,
    number_of_passages,
)
from workflow_scripts.anatomy.text.validation import PASSAGES_ON_BOTH_SIDES, write_splits

SIDES = ("train", "validation")


def book(characters, seed=0):
    """Paragraphs of lines of words, about so many characters."""
    generator = np.random.default_rng(seed)
    parts = []
    while sum(map(len, parts)) < characters:
        words = generator.integers(1, 12, generator.integers(20, 200))
        text = " ".join("abcdefghijkl"[:length] for length in words)
        lines = [text[at : at + 70] for at in range(0, len(text), 70)]
        parts.append("\n".join(lines) + "\n\n")
    return "".join(parts)[:characters]


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.sampled_from("ab .\n\r\t\u00e9\u2028"), max_size=600),
    characters=st.integers(10, 200),
)
def test_joined_the_passages_are_the_text(text, characters):
    passages = cut(text, characters)
    assert all(passage.strip() for passage in passages)
    if text.strip():
        rest = text
        for passage in passages:
            # What is between two passages, or after the last, is white space alone.
            before, found, rest = rest.partition(passage)
            assert found == passage
            assert not before.strip()
        assert not rest.strip()
    else:
        assert passages == []
    number = number_of_passages(len(text), characters)
    assert len(passages) <= number
    if number > 1:
        assert max(map(len, passages), default=0) <= 1.5 * len(text) / number + 2


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_passages_end_with_paragraphs(ending):
    text = book(100_000).replace("\n", ending)
    passages = cut(text, 20_000)
    assert "".join(passages) == text
    assert len(passages) == round(len(text) / 20_000)
    assert all(passage.endswith(ending * 2) for passage in passages[:-1])
    assert all(12_000 < len(passage) < 28_000 for passage in passages)


def test_else_they_end_with_lines_or_words_or_anywhere():
    lines = "\n".join("x" * 60 for _ in range(1000))
    assert all(passage.endswith("x\n") for passage in cut(lines, 20_000)[:-1])
    words = " ".join("x" * 9 for _ in range(6000))
    assert all(passage.endswith("x ") for passage in cut(words, 20_000)[:-1])
    assert list(map(len, cut("x" * 60_000, 20_000))) == [20_000] * 3


def test_indentation_stays_with_its_line():
    text = "def f():\n\n    return 1\n\n" * 2000
    assert all(passage[0] in "d " and passage.lstrip(" ")[0] in "dr" for passage in cut(text, 5000))


@pytest.mark.parametrize(("characters", "number"), [(29_999, 1), (30_001, 2), (49_000, 2)])
def test_a_text_of_less_than_one_and_a_half_passages_stays_whole(characters, number):
    assert len(cut(book(characters), PASSAGE_CHARACTERS)) == number


def split(found, fraction, folder, passages="auto"):
    """The lines of both sides, as they are written."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{side}.jsonl" for side in SIDES]
    count = write_splits(found, fraction, *paths, "d", passages)
    lines = {
        side: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for side, path in zip(SIDES, paths, strict=True)
    }
    assert count == {side: len(lines[side]) for side in SIDES}
    return lines


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.5])
@pytest.mark.parametrize("n_books", [1, 2, 6, 25, FEW_DOCUMENTS - 1])
def test_every_book_is_on_both_sides(tmp_path, fraction, n_books):
    books = [(f"b{i}", book(200_000 + 17_000 * (i % 5), i)) for i in range(n_books)]
    lines = split(books, fraction, tmp_path)
    every = [line for side in SIDES for line in lines[side]]
    assert len({line["id"] for line in every}) == len(every)
    for name, text in books:
        of_book = {line["id"]: line["text"] for line in every if line["book"] == name}
        in_order = [of_book[f"{name}#{number}"] for number in range(1, len(of_book) + 1)]
        assert "".join(in_order) == text
        held_out = sum(line["book"] == name for line in lines["validation"])
        assert abs(held_out - fraction * len(of_book)) < 1
        assert 0 < held_out < len(of_book)
    characters = {side: sum(len(line["text"]) for line in lines[side]) for side in SIDES}
    largest = max(len(line["text"]) for line in every)
    off = characters["validation"] - fraction * sum(characters.values())
    # Of every book less than one passage too many or too few, by chance.
    assert abs(off) <= (1.5 + 2 * n_books**0.5) * largest + 0.02 * sum(characters.values())


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=15),
    fraction=st.floats(0.05, 0.95),
)
def test_of_every_book_the_fraction_is_held_out_where_its_passages_allow_it(
    tmp_path_factory, sizes, fraction
):
    """A book of five passages or more has one on each side, whatever the fraction is."""
    folder = tmp_path_factory.mktemp("split")
    books = [
        (f"b{i}", "".join(f"{i:04} {n:04}\n" for n in range(100 * size)))
        for i, size in enumerate(sizes)
    ]
    try:
        lines = split(books, fraction, folder, 1000)
    except AnatomyError as error:
        assert "fall into the" in str(error)
        assert max(sizes) < PASSAGES_ON_BOTH_SIDES
        return
    held_out = Counter(line["book"] for line in lines["validation"])
    for number, size in enumerate(sizes):
        both = int(size >= PASSAGES_ON_BOTH_SIDES)
        assert both <= held_out[f"b{number}"] <= size - both
        if both <= fraction * size <= size - both:
            assert abs(held_out[f"b{number}"] - fraction * size) < 1


def test_many_books_of_few_passages_have_the_fraction_together(tmp_path):
    books = [(f"b{i}", book(3000, i)) for i in range(400)]
    lines = split(books, 0.1, tmp_path, 1000)
    # Three passages a book, one of which is held out with probability 0.3: four standard deviations.
    assert abs(len(lines["validation"]) - 120) < 4 * (400 * 0.3 * 0.7) ** 0.5


def sides_of(lines):
    return {line["text"]: side for side in SIDES for line in lines[side]}


@pytest.mark.parametrize(
    ("found", "passages"),
    [
        ([(f"t.jsonl:{i}", f"text {i}") for i in range(200)], "never"),
        ([(f"b{i}", book(30_000 + 9_000 * i, i)) for i in range(12)], "auto"),
    ],
    ids=["documents", "passages"],
)
def test_the_side_is_of_the_words_and_not_of_the_place(tmp_path, found, passages):
    sides = sides_of(split(found, 0.3, tmp_path / "a", passages))
    renamed = [(f"/elsewhere/{name}", text) for name, text in found]
    assert sides_of(split(renamed, 0.3, tmp_path / "b", passages)) == sides
    others = [("new", book(25_000, 77)), *found[::-1]]
    with_another = sides_of(split(others, 0.3, tmp_path / "c", passages))
    assert {text: with_another[text] for text in sides} == sides


@pytest.mark.parametrize("passages", ["never", 1000])
def test_what_is_there_twice_is_on_one_side(tmp_path, passages):
    found = [(f"d{i}", book(4000, i)) for i in range(60)]
    again = [(f"again{i}", text.replace("\n", "\r\n") + "\n") for i, (_, text) in enumerate(found)]
    lines = split([*found, *again, *found], 0.3, tmp_path, passages)
    sides: dict[str, set[str]] = {}
    for side in SIDES:
        for line in lines[side]:
            sides.setdefault("".join(line["text"].split()), set()).add(side)
    # Ends of lines shift where a passage is cut, so of copies in passages only the equal ones are one.
    whole = passages == "never"
    assert len(sides) == 60 if whole else len(sides) >= 240
    for name, _ in found:
        of_book = [
            {line["text"] for line in lines[side] if line["id"].startswith(f"{name}#")}
            for side in SIDES
        ]
        assert whole or not of_book[0] & of_book[1]
    assert not whole or all(len(of_one) == 1 for of_one in sides.values())


def test_a_passage_that_a_book_repeats_is_on_one_side(tmp_path):
    licence = "x" * 999 + "\n"
    own = "".join(f"{n:04} " * 199 + "1234\n" for n in range(20))
    lines = split([("b", licence * 5 + own)], 0.3, tmp_path, 1000)
    sides = [{side for side in SIDES if licence in [line["text"] for line in lines[side]]}]
    assert all(len(on) == 1 for on in sides)


def test_the_same_twice(tmp_path):
    books = [(f"b{i}", book(150_000, i)) for i in range(6)]
    assert split(books, 0.2, tmp_path / "a") == split(iter(books), 0.2, tmp_path / "b")
    for side in SIDES:
        a, b = ((tmp_path / name / f"{side}.jsonl").read_bytes() for name in "ab")
        assert a == b


def plainly(found, fraction):
    """The bytes of both sides where nothing is cut: a hash of the words decides."""
    sides = {side: b"" for side in SIDES}
    for identifier, text in found:
        words = re.sub(r"\s+", " ", text).strip()
        digest = hashlib.blake2b(words.encode(), digest_size=8).digest()
        side = SIDES[int.from_bytes(digest, "big") / 2**64 < fraction]
        line = json.dumps({"id": identifier, "text": text}, ensure_ascii=False)
        sides[side] += f"{line}\n".encode()
    return sides


@pytest.mark.parametrize(
    ("found", "passages"),
    [
        # As many documents as are not few; few, but none of them long; and not to be cut.
        ([(f"d{i}", book(60_000, i)) for i in range(FEW_DOCUMENTS)], "auto"),
        ([(f"d{i}", f"tëxt {i} 😀\n" * 2000) for i in range(FEW_DOCUMENTS - 1)], "auto"),
        ([(f"d{i}", book(60_000, i)) for i in range(12)], "never"),
    ],
    ids=["many", "short", "never"],
)
def test_other_text_stays_byte_for_byte_what_it_was(tmp_path, found, passages):
    split(found, 0.4, tmp_path, passages)
    for side, content in plainly(found, 0.4).items():
        assert (tmp_path / f"{side}.jsonl").read_bytes() == content


def test_the_standard_library_stays_byte_for_byte_what_it_was(tmp_path):
    block = {"kind": "python_stdlib"}
    split(documents(block, "d"), 0.1, tmp_path)
    for side, content in plainly(documents(block, "d"), 0.1).items():
        assert (tmp_path / f"{side}.jsonl").read_bytes() == content


def test_a_number_cuts_whatever_there_is(tmp_path):
    found = [(f"d{i}", book(4000, i)) for i in range(60)]
    lines = split(found, 0.2, tmp_path, 1000)
    every = [line for side in SIDES for line in lines[side]]
    assert len(every) == 240
    assert abs(len(lines["validation"]) - 48) < 4 * (60 * 0.8 * 0.2) ** 0.5
    assert {line["book"] for line in every} == {name for name, _ in found}


def test_a_document_too_few_and_nothing_is_left_behind(tmp_path):
    with pytest.raises(
        AnatomyError, match="none of its 2 documents fall into the validation split"
    ):
        split([("a", book(40_000))], 0.0001, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_read_is_an_error_all_the_same(tmp_path):
    def broken():
        yield "a", book(90_000)
        raise AnatomyError("x.txt: not UTF-8")

    with pytest.raises(AnatomyError, match="not UTF-8"):
        split(broken(), 0.1, tmp_path)
    assert not list(tmp_path.iterdir())


def test_enough_books():
    assert not enough_books(np.arange(MIN_BOOKS - 1).repeat(9))
    assert enough_books(np.arange(MIN_BOOKS))
