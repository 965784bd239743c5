"""The forecast of the small workflow, beside what its jobs used and wrote."""

import json
from pathlib import Path

import pytest

LAUNCH = "workflow_scripts.anatomy.launch"
FORECAST = f"{LAUNCH}.forecast"


def row(output, start):
    """The numbers of a line of the table: jobs, core-hours."""
    (line,) = [line for line in output.splitlines() if line.startswith(start)]
    return line.removeprefix(start).split()


def size_of(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_forecast_with_records_is_what_the_run_took(finished):
    usages = [
        json.loads(path.read_text()) for path in (finished.folder / "results").rglob("*.usage.json")
    ]
    output = finished.run("--forceall", module=FORECAST).stdout
    jobs, core_hours, *_ = row(output, "in all")
    assert int(jobs) == len(usages)
    taken = sum(usage["wall_s"] * usage["threads"] for usage in usages) / 3600
    assert float(core_hours) == pytest.approx(taken, rel=0.1)
    assert f"from what {len(usages)} jobs recorded" in output
    assert output.splitlines()[-1].startswith("expected: ")


def test_a_finished_run_costs_nothing_more(finished):
    output = finished.run(module=FORECAST).stdout
    assert output.splitlines()[-1] == "expected: nothing to do"


def test_without_records_it_says_so_and_a_dry_run_ends_with_what_is_expected(fresh):
    # Another run that holds the folder is in the way of neither.
    locks = fresh.folder / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").write_text("x\n")
    dry = fresh.run("-n", module=LAUNCH).stderr.splitlines()
    output = fresh.run("forecast", module=LAUNCH).stdout
    assert "rates measured on a laptop" in output
    assert dry[-1] == output.splitlines()[-1]
    assert dry[-1].startswith("expected: ")
    assert not (fresh.folder / "results").exists()


def test_it_is_a_target_of_snakemake(fresh):
    assert "expected: " in fresh.run("forecast").stderr
    refused = fresh.run("--configfile", "missing.yaml", module=FORECAST, check=False)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
