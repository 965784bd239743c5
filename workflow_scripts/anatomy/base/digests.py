"""What every job wrote and read, as digests: nothing else passes under its name later on.

A file can lie in the right place, whole, and yet be another one: two folders were swapped, weights were
copied over others. So each job leaves a record for each of its outputs in ``.digests/`` of the store or
of the run, and each job compares what it is given with these records before it starts.

Comparing is cheap. A file whose time of change (ctime, which nothing but the system sets), size and inode
are those of its last comparison is not read again; of a zarr store only the manifest is read, which holds
the digests of the rest.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import MANIFEST, digest_of_file, verify, write_json

FOLDER = ".digests"
SUFFIX = ".json"
# Outputs that stand for a folder, relative to their own: the rest is written with them.
FOLDERS = {"model.json": "model", "cfg.json": ".", "tokenizer.json": "."}
SHOWN = 12


@dataclass(frozen=True)
class Roots:
    """The folders that have records: of the store, which runs share, and of one run."""

    store: Path
    run: Path

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Roots":
        """Those of a checked configuration."""
        return cls(Path(config["store"]), Path("results") / str(config["run"]))

    def record_of(self, path: str | Path) -> tuple[str, Path] | None:
        """What a file is called in records ("store/tiny/model.json"), and its own record.

        None for a file outside.
        """
        for kind, root in (("store", self.store), ("run", self.run)):
            with suppress(ValueError):
                inner = Path(path).relative_to(root)
                return f"{kind}/{inner}", root / FOLDER / f"{inner}{SUFFIX}"
        return None

    def path_of(self, name: str) -> str:
        """The file that records call by a name."""
        kind, _, inner = name.partition("/")
        return str((self.store if kind == "store" else self.run) / inner)


def forget(roots: Roots, outputs: Iterable[str]) -> None:
    """Drop the records of what is about to be written anew."""
    for path in outputs:
        if place := roots.record_of(path):
            with suppress(OSError):
                place[1].unlink(missing_ok=True)


def record(roots: Roots, inputs: Iterable[str], outputs: Iterable[str]) -> None:
    """Write a record for each output that is there, with the digests of what it was made from."""
    read = dict(_digests_of(roots, inputs))
    for path in outputs:
        place = roots.record_of(path)
        if place and Path(path).exists():
            files = {name: _described(file) for name, file in _files(Path(path))}
            write_json(place[1], {"name": place[0], "files": files, "read": read})


def check(roots: Roots, inputs: Iterable[str]) -> None:
    """Compare inputs with their records; what has none, as the files of a person, is left alone.

    Raises
    ------
    AnatomyError: an input is not what was written there, or was made from another file than lies
        there now. The message names both, by name and by digest.
    """
    current: dict[str, str | None] = {}
    for path in inputs:
        place = roots.record_of(path)
        if place is None or (written := _read(place[1])) is None:
            continue
        compare(path, place, written, roots)
        for source, digest in written["read"].items():
            if source.startswith("run/") and place[0].startswith("store/"):
                continue  # of whichever run made it
            if source not in current:
                current[source] = dict(_digests_of(roots, [roots.path_of(source)])).get(source)
            now = current[source]
            if now is not None and now != digest:
                raise AnatomyError(
                    f"{path}: was made from another {source} (sha256 {digest[:SHOWN]}) than lies there now "
                    f"({now[:SHOWN]}); {remedy(path)}"
                )


def compare(
    path: str | Path,
    place: tuple[str, Path],
    written: Mapping[str, Any],
    roots: Roots,
    again: bool = False,
) -> None:
    """Raise AnatomyError unless a file is what its record says; again: read all of it in any case."""
    name, file_of_record = place
    if written["name"] != name:
        raise AnatomyError(
            f"{path}: its record is that of {written['name']}; {remedy(path, file_of_record)}"
        )
    read_anew = False
    for inner, expected in written["files"].items():
        file = Path(path) / inner if Path(path).is_dir() else Path(path).parent / inner
        try:
            found = _stamp(file)
            if found == expected["stamp"] and not again:
                continue
            digest = digest_of_file(file)
        except FileNotFoundError:
            raise AnatomyError(f"{file}: is missing; {remedy(path)}") from None
        if digest != expected["sha256"]:
            other = _known_as(digest, roots)
            what = f"this is {other}" if other else "does not have the content that was written"
            raise AnatomyError(
                f"{file}: {what} (sha256 {digest[:SHOWN]}, and {expected['sha256'][:SHOWN]} was written "
                f"here, {found[0]} bytes instead of {expected['stamp'][0]}); {remedy(path)}"
            )
        expected["stamp"], read_anew = found, True
    if again and Path(path).name == MANIFEST:
        verify(path)
    if read_anew:
        with suppress(OSError):  # a store that may only be read
            write_json(file_of_record, written)


def damaged(roots: Roots) -> Iterator[tuple[str, str]]:
    """Read everything that has a record; yields each file that is not what was written, and a sentence."""
    for path, place in recorded(roots):
        try:
            if (written := _read(place[1])) is not None:
                compare(path, place, written, roots, again=True)
        except (AnatomyError, OSError) as error:
            yield path, str(error)


def recorded(roots: Roots) -> Iterator[tuple[str, tuple[str, Path]]]:
    """Every file that has a record, with its name in records and the record's path."""
    for kind, root in (("store", roots.store), ("run", roots.run)):
        for file in sorted((root / FOLDER).rglob(f"*{SUFFIX}")):
            inner = str(file.relative_to(root / FOLDER)).removesuffix(SUFFIX)
            if not file.name.startswith("."):  # one that is being written
                yield str(root / inner), (f"{kind}/{inner}", file)


def remedy(path: str | Path, *others: Path) -> str:
    """How a file is rebuilt, in words."""
    files = " and ".join(map(str, [path, *others]))
    return f'delete {files} and rebuild it: make run ARGS="{path}"'


def _digests_of(roots: Roots, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        place = roots.record_of(path)
        if place and (written := _read(place[1])):
            shas = [each["sha256"] for _, each in sorted(written["files"].items())]
            one = hashlib.sha256(" ".join(shas).encode()).hexdigest()
            yield place[0], shas[0] if len(shas) == 1 else one


def _read(file: Path) -> dict[str, Any] | None:
    try:
        written = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        written = None
    if not isinstance(written, dict) or not {"name", "files", "read"} <= written.keys():
        raise AnatomyError(
            f"{file}: this record of digests is damaged; delete it and what it is of"
        )
    return written


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """A file and those that are written with it, each with its path relative to the file's folder."""
    if path.is_dir():
        yield from ((str(f.relative_to(path)), f) for f in _below(path))
        return
    yield path.name, path
    if path.name in FOLDERS:
        others = _below(path.parent / FOLDERS[path.name])
        yield from ((str(f.relative_to(path.parent)), f) for f in others if f != path)


def _below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _described(file: Path) -> dict[str, Any]:
    return {"stamp": _stamp(file), "sha256": digest_of_file(file)}


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_ctime_ns, status.st_ino]


def _known_as(digest: str, roots: Roots) -> str | None:
    """The file of the store or the run that has this content by its record."""
    for path, place in recorded(roots):
        with suppress(AnatomyError):
            for each in (_read(place[1]) or {"files": {}})["files"].values():
                if each["sha256"] == digest:
                    return path
    return None
