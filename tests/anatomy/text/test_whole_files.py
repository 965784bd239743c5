"""Files that are not whole, and those that are: one sentence, never fewer documents than the file has."""

import bz2
import gzip
import json
import lzma
import random
from contextlib import suppress

import pytest
import zstandard

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.text import rows, tokenization
from workflow_scripts.anatomy.text.compressed import opened
from workflow_scripts.anatomy.text.documents import read_documents
from workflow_scripts.anatomy.text.inspection import check_encoding, check_text_files


def zst(data):
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zst}
RNG = random.Random(0)
PLAIN = b"".join(b'{"text": "%d"}\n' % RNG.randrange(10**9) for _ in range(2000))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_files_are_whole_or_an_error(tmp_path, suffix):
    path, compress = tmp_path / f"a.jsonl{suffix}", COMPRESS[suffix]
    frame = compress(PLAIN)
    data = frame + frame
    path.write_bytes(data)
    assert opened(path).read() == PLAIN * 2
    assert len(list(read_documents(path, "text"))) == 4000
    for at in [
        1,
        3,
        5,
        len(frame) - 1,
        len(frame) + 1,
        len(data) - 1,
        *RNG.sample(range(len(data)), 20),
    ]:
        if at in (0, len(frame)):
            continue
        path.write_bytes(data[:at])
        with pytest.raises(AnatomyError, match=suffix) as error:
            opened(path).read()
        assert "\n" not in str(error.value)
        flipped = bytearray(data)
        flipped[at] ^= 1 << RNG.randrange(8)
        path.write_bytes(bytes(flipped))
        with suppress(AnatomyError):
            assert opened(path).read() == PLAIN * 2  # a byte that says nothing


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_plain_file_with_the_name_of_a_compressed_one(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PLAIN)
    with pytest.raises(AnatomyError, match=r"not compressed with .*, as its name says"):
        list(read_documents(path, "text"))


def test_long_lines_deep_json_and_long_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "LONGEST", 1000)
    path = tmp_path / "a.jsonl"
    for line, message in (
        ("x" * 2000, "line 2: longer than"),
        ("[" * 900, "line 2: JSON that is nested too deeply|line 2: not JSON"),
    ):
        path.write_text('{"text": "a"}\n' + line)
        with pytest.raises(AnatomyError, match=message):
            list(read_documents(path, "text"))
    monkeypatch.undo()
    for line, message in (
        ('{"text": ' + "[" * 100_000, "nested too deeply"),
        ('{"text": "a", "n": ' + "9" * 5000 + "}", "line 1: not to be read"),
    ):
        path.write_text(line)
        with pytest.raises(AnatomyError, match=message):
            list(read_documents(path, "text"))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8", "UTF8", "cp1252"])
def test_encodings(tmp_path, encoding):
    texts = ["é\u00e0 x", "b"]
    text = "".join(json.dumps({"text": each}, ensure_ascii=False) + "\n" for each in texts)
    (tmp_path / "a.jsonl").write_bytes(text.encode(encoding))
    (tmp_path / "a.txt").write_bytes(texts[0].encode(encoding))
    found = [text for _, text in read_documents(tmp_path / "a.jsonl", "text", encoding)]
    assert found == texts
    assert [t for _, t in read_documents(tmp_path / "a.txt", "text", encoding)] == texts[:1]
    check_encoding("x", encoding)


def test_what_is_no_encoding():
    for name in ("utf-9", "hex", ""):
        with pytest.raises(AnatomyError, match=r"x: .* is no encoding of text"):
            check_encoding("x", name)


def test_every_bad_file_is_named_at_once(tmp_path):
    for name, content in (
        ("good.txt", b"text"),
        ("empty.txt", b""),
        ("latin.txt", b"\xe9" * 9),
        ("cut.jsonl.gz", gzip.compress(PLAIN)[:-9]),
        ("deep.jsonl", b"[" * 100_000),
        ("column.jsonl", b'{"t": "x"}'),
        ("none.parquet", b"x"),
    ):
        (tmp_path / name).write_bytes(content)
    block = {"kind": "text_files", "paths": [f"{tmp_path}/*"], "text_column": "text"}
    config = {"models": {}, "harvests": {"h": {"dataset": "d"}}}
    config["datasets"] = {"d": block | {"encoding": "utf-8"}}
    with pytest.raises(AnatomyError, match=r"^6 text files cannot be read") as error:
        check_text_files(config)
    assert "good.txt" not in str(error.value) and "\n" not in str(error.value)
    for name in (
        "empty.txt",
        "latin.txt",
        "cut.jsonl.gz",
        "deep.jsonl",
        "column.jsonl",
        "none.parquet",
    ):
        assert name in str(error.value)
    config["harvests"] = {}
    check_text_files(config)


def test_long_runs_are_learnt_in_parts_and_short_ones_as_before(tmp_path, monkeypatch):
    """A run of 300,000 letters would take half a minute as a whole."""
    words = ["".join(RNG.choices("abcde", k=RNG.randrange(1, 9))) for _ in range(5000)]

    def trained(name, text):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps({"id": "x", "text": text}) + "\n")
        tokenization.train_tokenizer(path, 400, tmp_path / name / "tokenizer.json")
        return (tmp_path / name / "tokenizer.json").read_bytes()

    whole = trained("whole", " ".join(words))
    monkeypatch.setattr(tokenization, "BATCH_CHARACTERS", 997)
    monkeypatch.setattr(tokenization, "BOUNDARY_WINDOW", 100)
    assert trained("parts", " ".join(words)) == whole
    monkeypatch.undo()
    assert b"FixedLength" not in trained("run", "".join(RNG.choices("abcdefgh", k=300_000)))
