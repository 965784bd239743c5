"""What breaks, tried out: python -m tests.campaign [--minutes M] [--seed S] [--only WORD] [--finished FOLDER]

Runs a tiny workflow, then damages copies of it in every way that `trials` knows, and writes what came of it
into docs/reliability.md. It ends with the number of failures; what the time did not suffice for is counted.
"""

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.campaign import mutated_configurations, trials
from tests.workflow.conftest import ROOT, Workflow, tiny_config

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"
CONFIGURATIONS = 300
SIZES = ("64k", "512k", "2m", "5m")

Trial = tuple[str, Callable[[], str]]


def campaign(finished: Workflow, folder: Path, rng: random.Random, root: bool) -> Iterator[Trial]:
    """Every trial: what it is counted as, and how it is done."""
    numbers = itertools.count()

    def copy() -> Workflow:
        return finished.copy(folder / f"copy-{next(numbers)}")

    def fresh() -> Workflow:
        return Workflow.create(folder / f"fresh-{next(numbers)}", tiny_config())

    for what, trial in trials.ONCE.items():
        yield what, lambda trial=trial: trial(copy(), rng)
    for how, kind in itertools.product(trials.DAMAGES, trials.READERS):
        yield (
            f"{how} a file that a job reads",
            lambda k=kind, h=how: trials.read(copy(), k, h, rng),
        )
    for how, kind in itertools.product(trials.DAMAGES, trials.KINDS):
        yield (
            f"{how} a file, then `make verify`",
            lambda k=kind, h=how: trials.verified(copy(), k, h, rng),
        )
    yield "`results` is a file", lambda: trials.results_is_a_file(fresh(), rng)
    if root:
        yield "results that may only be read", lambda: trials.read_only(copy(), rng)
        for size in SIZES:
            yield "a full disk", lambda size=size: trials.full_disk(fresh(), size)
    expected = trials.results(finished)
    for _ in range(4):
        yield (
            "kill -9 at five random moments of one run",
            lambda: trials.killed(fresh(), expected, 5, rng),
        )
    yield f"{CONFIGURATIONS} configurations with a mistake each", configurations


def configurations() -> str:
    """Run the campaign of configurations; it has its own words."""
    module = mutated_configurations.__name__
    done = subprocess.run(
        [sys.executable, "-m", module, str(CONFIGURATIONS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[-300:]


def write_page(rows: dict[str, list[int]], seed: int, seconds: float) -> None:
    """Put the table of results between its marks."""
    lines = [
        f"Seed {seed}, {time.strftime('%Y-%m-%d')}, {seconds / 60:.0f} minutes: `python -m tests.campaign`.",
        "",
        "| what was done | times | failures | not tried for lack of time |",
        "|---|---:|---:|---:|",
        *(f"| {what} | {a} | {b} | {c} |" for what, (a, b, c) in rows.items()),
    ]
    head, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text("\n".join([head + BEGIN, *lines, END + rest.partition(END)[2]]))


def main() -> int:
    """Run the campaign; returns 0 where nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="trials with this word; the page stays as it is")
    parser.add_argument("--finished", type=Path, help="folder of the tiny workflow, made if absent")
    options = parser.parse_args()
    begun, rng = time.monotonic(), random.Random(options.seed)
    rows: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.finished or Path(scratch) / "finished"
        if not folder.exists():
            Workflow.create(folder, tiny_config())
        finished = Workflow(folder)
        status, output = trials.launch(finished, "--", *trials.TARGETS)
        if status:
            print(output, file=sys.stderr)
            return 1
        for what, trial in campaign(finished, Path(scratch), rng, root=trials.may_mount()):
            row = rows.setdefault(what, [0, 0, 0])
            if options.only not in what or time.monotonic() - begun > 60 * options.minutes:
                row[2] += 1
                continue
            try:
                failure = trial()
            except (subprocess.SubprocessError, OSError) as error:
                failure = f"{type(error).__name__}: {error}"
            row[0] += 1
            row[1] += bool(failure)
            print(f"{what}: {failure or 'as it should be'}", flush=True)
            subprocess.run(f"rm -rf {scratch}/copy-* {scratch}/fresh-*", shell=True, check=False)
    if not options.only:
        write_page(rows, options.seed, time.monotonic() - begun)
    tried, failed, _ = map(sum, zip(*rows.values(), strict=True))
    print(f"{tried} trials, {failed} failures")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
