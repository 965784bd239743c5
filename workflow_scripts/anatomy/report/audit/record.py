"""The record of a run: what it was made with and of, and the digest of everything it made."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.store import digest_of_file
from workflow_scripts.anatomy.base.usage import SUFFIX, usages
from workflow_scripts.anatomy.report.audit.produced import Produced, jobs
from workflow_scripts.anatomy.report.page.used import machine

FORMAT = 1
RECORD = "audit.json"


def record(
    config: Mapping[str, Any],
    options: Sequence[str],
    files: Sequence[Produced],
    run: str,
    store: str,
    workflow: str | Path,
) -> dict[str, Any]:
    """All of it, as JSON takes it.

    Parameters
    ----------
    config: the checked configuration.
    options: those that told Snakemake of it.
    files: what the run produced, none of it stale.
    run, store: the folders of the run and of what runs share, relative to where Snakemake runs.
    workflow: the folder of the Snakefile.
    """
    given = sorted({path for file in files for path in file.inputs} - {file.path for file in files})
    used = {
        path.as_posix(): usage for folder in (run, store) for path, usage in usages(Path(folder))
    }
    return {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run,
        "store": store,
        "code": code_of_workflow(workflow),
        "options": list(options),
        "configuration": plain(config),
        "configuration_sha256": digest_of(config),
        "seeds": seeds(config),
        "python": platform.python_version(),
        "packages": {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]},
        "machine": dict(machine()),
        "hosts": sorted({usage["host"] for usage in used.values()}),
        "given": {path: described(path) for path in given if Path(path).is_file()},
        "jobs": [
            {
                "rule": job.rule,
                "log": job.log,
                "outputs": list(job.outputs),
                "inputs": list(job.inputs),
                "usage": used.get(job.log.removesuffix(".log") + SUFFIX),
            }
            for job in jobs(files)
        ],
        "files": {file.path: described(file.path) for file in files},
    }


def described(path: str | Path) -> dict[str, Any]:
    """Size in bytes and SHA-256: of a file, of a folder's files with their names, of a store its manifest.

    A store's manifest has the digests of all its files.
    """
    path = Path(path)
    if not path.is_dir():
        return {"bytes": path.stat().st_size, "sha256": digest_of_file(path)}
    digest, size = hashlib.sha256(), 0
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{digest_of_file(file)}\n".encode())
        size += file.stat().st_size
    return {"bytes": size, "sha256": digest.hexdigest(), "folder": True}


def plain(config: Any) -> Any:
    """A configuration as JSON reads it back."""
    return json.loads(json.dumps(config, default=str))


def digest_of(config: Any) -> str:
    """SHA-256 of a configuration, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(plain(config), sort_keys=True).encode()).hexdigest()


def seeds(config: Any) -> list[int]:
    """Every seed that a configuration mentions, ascending."""
    return sorted(set(_seeds(config)))


def _seeds(config: Any) -> Iterable[int]:
    if isinstance(config, Mapping):
        for key, value in config.items():
            if key == "seed" and isinstance(value, int):
                yield value
            elif key == "seeds" and isinstance(value, list):
                yield from (seed for seed in value if isinstance(seed, int))
            else:
                yield from _seeds(value)
    elif isinstance(config, list):
        for value in config:
            yield from _seeds(value)


def code_of_workflow(folder: str | Path) -> dict[str, Any]:
    """The commit that is checked out, what differs from it, and a digest of the code itself.

    commit is None where the folder is no git checkout; changed are the paths that git calls changed or
    new; sha256 is of the names and contents of all rules and scripts.
    """
    folder = Path(folder)
    digest = hashlib.sha256()
    sources = [
        folder / "Snakefile",
        *folder.glob("rules/**/*"),
        *folder.glob("workflow_scripts/**/*"),
    ]
    for path in sorted(sources):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(
                f"{path.relative_to(folder).as_posix()}\0{digest_of_file(path)}\n".encode()
            )
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain") if commit else None
    return {
        "commit": commit.strip() if commit else None,
        "changed": None if changed is None else [line[3:] for line in changed.splitlines()],
        "sha256": digest.hexdigest(),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
