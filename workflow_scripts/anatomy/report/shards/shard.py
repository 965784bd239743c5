"""A shard: a header and columns of numbers in one script file, written and read back.

The file is one call, ``anatomy(key, header, payload)``, of a line each. A page opened from a disk may
load scripts, and nothing else. docs/explorer-data.md has the format.
"""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import replacing

# What the first header says of the format; readers of another number refuse it.
FORMAT = 1
DTYPES = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "f32": "<f4", "f64": "<f8"}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
ALIGNMENT = 8
BITS = 12
# The highest takes twice the time for one percent.
LEVEL = 8
COLUMN = re.compile(r"[a-z][a-z0-9_]*")
# Neither the end of a script, nor of a line of one, may stand in a string.
ESCAPED = {each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029\u007f"}
# In an object of a script, this key is not a key.
FORBIDDEN_KEY = "__proto__"


@dataclass(frozen=True)
class Shard:
    """What one file holds.

    key: what the page asks for. header: JSON, without `digest` and `columns`, which the file adds.
    columns: one-dimensional arrays of the `DTYPES` by name, in their order. digest: of the explorer that
    the file belongs to.
    """

    key: str
    header: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    digest: str = ""


def as_script(shard: Shard) -> str:
    """The text of the file, ASCII: the same shard gives the same text.

    Raises
    ------
    AnatomyError: a column of another dtype or shape, a name or a key that no page can read, a number
        in the header that is not finite.
    """
    for name, column in shard.columns.items():
        if not COLUMN.fullmatch(name) or column.ndim != 1 or _plain(column).dtype not in NAMES:
            raise AnatomyError(
                f"shard {shard.key!r}: column {name!r} is {column.dtype} of shape {column.shape}; a column "
                f"is a row of {', '.join(DTYPES)}, and named in lower case"
            )
    columns = {name: _plain(column) for name, column in shard.columns.items()}
    about = {name: [NAMES[column.dtype], len(column)] for name, column in columns.items()}
    reserved = {"digest": shard.digest, **({"columns": about} if columns else {})}
    if reserved.keys() & shard.header.keys():
        raise AnatomyError(
            f"shard {shard.key!r}: digest and columns are the file's own; rename them"
        )
    header = {**reserved, **shard.header}
    packed = b"".join(_padded(column.tobytes()) for column in columns.values())
    payload = base64.b64encode(zlib.compress(packed, LEVEL)).decode() if columns else ""
    return f'anatomy({as_json(shard.key)},\n{as_json(header)},\n"{payload}"\n);\n'


def write_shard(path: str | Path, shard: Shard) -> int:
    """Write a shard, whole or not at all; returns the bytes of the file."""
    text = as_script(shard)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="ascii")
    return len(text)


def as_json(content: Any) -> str:
    """JSON in one line of ASCII that is safe inside a script, whatever text is in it.

    Raises
    ------
    AnatomyError: a number that is not finite, or a key that an object of a script cannot have.
    """
    try:
        text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError) as error:
        raise AnatomyError(
            f"data of the explorer: {error}; write what is missing as null"
        ) from None
    if FORBIDDEN_KEY in text and _has_key(content, FORBIDDEN_KEY):
        raise AnatomyError(f"data of the explorer: {FORBIDDEN_KEY} cannot be a key; rename it")
    return re.sub("|".join(ESCAPED), lambda found: ESCAPED[found[0]], text)


def read_shard(path: str | Path) -> Shard:
    """Read what `write_shard` wrote, number for number.

    Raises
    ------
    AnatomyError: no such file, or one that is not whole.
    """
    try:
        return parsed(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError, KeyError, TypeError, binascii.Error, zlib.error) as error:
        raise AnatomyError(
            f"{path}: no whole file of the explorer ({type(error).__name__}); delete it and rerun"
        ) from None


def parsed(script: str) -> Shard:
    """The shard that a text is of; ValueError and others where it is of none."""
    first, second, third, last, end = script.split("\n")
    if not (first.startswith("anatomy(") and first.endswith(",") and second.endswith(",")):
        raise ValueError("not a shard")
    if (last, end) != (");", "") or third[:1] != '"' or third[-1:] != '"':
        raise ValueError("not the end of a shard")
    header = json.loads(second[:-1])
    digest, payload = header.pop("digest"), third[1:-1]
    about = header.pop("columns") if payload else {}
    packed = zlib.decompress(base64.b64decode(payload, validate=True)) if payload else b""
    columns, offset = {}, 0
    for name, (dtype, length) in about.items():
        columns[name] = np.frombuffer(packed, DTYPES[dtype], length, offset)
        offset += -(-columns[name].nbytes // ALIGNMENT) * ALIGNMENT
    if offset != len(packed):
        raise ValueError("more bytes than columns")
    return Shard(json.loads(first[len("anatomy(") : -1]), header, columns, digest)


def text_columns(name: str, texts: Iterable[str | bytes]) -> dict[str, np.ndarray]:
    """Texts as two columns: UTF-8 bytes ``<name>_bytes`` u8, and ``<name>_offsets`` u32, one more than texts.

    Bytes are kept as they are. Half of a surrogate pair is no character; it becomes U+FFFD.
    """
    parts = [_bytes(text) for text in texts]
    offsets = np.zeros(len(parts) + 1, "<u4")
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return {f"{name}_bytes": np.frombuffer(b"".join(parts), "<u1"), f"{name}_offsets": offsets}


def rounded(column: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Numbers as float32 with so many binary digits after the first; the usual ones take half the room, 1 part in 8192.

    What is not finite stays as it is.
    """
    whole = column.astype("<f4").view("<u4")
    cut = 23 - bits
    kept = (whole + np.uint32(1 << (cut - 1))) & np.uint32(0xFFFFFFFF << cut & 0xFFFFFFFF)
    found = np.where(np.isfinite(column), kept, whole).view("<f4")
    return np.where(np.isfinite(found), found, column.astype("<f4"))


def texts_of(columns: Mapping[str, np.ndarray], name: str) -> list[bytes]:
    """The bytes of each text of a column."""
    whole = columns[f"{name}_bytes"].tobytes()
    offsets = columns[f"{name}_offsets"].tolist()
    return [whole[a:b] for a, b in pairwise(offsets)]


def _bytes(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    return re.sub("[\ud800-\udfff]", "\ufffd", text).encode()


def _plain(column: np.ndarray) -> np.ndarray:
    """A column in the byte order of the files."""
    return np.ascontiguousarray(column, column.dtype.newbyteorder("<"))


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % ALIGNMENT)


def _has_key(content: Any, key: str) -> bool:
    if isinstance(content, Mapping):
        return key in content or any(_has_key(each, key) for each in content.values())
    return isinstance(content, list | tuple) and any(_has_key(each, key) for each in content)
