"""The files of one SAE, which are the same whatever other SAEs there are, but for its nearest."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import digest_of_file, write_json
from workflow_scripts.anatomy.report.shards.shard import Shard, write_shard

ABOUT = "sae.json"


def write_sae(folder: str | Path, about: Mapping[str, Any], shards: Sequence[Shard]) -> int:
    """Write the shards of an SAE and, last, what they are; returns the bytes of all of them.

    Parameters
    ----------
    folder: what is in it is deleted first, so that no file of an earlier writing stays.
    about: what the page's list of SAEs says of it.
    shards: keys ``<kind>:<slug>[:<number>]``; files are named after what stands beside the slug.
    """
    folder = Path(folder)
    (folder / ABOUT).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    sizes = {
        file_of(shard.key): write_shard(folder / file_of(shard.key), shard) for shard in shards
    }
    files = {
        name: {"size": size, "sha256": digest_of_file(folder / name)}
        for name, size in sorted(sizes.items())
    }
    write_json(folder / ABOUT, {"about": dict(about), "files": files})
    return sum(sizes.values())


def file_of(key: str) -> str:
    """``lat-3.js`` of ``lat:<slug>:3``, ``samples.js`` of ``samples:<slug>``."""
    kind, _, *number = key.split(":")
    return "-".join([kind, *number]) + ".js"


def read_sae(path: str | Path) -> tuple[dict[str, Any], list[Path]]:
    """What was written of an SAE, and its files; `path` is the folder or the description in it.

    Raises
    ------
    AnatomyError: a file is missing or of another size.
    """
    path = Path(path)
    folder = path.parent if path.name == ABOUT else path
    found = json.loads((folder / ABOUT).read_text())
    for name, expected in found["files"].items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != expected["size"]:
            raise AnatomyError(f"{file}: missing or damaged; delete {folder / ABOUT} and rerun")
    return found["about"], [folder / name for name in found["files"]]
