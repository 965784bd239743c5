"""Which run made what lies in the store, so that another one does not remake it under the same name.

The store is shared, and what lies in it bears the name that a configuration gives it. A run that changes
its own configuration remakes what depends on that. But two runs that mean different things by one name
would take turns at overwriting each other's models, and results of the first would no longer be of what
is in the store.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import write_json

RECORD = "made_by.json"
LOCK = ".run.lock"
# Open files whose locks this process keeps.
_held: list[Any] = []


def contents(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What a checked configuration means by its datasets, models and harvests.

    Returns place in the store -> ``key``, as in the configuration, and ``digest`` of all that determines it.
    What is made of them further on has its own options in its name, or is made of them alone.
    """
    datasets = {name: [block] for name, block in config["datasets"].items()}
    models = {
        name: [block, config["seed"], datasets[block["dataset"]]]
        if block["kind"] == "train"
        else [block]
        for name, block in config["models"].items()
    }
    harvests = {
        name: [block, models[block["model"]], datasets[block["dataset"]]]
        for name, block in config["harvests"].items()
    }
    meant = [
        *((f"datasets/{name}", f"datasets.{name}", parts) for name, parts in datasets.items()),
        *((name, f"models.{name}", parts) for name, parts in models.items()),
        *(
            (f"{config['harvests'][name]['model']}/{name}.zarr", f"harvests.{name}", parts)
            for name, parts in harvests.items()
        ),
    ]
    return {place: {"key": key, "digest": _digest(parts)} for place, key, parts in meant}


def check_owners(config: Mapping[str, Any]) -> None:
    """Refuse to overwrite what another run made from another configuration.

    Raises
    ------
    AnatomyError: something in the store was made by another run, and differs from what this one means by it.
    """
    store = Path(config["store"])
    for folder in (store, Path("results") / config["run"]):
        require_folder(folder)
    made = _recorded(store)
    for place, mine in contents(config).items():
        theirs = made.get(place)
        if theirs is None or theirs["digest"] == mine["digest"] or theirs["run"] == config["run"]:
            continue
        if (store / place).exists():
            raise AnatomyError(
                f"config: {mine['key']}: {store / place} was made by the run {theirs['run']}, from other "
                f"settings or another seed, and the run {config['run']} would overwrite it; give it another "
                "name, or this run a `store` of its own (--config store=results/store-2)"
            )


def require_folder(folder: Path) -> None:
    """Raise AnatomyError if a file is where results go."""
    for part in (folder, *folder.parents):
        if os.path.lexists(part) and not part.is_dir():
            raise AnatomyError(
                f"{part} is no folder, and results are written into {folder}; move it away, or name "
                "another `store` or `run` in the configuration"
            )


def hold_store(config: Mapping[str, Any]) -> None:
    """Let no other run write into the store as long as this process lives, however it ends.

    Two folders may share a store, and Snakemake's lock is a folder's: each run would delete as unfinished
    what the other one is writing.

    Raises
    ------
    AnatomyError: another run holds the store, or it may not be written to.
    """
    store = Path(config["store"])
    me = f"pid {os.getpid()} on {os.uname().nodename}, in {Path.cwd()}"
    try:
        store.mkdir(parents=True, exist_ok=True)
        lock = open(store / LOCK, "a+")  # noqa: SIM115 - held until the process ends
    except OSError as error:
        raise AnatomyError(
            f"{store} cannot be written to ({error.strerror}); mend that, or name another `store`"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        other = lock.read().strip() or "unknown"
        raise AnatomyError(
            f"another run writes into {store} ({other}); wait for it or stop it, then run again, or name "
            "another `store` (--config store=results/store-2)"
        ) from None
    except OSError:  # a file system without locks
        return
    _held.append(lock)
    lock.truncate(0)
    lock.write(f"{me}\n")
    lock.flush()


def record_owner(config: Mapping[str, Any]) -> None:
    """Note that this run makes what its configuration names."""
    store = Path(config["store"])
    made = _recorded(store)
    # Of what two runs mean alike the first stays the owner: it is there for both.
    new = {
        place: {"run": config["run"], "digest": each["digest"]}
        for place, each in contents(config).items()
        if made.get(place, {}).get("digest") != each["digest"]
    }
    if new:
        write_json(store / RECORD, dict(sorted((made | new).items())))


def _digest(parts: list[Any]) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _recorded(store: Path) -> dict[str, dict[str, str]]:
    path = store / RECORD
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise AnatomyError(f"{path} cannot be read ({error}); delete it") from None
