"""Zarr stores that are whole or not there: written with a lock, sealed by a manifest, checked on opening.

A shard that is missing from a zarr array reads silently as zeros, so every store carries a
`manifest.json` with the size and the SHA-256 of each of its files. It is written last: a store
without one is unfinished, and is written anew.
"""

import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError

MANIFEST = "manifest.json"


def folder_of(path: str | Path) -> Path:
    """The folder of a store that is named by itself or by its manifest, as rules name it."""
    path = Path(path)
    return path.parent if path.name == MANIFEST else path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes its place, on failure it goes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` to `path` as JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_arrays(path: str | Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays to an npz file, whole or not at all; the same arrays give the same bytes."""
    import numpy as np

    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


@contextmanager
def writing(path: str | Path, kind: str) -> Iterator[Any]:
    """Create the store at `path`, yield its zarr group, and seal it if the block succeeds.

    Parameters
    ----------
    path: the folder of the store, or its manifest; whatever is in it is deleted first.
    kind: what the store is (``activations``, ``codes``); opening it asks for the same.

    What the block puts into `group.attrs` is the store's description and is sealed with it.

    Raises
    ------
    AnatomyError: another process is writing this store.
    """
    import zarr

    path = folder_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_file = path.with_name(f".{path.name}.lock")
    with open(lock_file, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnatomyError(
                f"{path}: another process is writing this store; wait for it or stop it, then rerun"
            ) from None
        # The manifest goes first, so that a store half deleted is never taken for a whole one.
        (path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
        group = zarr.create_group(str(path), attributes={"kind": kind})
        yield group
        files = {
            name: {"size": (path / name).stat().st_size, "sha256": digest_of_file(path / name)}
            for name in _files(path)
        }
        write_json(path / MANIFEST, {"kind": kind, "files": files})
        lock_file.unlink(missing_ok=True)


def opening(path: str | Path, kind: str) -> Any:
    """Open the finished store at `path` for reading and return its zarr group.

    A file is read in full only where the system changed it after the manifest (ctime, which nobody
    else can set): it was written since, or copied, and may be that of another store.

    Raises
    ------
    AnatomyError: no manifest (unfinished), a file missing, of another size or with other content
        (damaged), or a store of another kind.
    """
    import zarr

    path = folder_of(path)
    manifest = read_manifest(path)
    if manifest["kind"] != kind:
        raise AnatomyError(f"{path}: this is a store of {manifest['kind']}, not of {kind}")
    sealed, read_anew = (path / MANIFEST).stat(), False
    for name, expected in manifest["files"].items():
        try:
            status = (path / name).stat()
        except FileNotFoundError:
            raise AnatomyError(_damaged(path, name, "is missing")) from None
        if status.st_size != expected["size"]:
            found = f"has {status.st_size} bytes instead of {expected['size']}"
            raise AnatomyError(_damaged(path, name, found))
        if status.st_ctime_ns > sealed.st_ctime_ns:
            read_anew = True
            if (found := digest_of_file(path / name)) != expected["sha256"]:
                raise AnatomyError(_damaged(path, name, _other(found, expected["sha256"])))
    if read_anew:
        # The manifest's ctime becomes now, and its time of modification, which rules go by, stays.
        with suppress(OSError):
            os.chmod(path / MANIFEST, stat.S_IMODE(sealed.st_mode))
    return zarr.open_group(str(path), mode="r")


def verify(path: str | Path) -> int:
    """Read every file of the store at `path` against its manifest; return how many there are.

    Raises
    ------
    AnatomyError: a file is missing, or its content is not the one that was written.
    """
    path = folder_of(path)
    files = read_manifest(path)["files"]
    for name, expected in files.items():
        if not (path / name).exists():
            raise AnatomyError(_damaged(path, name, "is missing"))
        if (found := digest_of_file(path / name)) != expected["sha256"]:
            raise AnatomyError(_damaged(path, name, _other(found, expected["sha256"])))
    return len(files)


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of the store at `path`."""
    try:
        manifest = json.loads((path / MANIFEST).read_text())
    except FileNotFoundError:
        raise AnatomyError(
            f"{path}: the store has no {MANIFEST}, so it was never finished; "
            "rerun the workflow and it is written anew"
        ) from None
    except ValueError:  # neither JSON nor, perhaps, text
        manifest = None
    if not isinstance(manifest, dict) or not {"kind", "files"} <= manifest.keys():
        raise AnatomyError(_damaged(path, MANIFEST, "is not what was written"))
    return manifest


def _damaged(path: Path, name: str, what: str) -> str:
    manifest = path / MANIFEST
    return (
        f'{path}: {name} {what}; delete {manifest} and rerun (make run ARGS="{manifest}"), '
        "and the store is rebuilt"
    )


def _other(found: str, expected: str) -> str:
    return f"does not have the content that was written (sha256 {found[:12]} instead of {expected[:12]})"


def _files(path: Path) -> list[str]:
    found = (file for file in path.rglob("*") if file.is_file() and file.name != MANIFEST)
    return sorted(str(file.relative_to(path)) for file in found)


def digest_of_file(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
