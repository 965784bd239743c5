"""Files of text, row by row: JSON lines, parquet, or one text; whole, in their encoding, in bounded memory."""

import codecs
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.text.compressed import MAGIC, PIECE, opened
from workflow_scripts.anatomy.text.validation import Document

UTF8 = "utf-8"
# One line, or one text, has to fit into memory several times over.
LONGEST = 2**27
TOO_LONG = (
    f"longer than {LONGEST >> 20} MiB, the most that one text may have; split it into several"
)
# Rows of a parquet file that are in memory at a time.
ROWS = 256


def kind_of(path: Path) -> str:
    """What a file is when it is not compressed: .txt, .jsonl, .parquet."""
    return Path(path.stem).suffix if path.suffix in MAGIC else path.suffix


def is_utf8(encoding: str) -> bool:
    """Whether an encoding is UTF-8, whatever it is called."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def whole_text(path: Path, encoding: str = UTF8) -> str:
    """The text of a file that is one text."""
    content = bytearray()
    with opened(path) as stream:
        while piece := stream.read(PIECE):
            content += piece
            if len(content) > LONGEST:
                raise AnatomyError(f"{path}: {TOO_LONG} files")
    return decoded(bytes(content), path, encoding)


def lines(path: Path, encoding: str = UTF8) -> Iterator[str]:
    """The lines of a file, in bounded memory."""
    with opened(path) as stream:
        if not is_utf8(encoding):
            yield from _lines_of(stream, path, encoding)
            return
        start, number = 0, 0
        while line := stream.readline(LONGEST + 1):
            number += 1
            if len(line) > LONGEST:
                raise AnatomyError(f"{path}, line {number}: {TOO_LONG} lines")
            yield decoded(line, path, UTF8, start)
            start += len(line)


def _lines_of(stream: Any, path: Path, encoding: str) -> Iterator[str]:
    """The same in an encoding whose lines do not all end with the byte of a line feed."""
    text = io.TextIOWrapper(stream, encoding, newline="\n")
    number = 0
    while True:
        number += 1
        try:
            line = text.readline(LONGEST + 1)
        except UnicodeError as error:
            raise AnatomyError(
                f"{path}, after line {number - 1}: not {encoding} ({one_line(error)}); correct encoding"
            ) from None
        if not line:
            return
        if len(line) > LONGEST:
            raise AnatomyError(f"{path}, line {number}: {TOO_LONG} lines")
        if "\0" in line:
            raise AnatomyError(
                f"{path}, line {number}: a NUL character, so this is a binary file or not {encoding}; "
                "narrow the paths or correct encoding"
            )
        yield line.removeprefix("\ufeff") if number == 1 else line


def decoded(content: bytes, path: Path, encoding: str = UTF8, start: int = 0) -> str:
    """Bytes as text; start: where in the file they begin, for messages and the byte order mark.

    Raises
    ------
    AnatomyError: they are not in the encoding, or there is a NUL among them.
    """
    utf8 = is_utf8(encoding)
    try:
        text = content.decode(("utf-8-sig" if start == 0 else UTF8) if utf8 else encoding)
    except UnicodeError as error:
        at = start + getattr(error, "start", 0)
        name = "UTF-8" if utf8 else encoding
        if b"\0" in content and utf8:
            return _binary(content, path, start)
        raise AnatomyError(
            f"{path}: not {name} at byte {at}; convert the file to UTF-8, or give the dataset's encoding"
        ) from None
    if "\0" in text:
        return _binary(content, path, start)
    return text if utf8 else text.removeprefix("\ufeff")


def _binary(content: bytes, path: Path, start: int) -> str:
    raise AnatomyError(
        f"{path}: a NUL byte at byte {start + content.find(0)}, so this is a binary file; narrow the "
        "paths, or give the dataset's encoding"
    )


def json_rows(path: Path, column: str, encoding: str = UTF8) -> Iterator[Document]:
    """The text of each line of a file of JSON lines; lines without anything are passed over."""
    for number, line in enumerate(lines(path, encoding), start=1):
        if line.strip():
            where = f"{path}, line {number}"
            yield f"{path}:{number}", cell(json_object(line, where), column, where)


def json_object(line: str, where: str) -> dict[str, Any]:
    """A line of a file of JSON lines.

    Raises
    ------
    AnatomyError: it is not JSON, no object, or nested too deeply.
    """
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise AnatomyError(
            f"{where}: not JSON ({error}); each line must be one JSON object"
        ) from None
    except RecursionError:
        raise AnatomyError(f"{where}: JSON that is nested too deeply; remove the line") from None
    except ValueError as error:  # a number of thousands of digits
        raise AnatomyError(f"{where}: not to be read ({one_line(error)}); remove it") from None
    if not isinstance(row, dict):
        raise AnatomyError(f"{where}: each line must be a JSON object")
    return row


@contextmanager
def _parquet(path: Path, column: str) -> Iterator[Any]:
    """A parquet file with this column, whose pages are checked where it has checksums."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            if column not in file.schema_arrow.names:
                cell(dict.fromkeys(file.schema_arrow.names), column, str(path))
            yield file
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise AnatomyError(
            f"{path}: not a whole parquet file ({one_line(error)}); get it again"
        ) from None


def check_schema(path: Path, column: str) -> None:
    """Look at what a parquet file says of itself, at its end.

    Raises
    ------
    AnatomyError: it says nothing, or has not the column.
    """
    with _parquet(path, column):
        pass


def parquet_rows(path: Path, column: str) -> Iterator[Document]:
    """The text of each row of a parquet file."""
    with _parquet(path, column) as file:
        number = 0
        for batch in file.iter_batches(batch_size=ROWS, columns=[column]):
            for value in batch.column(0).to_pylist():
                number += 1
                where = f"{path}, row {number}"
                yield f"{path}:{number}", cell({column: value}, column, where)
        if number != file.metadata.num_rows:
            raise OSError(f"{number} rows of {file.metadata.num_rows}")


def cell(row: dict[str, Any], column: str, where: str) -> str:
    """The text in a column of a row.

    Raises
    ------
    AnatomyError: there is no such column, it holds no text, or what Unicode does not allow.
    """
    if column not in row:
        shown = ", ".join(map(str, row))[:200] or "none at all"
        raise AnatomyError(f"{where}: no column {column}, only {shown}; set text_column")
    text = row[column]
    if not isinstance(text, str):
        raise AnatomyError(f"{where}: {column} is not text but {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise AnatomyError(
            f"{where}: {column} has half a surrogate pair at character {error.start}, which is "
            "not text; repair or remove it"
        ) from None
    return text
