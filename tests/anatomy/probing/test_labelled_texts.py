"""Labelled texts of local files and of a local data set: which are taken, and what is an error."""

import csv
import json

import pandas as pd
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.probing.labelled_texts import labelled_files, labelled_texts

FILES = {"kind": "text_files", "text_column": "text", "label_column": "label", "classes": None}
HUB = {
    **{"kind": "hf", "name": None, "revision": None, "split": "train", "test_split": None},
    **{"rows": 1000, "text_column": "text", "label_column": "label", "parts": None},
    **{"classes": None},
}
LABELS = ("good", "bad", "middling")


def rows(number=90):
    return [{"text": f"Text number {n},\nof é", "label": LABELS[n % 3]} for n in range(number)]


def block(paths, train=40, test=20, **changes):
    sizes = {"train_examples": train, "test_examples": test}
    return FILES | {"paths": [str(path) for path in paths]} | sizes | changes


def write(path, found):
    if path.suffix == ".csv":
        with open(path, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(found[0]))
            writer.writeheader()
            writer.writerows(found)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, found)) + "\n\n")
    else:
        pd.DataFrame(found).to_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_format_has_the_same_texts(tmp_path, kind):
    train, test = labelled_texts(block([write(tmp_path / f"t.{kind}", rows())]), "t")
    of = {row["text"]: row["label"] for row in rows()}
    assert all(of[text] == label for text, label in train + test)
    for label in LABELS:
        assert [each for _, each in train].count(label) == 20
        assert [each for _, each in test].count(label) == 10
    assert len({text for text, _ in train + test}) == 90
    expected = labelled_texts(block([write(tmp_path / "other.jsonl", rows())]), "t")
    assert (train, test) == expected


def test_neither_order_nor_repetition_matters(tmp_path):
    one = labelled_texts(block([write(tmp_path / "a.csv", rows(300))]), "t")
    twice = rows(300)[::-1] + rows(300)[:150]
    assert labelled_texts(block([write(tmp_path / "b.csv", twice)]), "t") == one
    assert not {text for text, _ in one[0]} & {text for text, _ in one[1]}


def test_a_text_of_two_classes_is_of_none(tmp_path):
    both = [{"text": "Text number 0,\nof é", "label": "bad"}]
    train, test = labelled_texts(block([write(tmp_path / "a.csv", rows() + both)], 60, 60), "t")
    assert "Text number 0,\nof é" not in {text for text, _ in train + test}
    assert len(train + test) == 89


def test_too_few_texts_are_shared_in_proportion(tmp_path):
    train, test = labelled_texts(block([write(tmp_path / "a.csv", rows())], 400, 200), "t")
    assert (len(train), len(test)) == (60, 30)


def test_classes_that_are_listed(tmp_path):
    for number in (int, float):
        numbered = [{"text": f"T{n}", "label": number(n % 5)} for n in range(100)]
        path = write(tmp_path / "a.jsonl", numbered)
        train, _ = labelled_texts(block([path], classes=[0.0, "3"]), "t")
        assert {label for _, label in train} == {"0", "3"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_column": "txt"}, r"row 1: no column txt, only text, label; set text_column"),
        ({"label_column": "l"}, r"row 1: no column l, .*set label_column"),
        ({"classes": ["good", "worse"]}, r"labelled.t: no text of class worse; it has good"),
        ({"classes": ["good", "better"]}, r"no text of class better"),
        ({"label_column": "text"}, r"more than 50 classes; list those wanted in classes"),
        ({"text_column": "number"}, r"the text is not text but int"),
    ],
)
def test_what_a_file_lacks_is_an_error_that_says_it(tmp_path, changes, message):
    found = [row | {"number": 1} for row in rows(180)]
    path = write(tmp_path / "a.jsonl", found)
    if changes == {"text_column": "txt"} or changes == {"label_column": "l"}:
        path = write(tmp_path / "b.jsonl", rows(180))
    with pytest.raises(AnatomyError, match=message):
        labelled_texts(block([path], **changes), "t")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"{\n", "line 1: not JSON"),
        ("a.jsonl", b"[1]\n", "line 1: each line must be a JSON object"),
        ("a.csv", b"text,label\n\xff\xfe,a\n", "not a CSV file in UTF-8"),
        ("a.parquet", b"PAR1", "not a whole parquet file"),
    ],
)
def test_damaged_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AnatomyError, match=message):
        labelled_texts(block([tmp_path / name]), "t")


def test_files_are_looked_for_before_anything_runs(tmp_path):
    with pytest.raises(AnatomyError, match=r"labelled.t.paths: no file matches .*\*.csv"):
        labelled_files(block([tmp_path / "*.csv"]), "t")
    (tmp_path / "a.doc").write_text("x")
    with pytest.raises(AnatomyError, match=r"a.doc is not one of .csv, .jsonl, .parquet"):
        labelled_files(block([tmp_path / "*"]), "t")


def test_one_class_is_no_set(tmp_path):
    with pytest.raises(AnatomyError, match="fewer than two classes"):
        labelled_texts(block([write(tmp_path / "a.csv", rows()[::3])]), "t")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A data set in a folder, with two splits, as one of the hub is laid out."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "train.jsonl", rows(60))
    write(folder / "test.jsonl", rows(90)[50:])
    return folder


def test_a_hub_data_set(hub):
    about = HUB | {"path": str(hub), "train_examples": 20, "test_examples": 10}
    train, test = labelled_texts(about, "t")
    assert (len(train), len(test)) == (30, 15)
    # No text of the training split is tested on, though ten are in both.
    train, test = labelled_texts(about | {"test_split": "test", "train_examples": 40}, "t")
    assert {text for text, _ in train} == {row["text"] for row in rows(60)}
    assert {text for text, _ in test} <= {row["text"] for row in rows(90)[60:]}
    with pytest.raises(AnatomyError, match="cannot be loaded"):
        labelled_texts(about | {"split": "nothing"}, "t")


def test_parts_of_a_hub_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    folder.mkdir()
    pairs = [{"translation": {"en": f"word {n}", "de": f"Wort {n}"}} for n in range(40)]
    write(folder / "train.jsonl", pairs)
    parts = {each: {"text_column": f"translation.{each}"} for each in ("en", "de")}
    about = HUB | {"path": str(folder), "parts": parts, "train_examples": 20, "test_examples": 10}
    train, test = labelled_texts(about, "t")
    for text, label in train + test:
        assert text.startswith("word" if label == "en" else "Wort")
    assert (len(train), len(test)) == (20, 10)
