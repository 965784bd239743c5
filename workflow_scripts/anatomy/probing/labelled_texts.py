"""Labelled texts: rows of local files or of a hub data set, a text and its class each.

Which texts are taken, and which of them are tested on, depends on a hash of the text, so that a text that
is there twice is on one side only, and once.
"""

import csv
import glob
import heapq
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.text.hub import hub_rows
from workflow_scripts.anatomy.text.validation import scattered

SUFFIXES = (".csv", ".jsonl", ".parquet")
# Where all labels of a column are classes, there should not be as many as texts.
MOST_CLASSES = 50

Row = dict[str, Any]
Text = tuple[str, str]  # text, class


def labelled_texts(block: dict[str, Any], name: str) -> tuple[list[Text], list[Text]]:
    """The texts to train and to test on: of each class half the examples of a problem, or fewer.

    block: of kind ``text_files`` or ``hf``; name: its name in the configuration, for messages.

    Raises
    ------
    AnatomyError: files or columns that are not there, no or too many classes, a class without texts.
    """
    sizes = [block[f"{side}_examples"] // 2 for side in ("train", "test")]
    if block["kind"] == "hf" and block["test_split"]:
        sides = [
            _taken(_hub(block, block[split], name), block["classes"], size, name)
            for split, size in zip(("split", "test_split"), sizes, strict=True)
        ]
        known = {text for texts in sides[0].values() for text in texts}
        train = _flat(sides[0])
        test = [row for row in _flat(sides[1]) if row[0] not in known]
        return _checked(train, test, name)
    found = _hub(block, block["split"], name) if block["kind"] == "hf" else _files(block, name)
    taken = _taken(found, block["classes"], sum(sizes), name)
    # Too few texts are shared in the proportion asked for.
    share = sizes[0] / sum(sizes)
    bounds = {label: round(len(texts) * share) for label, texts in taken.items()}
    train, test = (
        _flat({label: texts[part(bounds[label])] for label, texts in taken.items()})
        for part in (lambda bound: slice(None, bound), lambda bound: slice(bound, None))
    )
    return _checked(train, test, name)


def _taken(
    found: Iterable[Text], classes: list[str | int | float] | None, size: int, name: str
) -> dict[str, list[str]]:
    """Of each class `size` texts, those with the smallest hashes, in that order."""
    wanted = None if classes is None else {_named(label) for label in classes}
    heaps: dict[str, list[tuple[int, str]]] = {}
    chosen: dict[str, set[int]] = {}
    for text, label in found:
        if not text.strip() or (wanted is not None and label not in wanted):
            continue
        heap, hashes = heaps.setdefault(label, []), chosen.setdefault(label, set())
        if wanted is None and len(heaps) > MOST_CLASSES:
            raise AnatomyError(
                f"labelled.{name}: more than {MOST_CLASSES} classes; list those wanted in classes"
            )
        key = scattered(text)
        if key in hashes:
            continue
        if len(heap) < size:
            heapq.heappush(heap, (-key, text))
            hashes.add(key)
        elif -heap[0][0] > key:
            hashes.discard(-heapq.heapreplace(heap, (-key, text))[0])
            hashes.add(key)
    if wanted and (lacking := sorted(wanted - heaps.keys())):
        raise AnatomyError(
            f"labelled.{name}: no text of class {lacking[0]}; it has {', '.join(sorted(heaps)) or 'none'}"
        )
    if len(heaps) < 2:
        raise AnatomyError(f"labelled.{name}: fewer than two classes; check label_column")
    ordered = {label: [text for _, text in sorted(heaps[label])[::-1]] for label in sorted(heaps)}
    counts: dict[str, int] = {}
    for texts in ordered.values():
        for text in texts:
            counts[text] = counts.get(text, 0) + 1
    # A text of two classes is of none.
    return {
        label: [text for text in texts if counts[text] == 1] for label, texts in ordered.items()
    }


def _flat(texts: dict[str, list[str]]) -> list[Text]:
    return [(text, label) for label, of_label in texts.items() for text in of_label]


def _checked(train: list[Text], test: list[Text], name: str) -> tuple[list[Text], list[Text]]:
    labels = {label for _, label in train} & {label for _, label in test}
    if len(labels) < 2:
        raise AnatomyError(f"labelled.{name}: fewer than two classes have texts on both sides")
    log.info(f"labelled.{name}: {len(train)} texts to train on, {len(test)} to test")
    return train, test


def labelled_files(block: dict[str, Any], name: str) -> list[Path]:
    """The files that the patterns of a block match, sorted.

    Raises
    ------
    AnatomyError: nothing matches a pattern, or a file is of no known kind.
    """
    found: set[Path] = set()
    for pattern in block["paths"]:
        paths = [Path(path) for path in glob.glob(pattern, recursive=True) if Path(path).is_file()]
        if not paths:
            raise AnatomyError(f"labelled.{name}.paths: no file matches {pattern}")
        found.update(paths)
    for path in sorted(found):
        if path.suffix not in SUFFIXES:
            raise AnatomyError(
                f"labelled.{name}.paths: {path} is not one of {', '.join(SUFFIXES)}; convert it"
            )
    return sorted(found)


def _files(block: dict[str, Any], name: str) -> Iterator[Text]:
    read = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
    for path in labelled_files(block, name):
        for number, row in enumerate(read[path.suffix](path), start=1):
            where = f"{path}, row {number}"
            text = _cell(row, block["text_column"], where, "text_column")
            label = _cell(row, block["label_column"], where, "label_column")
            yield _text(text, where), _named(label)


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    try:
        with open(path, encoding="utf-8-sig", newline="") as lines:
            yield from csv.DictReader(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnatomyError(f"{path}: not a CSV file in UTF-8 ({one_line(error)})") from None


def _json_rows(path: Path) -> Iterator[Row]:
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise AnatomyError(f"{path}, line {number}: not JSON ({one_line(error)})") from None
            if not isinstance(row, dict):
                raise AnatomyError(f"{path}, line {number}: each line must be a JSON object")
            yield row


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=1024):
            yield from batch.to_pylist()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise AnatomyError(f"{path}: not a whole parquet file ({one_line(error)})") from None


def _hub(block: dict[str, Any], split: str, name: str) -> Iterator[Text]:
    """Stream the first `rows` rows of a hub data set, or of each of its `parts`."""
    source = block["path"]
    parts = block["parts"] or {None: {}}
    for label, own in parts.items():
        about = block | own
        rows = hub_rows(f"labelled.{name}", source, about["name"], split, about["revision"])
        for number, row in enumerate(islice(rows, block["rows"]), start=1):
            where = f"labelled.{name}: {source}, row {number}"
            text = _text(_cell(row, about["text_column"], where, "text_column"), where)
            if label is None:
                yield text, _named(_cell(row, about["label_column"], where, "label_column"))
            else:
                yield text, label


def _cell(row: Row, column: str, where: str, key: str) -> Any:
    """A column of a row; ``a.b`` is column b of what column a holds, where there is no such name."""
    cell: Any = row
    for name in [column] if column in row else column.split("."):
        if not isinstance(cell, dict) or name not in cell:
            raise AnatomyError(
                f"{where}: no column {column}, only {', '.join(map(str, row))}; set {key}"
            )
        cell = cell[name]
    return cell


def _named(label: Any) -> str:
    """A label as a class's name: 5 and 5.0 are one."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _text(cell: Any, where: str) -> str:
    if not isinstance(cell, str):
        raise AnatomyError(f"{where}: the text is not text but {type(cell).__name__}")
    return cell
