"""The file of losses of a site: an entry for the baselines and one for each SAE, measured once each.

An entry carries a digest of all that it depends on. What has the digest that it would have now is
kept, so that one more SAE costs the measurement of that one alone.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.store import digest_of_file, write_arrays

BASELINES = "baselines"


@dataclass(frozen=True)
class Entry:
    """Sums per document by name, (D,) float64, and the digest of what they were measured from."""

    digest: str
    sums: dict[str, np.ndarray]


def entry_of(sae: str) -> str:
    """Name of an SAE's entry; no SAE can take the baselines' name."""
    return f"sae/{sae}"


def wanted_entries(
    about: dict[str, Any], saes: Mapping[str, str], maps: Mapping[str, str]
) -> dict[str, str]:
    """Entry -> digest of what it depends on, of the baselines and of every SAE.

    Parameters
    ----------
    about: what all entries depend on, as JSON can hold it.
    saes: entry -> file of the SAE; maps: entry -> file of its error map, for those that have one.
    """
    wanted = {BASELINES: _digest_of(about)}
    for entry, path in saes.items():
        files = [path, maps[entry]] if entry in maps else [path]
        wanted[entry] = _digest_of(about | {"files": [digest_of_file(each) for each in files]})
    return wanted


def _digest_of(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def save_entries(path: str | Path, entries: Mapping[str, Entry]) -> None:
    """Write entries to an npz file, whole or not at all; the same entries give the same bytes."""
    arrays: dict[str, Any] = {}
    for name in sorted(entries):
        arrays[f"{name}/digest"] = np.array(entries[name].digest)
        for key, sums in sorted(entries[name].sums.items()):
            arrays[f"{name}/{key}"] = sums
    write_arrays(path, arrays)


def load_entries(path: str | Path) -> dict[str, Entry]:
    """Read what `save_entries` wrote.

    Raises
    ------
    AnatomyError: no such file, or one that is damaged.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for key in arrays.files:
                name, _, part = key.rpartition("/")
                found.setdefault(name, {})[part] = arrays[key]
        return {name: Entry(str(parts.pop("digest")), parts) for name, parts in found.items()}
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise AnatomyError(
            f"{path}: the losses cannot be read ({type(error).__name__}); delete the file and rerun"
        ) from error


def measure_missing(
    path: str | Path,
    wanted: Mapping[str, str],
    measure: Callable[[str], dict[str, np.ndarray]],
) -> dict[str, Entry]:
    """The wanted entries, in their order: taken from `path` where they are current, else measured.

    Parameters
    ----------
    path: npz file of entries measured before, if there are any. It is written after every
        measurement, so that an interrupted job goes on where it was; in the end it holds the wanted
        entries and no others.
    wanted: name of an entry -> its digest as things are now.
    measure: from the name of an entry to its sums.
    """
    try:
        before = load_entries(path) if Path(path).exists() else {}
    except AnatomyError as error:
        log.info("%s; all is measured anew", error)
        before = {}
    entries = {
        name: before[name]
        for name, digest in wanted.items()
        if name in before and before[name].digest == digest
    }
    for name, digest in wanted.items():
        if name not in entries:
            entries[name] = Entry(digest, measure(name))
            save_entries(path, entries)
            log.info("%s: measured", name)
    if entries.keys() != before.keys():
        save_entries(path, entries)
    return {name: entries[name] for name in wanted}


def losses_of(path: str | Path, sae: str) -> dict[str, np.ndarray]:
    """Sums per document of an SAE and of the baselines, (D,) float64, as `loss_recovery` takes them.

    Raises
    ------
    AnatomyError: the file is damaged, or lacks the SAE.
    """
    entries = load_entries(path)
    try:
        return entries[BASELINES].sums | entries[entry_of(sae)].sums
    except KeyError as missing:
        raise AnatomyError(
            f"{path}: no losses of {missing}; delete the file and rerun, and it is measured"
        ) from None
