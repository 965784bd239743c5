"""Documents: where the text comes from. A document is a pair of an id and a text."""

import glob
import io
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress, log
from workflow_scripts.anatomy.text.compressed import MAGIC
from workflow_scripts.anatomy.text.hub import hub_rows
from workflow_scripts.anatomy.text.rows import (
    UTF8,
    cell,
    json_rows,
    kind_of,
    parquet_rows,
    whole_text,
)
from workflow_scripts.anatomy.text.validation import Document, scattered

# Folders of the standard library that hold what somebody installed, or tests and their oddities.
NOT_LIBRARY = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"}
PLAIN = (".txt", ".jsonl")
SUFFIXES = (*PLAIN, *(kind + packed for kind in PLAIN for packed in MAGIC), ".parquet")


def documents(dataset: dict[str, Any], name: str) -> Iterator[Document]:
    """Walk over the documents (id, text) of a dataset block, in a fixed order, as a stream.

    Parameters
    ----------
    dataset: the config's block, of kind ``python_stdlib``, ``text_files`` or ``hf``.
    name: the dataset's name in the config, for messages.

    Raises
    ------
    AnatomyError: nothing matches, or a file is empty, binary, not UTF-8, or lacks the text column.
    """
    match dataset["kind"]:
        case "python_stdlib":
            return python_files(Path(sysconfig.get_paths()["stdlib"]))
        case "text_files":
            paths = matching_files(dataset["paths"], name)
            column = dataset.get("text_column", "text")
            encoding = dataset.get("encoding", UTF8)
            return (found for path in paths for found in read_documents(path, column, encoding))
        case "hf":
            return hub_documents(dataset, name)
        case kind:
            raise AnatomyError(f"datasets.{name}.kind: {kind} is not python_stdlib, text_files, hf")


def python_files(folder: Path) -> Iterator[Document]:
    """Walk over the Python files below `folder`, without tests and without installed packages.

    Ids are paths relative to `folder`; files without text are passed over. Files come in a
    scattered order: neighbours in the alphabet are alike, and a part of the text should be like all.
    """

    def place(path: Path) -> int:
        return scattered(path.relative_to(folder).as_posix())

    for path in sorted(folder.rglob("*.py"), key=place):
        parts = path.relative_to(folder).parts
        # _sysconfigdata_*.py is written by the machine that built Python: its paths, its flags.
        if NOT_LIBRARY.isdisjoint(parts) and not path.name.startswith("_sysconfigdata"):
            text = _decoded_python(path)
            if text.strip():
                yield "/".join(parts), text


def matching_files(patterns: list[str], name: str) -> list[Path]:
    """Return the files that match the glob patterns, each once, in a scattered order.

    Raises
    ------
    AnatomyError: nothing matches a pattern (or its folder is not there), or a file's kind is
        unknown.
    """
    found: set[Path] = set()
    for pattern in patterns:
        paths = [Path(path) for path in glob.glob(pattern, recursive=True) if Path(path).is_file()]
        if not paths:
            folder = Path(_fixed_part(pattern))
            why = "" if folder.exists() else f" (the folder {folder} does not exist)"
            raise AnatomyError(f"datasets.{name}.paths: no file matches {pattern}{why}")
        found.update(paths)
    for path in sorted(found):
        if not path.name.endswith(SUFFIXES):
            raise AnatomyError(
                f"datasets.{name}.paths: {path} is not one of {', '.join(SUFFIXES)}; "
                "narrow the pattern or convert the file"
            )
    return sorted(found, key=lambda path: (scattered(path.name), path))


def read_documents(path: Path, column: str, encoding: str = UTF8) -> Iterator[Document]:
    """Walk over the documents of one file: all of a .txt, the rows of the others.

    Ids are the path, followed for rows by ``:`` and the row's number from 1; rows without text
    are passed over, a file without any is an error.
    """
    if kind_of(path) == ".txt":
        rows: Iterable[Document] = [(str(path), whole_text(path, encoding))]
    elif path.name.endswith(".parquet"):
        rows = parquet_rows(path, column)
    else:
        rows = json_rows(path, column, encoding)
    empty = True
    for identifier, text in rows:
        if text.strip():
            empty = False
            yield identifier, text
    if empty:
        raise AnatomyError(f"{path}: the file has no text in it; remove it or fill it")


def hub_documents(dataset: dict[str, Any], name: str) -> Iterator[Document]:
    """Stream the first `documents` rows of a hub data set, at its pinned revision; see `hub_rows`."""
    source, column = dataset["path"], dataset.get("text_column", "text")
    rows = hub_rows(
        f"datasets.{name}",
        source,
        dataset.get("name"),
        dataset["split"],
        dataset.get("revision"),
    )
    limit = dataset.get("documents")
    progress, number = Progress(f"reading {source}", limit or 0), 0
    for number, row in enumerate(islice(rows, limit), start=1):
        text = cell(row, column, f"datasets.{name}: {source}, row {number}")
        if text.strip():
            yield f"{source}:{number}", text
        progress(number)
    if limit is not None and number < limit:
        log.info("%s has %d documents, fewer than the %d asked for", source, number, limit)


def _decoded_python(path: Path) -> str:
    content = path.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return content.decode(encoding)


def _fixed_part(pattern: str) -> str:
    """The folders of a glob pattern before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return str(Path(*fixed)) if fixed else "."
