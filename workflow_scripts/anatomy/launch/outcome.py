"""What a run tells its reader when it ends: where its results are, or which errors stopped it."""

import argparse
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from workflow_scripts.anatomy.base.usage import SUFFIX as USAGE
from workflow_scripts.anatomy.setup.completion import unnamed

LOGS = "results/*/logs"
ERROR = re.compile(r"^(?:\d\d:\d\d:\d\d )?error: (.+)$", re.MULTILINE)
KILLED = (
    "the job was killed, as a system does that runs out of memory; run fewer jobs at a time "
    '(ARGS="--cores 1"), or on a machine with more'
)
FULL = 2**16  # bytes
READ_ONLY = "error: results may only be read here; make it writable and rerun"
NO_SPACE = "error: no space left on the device, not even for a log; free some and rerun"
TRACEBACK = "Traceback (most recent call last):"
SHOWN = (
    ("figures", "figures", "*.pdf"),
    ("tables", "tables", "*.csv"),
    ("claims", "claims.csv", None),
    ("saes", "saes.csv", None),
    ("report", "report/index.html", None),
)
STORE = "results/store"
FINDINGS = "report/findings.json"
# Letters of Snakemake's short options without a value, among which -n may stand: -np.
SWITCHES = re.compile(r"-[npqkFRfTtSDl]*n[npqkFRfTtSDl]*")


def error_lines(folder: Path, since: float) -> list[str]:
    """One line "error: message [path]" for each error in the log files of `folder`.

    Parameters
    ----------
    since: log files last written before this time, in seconds since the epoch, are left out.

    An unforeseen exception is shown by the last line of its traceback. A job that ended without a
    word, and so without its usage beside its log, was killed.
    """
    lines: list[str] = []
    for path in sorted(path for logs in folder.glob(LOGS) for path in logs.rglob("*.log")):
        if path.stat().st_mtime < since:
            continue
        text = path.read_text(errors="replace")
        found = ERROR.findall(text)
        if not found and TRACEBACK in text:
            found = [text.rstrip().splitlines()[-1]]
        if not found and not path.with_name(path.name.removesuffix(".log") + USAGE).exists():
            found = [KILLED]
        where = path.relative_to(folder)
        lines += [f"error: {message} [{where}]" for message in dict.fromkeys(found)]
    return lines


def hindered(folder: Path) -> list[str]:
    """What of the disk under `folder` stops a run that cannot even say so in a log: a line, or none."""
    written = folder / "results"
    if written.exists() and not os.access(written, os.W_OK):
        return [READ_ONLY]
    return [NO_SPACE] if _is_full(written) or _is_full(folder) else []


def _is_full(place: Path) -> bool:
    try:
        disk = os.statvfs(place)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < FULL


def is_dry(arguments: Sequence[str]) -> bool:
    """Whether a Snakemake command line only asks what would be done."""
    return any(
        argument in ("--dry-run", "--dryrun") or SWITCHES.fullmatch(argument)
        for argument in arguments
    )


def run_name(folder: Path, arguments: Sequence[str]) -> str | None:
    """The run that a Snakemake command line means, or None.

    The first that there is of `--config run=NAME`, the `run` of the last config file named, and
    that of config.yaml. A file without it has the name of its one SAE. None where none is readable:
    Snakemake itself says what is wrong with it.
    """
    given, files = _configured(folder, arguments, "run")
    if given is not None:
        return given
    for config in files:
        if "run" in config or "saes" in config:
            return str(config["run"] if "run" in config else unnamed(config["saes"]))
    return None


def store_name(folder: Path, arguments: Sequence[str]) -> str:
    """The store that a Snakemake command line means, found as the run is."""
    given, files = _configured(folder, arguments, "store")
    for config in files:
        if given is None and ("store" in config or "saes" in config):
            return str(config.get("store", STORE))
    return STORE if given is None else given


def _configured(
    folder: Path, arguments: Sequence[str], key: str
) -> tuple[str | None, Iterator[dict]]:
    """What `--config` says of a key, if anything, and the configurations to look into, in order."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--config", "-C", nargs="*", action="extend", default=[])
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="extend", default=[])
    options, _ = parser.parse_known_args(list(arguments))
    for assignment in reversed(options.config):
        if assignment.startswith(f"{key}="):
            return assignment.removeprefix(f"{key}="), iter(())
    return None, _readable(folder / path for path in [*reversed(options.configfile), "config.yaml"])


def _readable(paths: Iterable[Path]) -> Iterator[dict]:
    for path in paths:
        try:
            config = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError):
            continue
        if isinstance(config, dict):
            yield config


def results(folder: Path, run: str | None) -> list[str]:
    """Lines that say what there is of a run's results, and where."""
    root = Path("results") / str(run)
    lines = []
    for label, name, pattern in SHOWN:
        path = root / name
        if pattern is None and (folder / path).is_file():
            lines.append(f"{label:>8}  {path}")
        elif pattern is not None and (count := sum(1 for _ in (folder / path).rglob(pattern))):
            lines.append(f"{label:>8}  {path}/ ({count})")
    return [*lines, *findings(folder / root / FINDINGS)]


def findings(file: Path) -> list[str]:
    """The sentences in which a run says what it found; none where it has not written them."""
    try:
        sentences = json.loads(file.read_text())["findings"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [f"{'found':>8}  {sentence}" for sentence in sentences]
