"""The files of text datasets are looked at before anything runs, and every bad one is named at once.

How each file begins is read, and small ones whole, up to so many bytes in all: what that does not find, the
job that collects the documents does.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean, one_line
from workflow_scripts.anatomy.text.compressed import opened
from workflow_scripts.anatomy.text.documents import matching_files
from workflow_scripts.anatomy.text.rows import check_schema, decoded, json_rows, kind_of, whole_text

# What is read of every file, and of all files together.
HEAD, ALL = 1 << 20, 1 << 28
# Rows that are read of a file that is not read whole.
ROWS = 3
SHOWN = 20
NO_TEXT = "{path}: the file has no text in it; remove it or fill it"
KNOWN_ENCODINGS = ("utf-8", "utf-16", "utf-32", "latin-1", "cp1252", "gb18030", "shift_jis", "big5")


def check_text_files(config: dict[str, Any]) -> None:
    """Look at every file of every text dataset that something in a checked configuration uses.

    Raises
    ------
    AnatomyError: an encoding that Python does not know, a pattern without files, or files that cannot be
        read: all of them, each with what is wrong.
    """
    bad = []
    left = ALL
    for name in sorted(_used(config)):
        block = config["datasets"][name]
        if block["kind"] != "text_files":
            continue
        check_encoding(f"datasets.{name}.encoding", block["encoding"])
        for path in sorted(matching_files(block["paths"], name)):
            size = _size(path)
            try:
                _look_at(path, block, size <= min(HEAD, left))
            except AnatomyError as error:
                bad.append(str(error))
            left -= min(size, HEAD)
    if len(bad) == 1:
        raise AnatomyError(bad[0])
    if bad:
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        shown = "; ".join(f"({n}) {each}" for n, each in enumerate(bad[:SHOWN], start=1))
        raise AnatomyError(f"{len(bad)} text files cannot be read: {shown}{more}")


def check_encoding(where: str, encoding: str) -> None:
    """An encoding must be one of text.

    Raises
    ------
    AnatomyError: Python knows none of this name.
    """
    try:
        # A codec of other things (hex, zip) fails here too.
        "a".encode(encoding)
    except (LookupError, ValueError):
        raise AnatomyError(
            f"config: {where}: {encoding[:60]!r} is no encoding of text"
            f"{did_you_mean(encoding, KNOWN_ENCODINGS)}"
        ) from None


def _used(config: dict[str, Any]) -> set[str]:
    trained = {m["dataset"] for m in config["models"].values() if m["kind"] == "train"}
    return trained | {harvest["dataset"] for harvest in config["harvests"].values()}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _look_at(path: Path, block: dict[str, Any], whole: bool) -> None:
    column, encoding = block["text_column"], block["encoding"]
    try:
        if kind_of(path) == ".parquet":
            check_schema(path, column)
        elif kind_of(path) == ".jsonl":
            _rows(json_rows(path, column, encoding), path, whole)
        elif whole:
            if not whole_text(path, encoding).strip():
                raise AnatomyError(NO_TEXT.format(path=path))
        else:
            _begins(path, encoding)
    except OSError as error:
        raise AnatomyError(f"{path}: cannot be read ({one_line(error)})") from None


def _rows(rows: Iterator[tuple[str, str]], path: Path, whole: bool) -> None:
    if whole:
        # Every row is read, for what may be wrong with it.
        if not [True for _, text in rows if text.strip()]:
            raise AnatomyError(NO_TEXT.format(path=path))
    else:
        # Rows without text at the head say nothing of the others.
        list(islice(rows, ROWS))


def _begins(path: Path, encoding: str) -> None:
    """How a text begins: in its encoding, and without a NUL."""
    with opened(path) as stream:
        # The last character may be cut in two.
        decoded(_whole_characters(stream.read(HEAD), encoding), path, encoding)


def _whole_characters(content: bytes, encoding: str) -> bytes:
    """Bytes without the beginning of a character at their end, if that is all that is wrong with them."""
    for cut in range(8):
        try:
            content[: len(content) - cut].decode(encoding)
        except UnicodeError:
            continue
        return content[: len(content) - cut]
    return content
