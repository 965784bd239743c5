"""Fingerprints of the files that a run is given: what depends on one is remade when its content changes.

Time stamps tell too little (a file that is moved into place keeps its own, maybe an older one) and too much
(one that was touched is the same). Every rule that reads such files therefore has their fingerprint among
its parameters, as it has that of its code, and is told to overlook their times.

A digest is computed once: it is kept under the file's path with its size, its times to the nanosecond and
its inode, and looked up as long as all of these stay. What is kept is of this machine, and may be deleted.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.base.store import digest_of_file, write_json

CACHE = Path(".snakemake") / "fingerprints.json"
# A file that changed so lately could change again without its times telling.
SETTLED_SECONDS = 2.0

_kept: dict[Path, dict[str, Any]] = {}


def fingerprint(files: Iterable[str | Path], cache: Path = CACHE) -> str:
    """A digest of the paths and the content of some files, 16 hexadecimal digits; "" of none.

    cache: the file in which digests are kept. One that cannot be read or written is done without.

    Raises
    ------
    AnatomyError: a file cannot be read.
    """
    paths = sorted({str(file) for file in files})
    if not paths:
        return ""
    kept = _kept_in(cache)
    new = False
    lines = []
    for path in paths:
        state = _state(path)
        name = str(Path(path).absolute())
        known = kept.get(name)
        if known is None or known[:-1] != state:
            known = [*state, _digest(path)]
            kept[name] = known
            # A file that is written meanwhile is read again next time, here and in later processes.
            new |= _is_settled(path, state)
        lines.append(f"{path}\0{known[-1]}")
    if new:
        _keep(cache, kept)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _state(path: str) -> list[int]:
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise AnatomyError(f"{path}: cannot be read ({one_line(error)})") from None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _digest(path: str) -> str:
    try:
        return digest_of_file(path)
    except OSError as error:
        raise AnatomyError(f"{path}: cannot be read ({one_line(error)})") from None


def _is_settled(path: str, state: list[int]) -> bool:
    """Whether a file is as it was before it was read, and that for a while."""
    return _state(path) == state and time.time() - max(state[1:3]) / 1e9 > SETTLED_SECONDS


def _kept_in(cache: Path) -> dict[str, Any]:
    if cache not in _kept:
        try:
            kept = json.loads(cache.read_text())
        except (OSError, ValueError):
            kept = {}
        _kept[cache] = kept if isinstance(kept, dict) else {}
    return _kept[cache]


def _keep(cache: Path, kept: dict[str, Any]) -> None:
    """Write what is kept, but for files that changed a moment ago."""
    now = time.time()
    settled = {
        name: known
        for name, known in sorted(kept.items())
        if now - max(known[1:3]) / 1e9 > SETTLED_SECONDS
    }
    # In a folder that cannot be written to, digests are computed anew each time.
    with suppress(OSError):
        write_json(cache, settled)
