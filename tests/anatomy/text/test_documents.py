"""Documents: what is read, how it is split, and what a person is told when it cannot be."""

import io
import json
import sysconfig
import tokenize
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.text.documents import documents, python_files
from workflow_scripts.anatomy.text.validation import in_validation, write_splits


def text_files(*patterns: str, column: str = "text") -> dict:
    return {"kind": "text_files", "paths": list(map(str, patterns)), "text_column": column}


def read(path: Path, content: str | bytes, column: str = "text") -> list[tuple[str, str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(documents(text_files(path, column=column), "d"))


def test_the_standard_library():
    found = dict(documents({"kind": "python_stdlib"}, "d"))
    folder = Path(sysconfig.get_paths()["stdlib"])
    assert len(found) > 400 and "ast.py" in found and "json/decoder.py" in found
    parts = {part for name in found for part in Path(name).parts}
    assert not parts & {"site-packages", "__pycache__", "test", "tests", "idle_test"}
    assert found["ast.py"] == (folder / "ast.py").read_text(encoding="utf-8")
    assert all(text.strip() for text in found.values())
    for name in list(found)[::50]:
        list(tokenize.generate_tokens(io.StringIO(found[name]).readline))


def test_python_files_come_scattered_and_in_their_own_encoding(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "test").mkdir()
    (tmp_path / "b" / "x.py").write_bytes("# coding: latin-1\n# é\n".encode("latin-1"))
    (tmp_path / "b" / "test" / "y.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    (tmp_path / "a.py").write_text("")
    found = list(python_files(tmp_path))
    assert sorted(found) == [("b.py", "2"), ("b/x.py", "# coding: latin-1\n# é\n")]
    assert list(python_files(tmp_path)) == found
    for number in range(40):
        (tmp_path / f"{number:02}.py").write_text("3")
    names = [name for name, _ in python_files(tmp_path)]
    assert names != sorted(names)


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.zst", "parquet"])
def test_rows(tmp_path, suffix):
    texts = ["one", "zwölf\nLinien", "  ", "four"]
    path = tmp_path / f"x.{suffix}"
    lines = "".join(json.dumps({"t": text, "n": 1}) + "\n" for text in texts)
    if suffix == "parquet":
        table = pyarrow.table({"t": texts, "n": [1] * 4})
        pyarrow.parquet.write_table(table, path)
    elif suffix == "jsonl.zst":
        half = len(lines) // 2
        pack = zstandard.ZstdCompressor().compress
        # Two frames one after the other, as tools that append write them.
        path.write_bytes(pack(lines[:half].encode()) + pack(lines[half:].encode()))
    else:
        path.write_text(lines)
    found = list(documents(text_files(path, column="t"), "d"))
    assert found == [(f"{path}:{n}", texts[n - 1]) for n in (1, 2, 4)]


def test_text_files_each_once_in_an_order_that_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "ba":
        Path(f"{name}.txt").write_text(name)
    found = list(documents(text_files("*.txt", "a.txt"), "d"))
    assert sorted(found) == [("a.txt", "a"), ("b.txt", "b")]
    assert list(documents(text_files("a.txt", "*.txt"), "d")) == found


def test_a_byte_order_mark_is_no_text(tmp_path):
    assert read(tmp_path / "x.txt", b"\xef\xbb\xbfhello")[0][1] == "hello"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", "", "x.txt: the file has no text in it"),
        ("x.jsonl", '{"text": " "}\n\n', "x.jsonl: the file has no text in it"),
        ("x.txt", b"ab\0c", "x.txt: a NUL byte at byte 2, so this is a binary file"),
        ("x.txt", b"ab\xffc", "x.txt: not UTF-8 at byte 2"),
        ("x.jsonl", b'{"text": "a"}\n{"text": "\xff"}\n', "x.jsonl: not UTF-8 at byte 24"),
        ("x.jsonl", '{"text": "a"}\n{"text"\n', "x.jsonl, line 2: not JSON"),
        ("x.jsonl", "[1]\n", "x.jsonl, line 1: each line must be a JSON object"),
        ("x.jsonl", '{"txt": "a", "id": 1}\n', "line 1: no column text, only txt, id"),
        ("x.jsonl", '{"text": 3}\n', "line 1: text is not text but int"),
        ("x.jsonl", '{"text": "a\\ud800"}\n', "line 1: text has half a surrogate pair"),
        ("x.parquet", b"PAR1 no more", "x.parquet: not a whole parquet file"),
        ("x.csv", "a,b", "x.csv is not one of .txt, .jsonl"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, message):
    with pytest.raises(AnatomyError, match=message) as error:
        read(tmp_path / name, content)
    assert "\n" not in str(error.value)


def test_a_parquet_file_without_the_column(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"body": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(AnatomyError, match="no column text, only body; set text_column"):
        list(documents(text_files(tmp_path / "x.parquet"), "d"))


def test_nothing_matches(tmp_path):
    with pytest.raises(AnatomyError, match=r"datasets\.d\.paths: no file matches .*/\*\.txt$"):
        documents(text_files(tmp_path / "*.txt"), "d")
    with pytest.raises(AnatomyError, match=r"\(the folder .*/absent does not exist\)"):
        documents(text_files(tmp_path / "absent" / "**" / "*.txt"), "d")


def test_an_unknown_kind():
    with pytest.raises(AnatomyError, match=r"datasets\.d\.kind: web"):
        documents({"kind": "web"}, "d")


def test_a_hub_data_set_from_a_folder(tmp_path):
    lines = "".join(json.dumps({"text": f"text {i}"}) + "\n" for i in range(9))
    (tmp_path / "train.jsonl").write_text(lines)
    block = {"kind": "hf", "path": str(tmp_path), "split": "train", "documents": 5}
    found = list(documents(block, "d"))
    assert found == [(f"{tmp_path}:{i + 1}", f"text {i}") for i in range(5)]
    with pytest.raises(AnatomyError, match=r"datasets\.d: .*row 1: no column body, only text"):
        list(documents(block | {"text_column": "body"}, "d"))
    with pytest.raises(AnatomyError, match=r"datasets\.d: .*cannot be loaded"):
        list(documents(block | {"path": str(tmp_path / "absent")}, "d"))


def split(found, fraction, folder) -> dict[str, set[str]]:
    write_splits(found, fraction, folder / "train.jsonl", folder / "validation.jsonl", "d")
    return {
        name: {json.loads(line)["id"] for line in open(folder / f"{name}.jsonl", encoding="utf-8")}
        for name in ("train", "validation")
    }


def test_splits_are_a_partition_that_more_documents_do_not_change(tmp_path):
    found = [(f"document {i}", f"tëxt\n{i}") for i in range(500)]
    some, all_of_them = (split(part, 0.2, tmp_path) for part in (found[:250], found))
    assert some["train"] | some["validation"] == {name for name, _ in found[:250]}
    assert not some["train"] & some["validation"]
    assert some["train"] <= all_of_them["train"]
    assert some["validation"] <= all_of_them["validation"]
    # Four standard deviations of a binomial count.
    assert abs(len(all_of_them["validation"]) - 100) < 4 * (500 * 0.2 * 0.8) ** 0.5
    lines = (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert all(row in [{"id": i, "text": t} for i, t in found] for row in rows)


@given(st.text(st.characters(codec="utf-8")), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_fraction_holds_out_more(text, a, b):
    smaller, larger = sorted((a, b))
    assert in_validation(text, larger) or not in_validation(text, smaller)
    assert not in_validation(text, 0) and in_validation(text, 1)


def test_an_empty_split(tmp_path):
    with pytest.raises(AnatomyError, match="none of its 1 documents fall into the validation"):
        split([("a", "text")], 0.0001, tmp_path)
    with pytest.raises(AnatomyError, match="every document is empty"):
        split([], 0.5, tmp_path)
    assert not list(tmp_path.iterdir())
