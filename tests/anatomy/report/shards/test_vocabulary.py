"""Bytes of tokens against what tokenizers decode."""

import numpy as np
import pytest
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from workflow_scripts.anatomy.report.shards.shard import texts_of
from workflow_scripts.anatomy.report.shards.vocabulary import (
    byte_letters,
    token_bytes,
    vocabulary_of,
)

TEXT = "def café(x):\n\treturn '😀' + \"naïve\" \u202e\x00\r\n  # <script> ▁ <0x41>"


@pytest.fixture
def byte_level(tmp_path):
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=280, special_tokens=["<|end|>"], initial_alphabet=alphabet
    )
    bpe.train_from_iterator([TEXT] * 3, trainer)
    bpe.add_tokens([AddedToken("Ġadded", normalized=False)])
    bpe.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json", bpe


@pytest.fixture
def sentence_piece(tmp_path):
    pieces = [("<unk>", 0.0), *((f"<0x{byte:02X}>", -9.0) for byte in range(256))]
    pieces += [("▁def", -1.0), ("▁", -2.0), ("return", -2.0), ("▁x▁y", -2.0)]
    unigram = Tokenizer(models.Unigram(pieces, 0, byte_fallback=True))
    unigram.normalizer = normalizers.Replace(" ", "▁")
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    unigram.decoder = decoders.Sequence(parts)
    unigram.add_special_tokens(["<0x41>▁"])
    unigram.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json", unigram


def joined(path, ids):
    return b"".join(found or b"" for _, found in token_bytes(path, ids))


def test_byte_letters_are_those_of_tokenizers():
    assert set(byte_letters()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(byte_letters().values()) == list(range(256))


@pytest.mark.parametrize("kind", ["byte_level", "sentence_piece"])
def test_the_bytes_of_all_tokens_of_a_text_are_the_text(kind, request):
    path, tokenizer = request.getfixturevalue(kind)
    text = TEXT.replace(" ▁ <0x41>", "") if kind == "sentence_piece" else TEXT
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert joined(path, ids) == text.encode()


def test_added_tokens_are_as_they_are_written(sentence_piece):
    path, tokenizer = sentence_piece
    assert joined(path, [tokenizer.token_to_id("<0x41>▁")]) == "<0x41>▁".encode()


def test_byte_level_added_tokens(byte_level):
    path, tokenizer = byte_level
    assert joined(path, [tokenizer.token_to_id("Ġadded")]) == "Ġadded".encode()
    assert joined(path, [tokenizer.token_to_id("<|end|>")]) == b"<|end|>"


def test_a_mark_that_means_no_space_stays(tmp_path):
    words = Tokenizer(models.WordLevel({"▁a": 0, "b": 1}, unk_token="b"))
    words.save(str(tmp_path / "tokenizer.json"))
    assert joined(tmp_path, [0, 1]) == "▁ab".encode()


def test_ids_without_a_token_are_left_out(byte_level):
    path, _ = byte_level
    shard = vocabulary_of("m", path, [5, 3, 10_000])
    assert shard.key == "vocab:m"
    assert np.array_equal(shard.columns["ids"], [3, 5])
    assert texts_of(shard.columns, "token") == [joined(path, [3]), joined(path, [5])]
