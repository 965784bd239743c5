"""The folder of data, put together: files of SAEs, files of all, one digest, within a budget."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.report.shards.budget import Kept, fit
from workflow_scripts.anatomy.report.shards.sae_folder import read_sae
from workflow_scripts.anatomy.report.shards.shard import FORMAT, Shard, write_shard

DIGITS = 16
UNSIGNED = '{"digest":""'


def assemble(
    data: str | Path,
    saes: Sequence[str | Path],
    shared: Mapping[str, Shard] | Iterable[tuple[str, Shard]],
    run: Callable[[Kept, list[str]], Shard],
    kept: Kept,
    budget_mb: float,
) -> tuple[Kept, list[str], int]:
    """Write the folder `data`, whole or not at all.

    Parameters
    ----------
    saes: the description of the written files of every SAE, in the order of the explorer.
    shared: the other files by their paths in the folder, but for `run`.
    run: from what is kept and what was left out to the file ``run``.
    kept, budget_mb: see `budget.fit`.

    Returns
    -------
    What is kept, what was left out, and the bytes of all files.
    """
    data = Path(data)
    working = data.with_name(f".{data.name}.{os.getpid()}")
    try:
        about = [_copied(working, path) for path in saes]
        pairs = shared.items() if isinstance(shared, Mapping) else shared
        size = sum(write_shard(working / path, shard) for path, shard in pairs)
        size += write_shard(working / "run.js", run(kept, []))
        kept, said = fit(working, size, budget_mb, kept, about)
        write_shard(working / "run.js", run(kept, said))
        total = sign(working)
        shutil.rmtree(data, ignore_errors=True)
        os.replace(working, data)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return kept, said, total


def sign(folder: Path) -> int:
    """Give all files of a folder the digest of all of them; returns their bytes."""
    files = sorted(folder.rglob("*.js"), key=lambda file: file.relative_to(folder).as_posix())
    digest = hashlib.sha256(str(FORMAT).encode())
    for file in files:
        digest.update(f"\n{file.relative_to(folder).as_posix()}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    signed = f'{UNSIGNED[:-1]}{digest.hexdigest()[:DIGITS]}"'
    for file in files:
        text = file.read_text(encoding="ascii")
        head, _, rest = text.partition("\n")
        file.write_text(f"{head}\n{signed}{rest.removeprefix(UNSIGNED)}", encoding="ascii")
    return sum(file.stat().st_size for file in files)


def _copied(working: Path, path: str | Path) -> dict[str, Any]:
    """Copy the files of an SAE to its folder; returns what the list of SAEs says of it."""
    about, files = read_sae(path)
    target = working / about["slug"]
    target.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, target / file.name)
    return about
