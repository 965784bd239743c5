"""What tokens stand for, as bytes: the spelling of a tokenizer undone."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.report.shards.shard import Shard, text_columns
from workflow_scripts.anatomy.text.tokenization import load_tokenizer

WORD_BEGINS = "▁"
ONE_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def vocabulary_of(slug: str, tokenizer: Path, ids: Iterable[int]) -> Shard:
    """The file ``vocab`` of a model: the bytes of some tokens.

    tokenizer: `tokenizer.json`, or its folder. Ids that it does not have are left out.
    """
    known = {token: found for token, found in token_bytes(tokenizer, ids) if found is not None}
    tokens = sorted(known)
    columns = {"ids": np.array(tokens, np.uint32)}
    columns |= text_columns("token", [known[token] for token in tokens])
    return Shard(f"vocab:{slug}", {}, columns)


def token_bytes(tokenizer: Path, ids: Iterable[int]) -> Iterator[tuple[int, bytes | None]]:
    """Each id with the bytes that it stands for, None where the tokenizer has no such token.

    Byte-level BPE writes a byte as a letter, and others write a space as ▁ and single bytes as <0x0A>;
    special and added tokens are written as they are.
    """
    loaded = load_tokenizer(tokenizer)
    about = json.loads(loaded.to_str())
    added = {token: found.content for token, found in loaded.get_added_tokens_decoder().items()}
    parts = [about.get(part) for part in ("decoder", "pre_tokenizer", "normalizer")]
    kinds = {kind for part in parts for kind in _kinds(part)}
    for token in ids:
        piece = loaded.id_to_token(int(token))
        if token in added:
            yield int(token), added[token].encode()
        elif piece is None:
            yield int(token), None
        elif "ByteLevel" in kinds:
            yield int(token), _of_byte_level(piece)
        else:
            single = ONE_BYTE.fullmatch(piece)
            found = bytes([int(single[1], 16)]) if single else _spaced(piece, parts).encode()
            yield int(token), found


def _of_byte_level(piece: str) -> bytes:
    letters = byte_letters()
    return b"".join(
        bytes([letters[letter]]) if letter in letters else letter.encode() for letter in piece
    )


def _spaced(piece: str, parts: list[Any]) -> str:
    """▁ is a space only where the tokenizer makes it one."""
    marks = WORD_BEGINS in json.dumps(parts, ensure_ascii=False) or "Metaspace" in json.dumps(parts)
    return piece.replace(WORD_BEGINS, " ") if marks else piece


@cache
def byte_letters() -> dict[str, int]:
    """The letter that stands for each byte in byte-level BPE (GPT-2): printable ones for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(256 + at): byte for at, byte in enumerate(others)}


def _kinds(part: Any) -> Iterator[str]:
    """Types of a component of a tokenizer and of all that it is made of."""
    if isinstance(part, dict):
        if isinstance(part.get("type"), str):
            yield part["type"]
        for each in part.values():
            yield from _kinds(each)
    elif isinstance(part, list):
        for each in part:
            yield from _kinds(each)
