"""Tokens against transformers' own tokenizer."""

import json

import numpy as np
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.text.tokenization import (
    import_tokenizer,
    load_tokenizer,
    open_tokens,
    special_ids,
    token_strings,
    tokenize,
    train_tokenizer,
    vocabulary,
)

TEXTS = [
    "def add(self, other):\n    return self.value + other.value\n" * 8,
    "naïve café 🐍 <|endoftext|> and on",
    "x",
]


def write(path, texts):
    lines = (json.dumps({"id": str(i), "text": text}) for i, text in enumerate(texts))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    write(folder / "train.jsonl", TEXTS)
    assert train_tokenizer(folder / "train.jsonl", 280, folder / "tok/tokenizer.json") == 280
    tokenize(folder / "train.jsonl", folder / "tok/tokenizer.json", folder / "d.train.npz")
    return folder


def test_documents_are_followed_by_the_end_of_text(folder):
    with np.load(folder / "d.train.npz", allow_pickle=False) as stored:
        ids, offsets = stored["ids"], stored["offsets"]
    assert ids.dtype == np.int32 and offsets.dtype == np.int64
    assert offsets[0] == 0 and offsets[-1] == len(ids) and len(offsets) == len(TEXTS) + 1
    decoded = load_tokenizer(folder / "tok")
    for text, start, end in zip(TEXTS, offsets, offsets[1:], strict=False):
        assert ids[end - 1] == 0
        # A special token written in the text is text, so 0 appears at the end only.
        assert (ids[start : end - 1] != 0).all()
        assert decoded.decode(ids[start : end - 1].tolist(), skip_special_tokens=False) == text


def test_the_folder_loads_with_transformers(folder):
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder / "tok")
    assert loaded.bos_token_id == loaded.eos_token_id == 0 and len(loaded) == 280
    tokens = open_tokens(folder / "d.train.npz")
    first = tokens.ids[: tokens.offsets[1] - 1].tolist()
    assert loaded(TEXTS[0], add_special_tokens=False).input_ids == first


def test_import_gives_the_same_tokens(folder, tmp_path):
    import_tokenizer(str(folder / "tok"), None, tmp_path / "tokenizer.json")
    assert special_ids(tmp_path / "tokenizer.json") == (0, 0)
    tokenize(folder / "train.jsonl", tmp_path / "tokenizer.json", tmp_path / "d.npz")
    assert (open_tokens(tmp_path / "d.npz").ids == open_tokens(folder / "d.train.npz").ids).all()


def test_import_of_what_is_not_there(tmp_path):
    with pytest.raises(AnatomyError, match=r"the tokenizer of .*/absent cannot be loaded"):
        import_tokenizer(str(tmp_path / "absent"), None, tmp_path / "tokenizer.json")


def test_the_same_text_the_same_bytes(folder, tmp_path):
    train_tokenizer(folder / "train.jsonl", 280, tmp_path / "tok/tokenizer.json")
    tokenize(folder / "train.jsonl", tmp_path / "tok", tmp_path / "d.npz")
    for a, b in (("tok/tokenizer.json", "tok/tokenizer.json"), ("d.train.npz", "d.npz")):
        assert (folder / a).read_bytes() == (tmp_path / b).read_bytes()


def test_batches_do_not_show(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("workflow_scripts.anatomy.text.tokenization.BATCH_CHARACTERS", 1)
    tokenize(folder / "train.jsonl", folder / "tok", tmp_path / "d.npz")
    assert (tmp_path / "d.npz").read_bytes() == (folder / "d.train.npz").read_bytes()


def test_a_vocabulary_smaller_than_bytes(folder, tmp_path):
    with pytest.raises(AnatomyError, match="256 is too small"):
        train_tokenizer(folder / "train.jsonl", 256, tmp_path / "tokenizer.json")


def test_too_little_text_gives_a_smaller_vocabulary(tmp_path):
    write(tmp_path / "x.jsonl", ["ab ab"])
    size = train_tokenizer(tmp_path / "x.jsonl", 5000, tmp_path / "tok/tokenizer.json")
    assert 257 < size < 5000 and vocabulary(load_tokenizer(tmp_path / "tok")) == size


def test_token_strings(folder):
    strings = token_strings(folder / "tok")
    assert len(strings) == 280 and strings[0] == "<|endoftext|>"
    loaded = load_tokenizer(folder / "tok")
    for word in ("self", " return", "x"):
        ids = loaded.encode(word).ids
        assert "".join(strings[i] for i in ids) == word


def test_token_strings_of_sentencepiece_keep_the_space(tmp_path):
    from tokenizers import Tokenizer, decoders, models

    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁the", -1.0), ("re", -2.0)], 0))
    unigram.decoder = decoders.Metaspace()
    unigram.save(str(tmp_path / "tokenizer.json"))
    assert token_strings(tmp_path)[1:] == [" the", "re"]


def test_an_npz_of_numpy_opens_too(tmp_path):
    np.savez(tmp_path / "d.npz", ids=np.arange(7, dtype=np.int32), offsets=np.array([0, 7]))
    tokens = open_tokens(tmp_path / "d.npz")
    assert isinstance(tokens.ids, np.memmap) and (tokens.ids == np.arange(7)).all()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more"])
def test_a_damaged_file_of_tokens(tmp_path, content):
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(AnatomyError, match="not a whole file of tokens"):
        open_tokens(tmp_path / "d.npz")


def test_passages_know_their_books(folder, tmp_path):
    """Books are numbered in the order in which they come; without any, nothing is written of them."""
    books = ["b", "b", "a", "b", "c"]
    lines = [
        json.dumps({"id": f"{book}#{i}", "book": book, "text": f"text {i}"})
        for i, book in enumerate(books)
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(lines) + "\n")
    tokenize(tmp_path / "x.jsonl", folder / "tok", tmp_path / "d.npz")
    tokens = open_tokens(tmp_path / "d.npz")
    assert tokens.books.dtype == np.int32
    assert tokens.books.tolist() == [0, 0, 1, 0, 2]
    assert len(tokens.offsets) == len(books) + 1
    write(tmp_path / "y.jsonl", [f"text {i}" for i in range(5)])
    tokenize(tmp_path / "y.jsonl", folder / "tok", tmp_path / "e.npz")
    whole = open_tokens(tmp_path / "e.npz")
    assert whole.books is None
    with np.load(tmp_path / "e.npz", allow_pickle=False) as stored:
        assert stored.files == ["ids", "offsets", "separator"]
    assert (whole.ids == tokens.ids).all()
