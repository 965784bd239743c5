"""An audit: what it records, and that whatever is changed afterwards is found and named."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import write_json, writing
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.report.audit.checking import problems, read_record
from workflow_scripts.anatomy.report.audit.crate import crate
from workflow_scripts.anatomy.report.audit.page import page
from workflow_scripts.anatomy.report.audit.produced import jobs, produced
from workflow_scripts.anatomy.report.audit.record import described, digest_of, record, seeds
from workflow_scripts.anatomy.report.audit.replaying import (
    ancestry,
    compared,
    drawn,
    files_of,
    scratch,
)

RUN, STORE = "results/r", "results/store"
TABLE, FIGURE = f"{RUN}/tables/paper/t.csv", f"{RUN}/figures/paper/t.pdf"
CODES, WEIGHTS = f"{STORE}/m/codes.zarr/manifest.json", f"{STORE}/m/sae.safetensors"
CLAIMS = f"{RUN}/claims.csv"
# File, its rule, its log, what it was made of.
MADE = (
    (WEIGHTS, "train_sae", f"{STORE}/logs/sae.log", "text/a.txt"),
    (CODES, "reconstruct", f"{STORE}/logs/codes.log", WEIGHTS),
    (TABLE, "tabulate", f"{RUN}/logs/t.log", CODES),
    (FIGURE, "draw_figure", f"{RUN}/logs/figure.log", TABLE),
    (CLAIMS, "check_claims", f"{RUN}/logs/claims.log", TABLE),
)
CONFIG = {"run": "r", "seed": 3, "saes": {"a": {"seeds": [5, 1], "widths": [2]}}, "models": {}}


def summary(plans=()):
    columns = [
        "output_file",
        "date",
        "rule",
        "log-file(s)",
        "input-file(s)",
        "shellcmd",
        "status",
        "plan",
    ]
    rows = [
        [path, "now", rule, log, inputs, "-", "ok", dict(plans).get(path, "no update")]
        for path, rule, log, inputs in MADE
    ]
    return "\n".join("\t".join(row) for row in [columns, *rows]) + "\n"


def judge(paper, tables, seed):
    """One claim: the mean of the table."""
    mean = float(tables["t"]["x"].mean())
    verdict = "holds" if mean > 0 else "does not hold"
    return pd.DataFrame([{"claim": "mean", "paper": paper, "measured": mean, "verdict": verdict}])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a run of five files, audited."""
    monkeypatch.chdir(tmp_path)
    for path in ("text/a.txt", "Snakefile", "rules/r.smk", "workflow_scripts/s.py"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"{path}\n")
    for path in (WEIGHTS, FIGURE):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(path)
    with writing(CODES, "codes") as group:
        zarr.create_array(group.store, name="x", data=np.arange(6.0))
    Path(TABLE).parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({"x": [0.1, 0.5, np.nan], "name": ["a", "b", None]})
    write_table(TABLE, table)
    write_table(CLAIMS, judge("paper", {"t": table}, 3))
    usage = {"started": "2026-01-01T00:00:00+00:00", "wall_s": 2.0, "cpu_s": 3.0, "peak_mb": 100.0}
    usage |= {"loaded_mb": 50.0, "threads": 1, "host": "h", "ended": "finished"}
    write_json(f"{RUN}/logs/t.usage.json", usage)
    about = record(CONFIG, ["--config", "seed=3"], produced(summary()), RUN, STORE, tmp_path)
    write_json(f"{RUN}/audit/audit.json", about)
    write_json(f"{RUN}/audit/config.json", CONFIG)
    return tmp_path


def test_a_summary_is_read_and_what_is_stale_is_known():
    files = produced(summary({TABLE: "update pending"}.items()))
    assert [file.path for file in files if file.stale] == [TABLE]
    assert {job.rule: job.inputs for job in jobs(files)}["tabulate"] == (CODES,)
    with pytest.raises(ValueError, match="detailed-summary"):
        produced("something else\n")


def test_the_record_has_the_digest_of_every_file(project):
    about = read_record(RUN)
    assert set(about["files"]) == {path for path, *_ in MADE}
    for path, found in about["files"].items():
        content = Path(path).read_bytes()
        assert found == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert about["given"] == {"text/a.txt": described("text/a.txt")}
    assert about["seeds"] == [1, 3, 5] == seeds(CONFIG)
    assert about["packages"]["numpy"] == np.__version__
    (job,) = [job for job in about["jobs"] if job["rule"] == "tabulate"]
    assert job["usage"]["wall_s"] == 2.0
    assert about["code"]["commit"] is None  # no git checkout
    text = page(about)
    assert "| tabulate | 1 | 2.0 s | 3.0 s | 100 MiB | 1 |" in text and "text/a.txt" in text


def test_the_order_of_a_configurations_keys_does_not_matter():
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1}) != digest_of({"a": 1})


def test_nothing_is_wrong_with_what_was_not_touched(project):
    found, checked = problems(RUN, judge)
    assert found == []
    assert checked == {"run": 3, "store": 2, "not here": 0}


def test_a_run_is_checked_elsewhere_and_without_its_store(project, tmp_path):
    elsewhere = tmp_path / "mail" / "inbox" / "from-a-friend"
    elsewhere.parent.mkdir(parents=True)
    (project / RUN).rename(elsewhere)
    found, checked = problems(elsewhere, judge)
    assert found == [] and checked == {"run": 3, "store": 0, "not here": 2}


def doctor_table():
    table = pd.read_csv(TABLE)
    table.loc[0, "x"] = -9.0
    write_table(TABLE, table)


def doctor_claim():
    path = Path(CLAIMS)
    path.write_text(path.read_text().replace("holds", "does not hold"))


def doctor_configuration():
    write_json(f"{RUN}/audit/config.json", CONFIG | {"seed": 4})


def doctor_record():
    about = read_record(RUN)
    about["configuration"]["seed"] = 4
    write_json(f"{RUN}/audit/audit.json", about)


def doctor_weights():
    Path(WEIGHTS).write_text("other weights")


def doctor_store():
    chunk = next(path for path in Path(CODES).parent.rglob("c/*") if path.is_file())
    content = bytearray(chunk.read_bytes())
    content[3] ^= 1
    chunk.write_bytes(content)


def add_figure():
    Path(f"{RUN}/figures/paper/better.pdf").write_text("a better figure")


def delete_figure():
    Path(FIGURE).unlink()


@pytest.mark.parametrize(
    ("doctor", "named"),
    [
        (doctor_table, "t.csv does not have the content"),
        (doctor_claim, "claims.csv does not have the content"),
        (doctor_configuration, "config.json is not the configuration"),
        (doctor_record, "the configuration in it was changed"),
        (doctor_weights, "sae.safetensors does not have the content"),
        (doctor_store, "codes.zarr: x/c/0 does not have the content"),
        (add_figure, "better.pdf is of no rule"),
        (delete_figure, "t.pdf is missing"),
    ],
)
def test_what_was_changed_is_named(project, doctor, named):
    doctor()
    found, _ = problems(RUN, judge)
    assert any(named in problem for problem in found), found


@pytest.mark.parametrize("doctor", [doctor_table, doctor_claim])
def test_a_claim_that_does_not_follow_is_named_whatever_the_record_says(project, doctor):
    doctor()
    about = read_record(RUN)
    about["files"] = {path: described(path) for path in about["files"]}
    write_json(f"{RUN}/audit/audit.json", about)
    (problem,) = problems(RUN, judge)[0]
    assert "paper, mean: " in problem and "from the tables it is" in problem


def test_a_table_that_cannot_be_read_is_named(project):
    Path(TABLE).write_bytes(b"")
    found, _ = problems(RUN, judge)
    assert any("t.csv cannot be read" in problem for problem in found)


@pytest.mark.parametrize("content", [None, "{", '{"format": 99}'])
def test_a_run_without_a_record_says_so(project, content):
    path = Path(RUN) / "audit" / "audit.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(AnatomyError, match=r"audit\.json"):
        problems(RUN, judge)


def test_the_crate_names_every_file_of_the_run_once(project):
    about = read_record(RUN)
    own = {"audit/config.json": described(f"{RUN}/audit/config.json")}
    graph = crate(about, own)["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    # Every reference leads somewhere, within the crate or to a page.
    for entity in graph:
        for value in entity.values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    assert each["@id"] in entities or each["@id"].startswith("http")
    files = {path.removeprefix(f"{RUN}/") for path in about["files"] if path.startswith(RUN)}
    parts = {each["@id"] for each in entities["./"]["hasPart"]}
    assert parts == files | {"audit/config.json", "audit/Snakefile"}
    assert entities["#run"]["startTime"].startswith("2026-01-01")
    assert json.dumps(graph)


def test_jobs_are_drawn_by_a_seed_and_an_ancestry_goes_to_the_beginning(project):
    about = read_record(RUN)
    assert drawn(about, 2, 0) == drawn(about, 2, 0)
    assert len(drawn(about, 99, 1)) == len(MADE)
    assert {job["rule"] for job in ancestry(about, [FIGURE])} == {
        *("train_sae", "reconstruct", "tabulate", "draw_figure")
    }
    assert files_of(about, "paper_t") == [FIGURE, TABLE] and files_of(about, CODES) == [CODES]
    with pytest.raises(AnatomyError, match="paper_missing"):
        files_of(about, "paper_missing")


def test_a_replay_writes_nothing_through_its_links(project):
    about = read_record(RUN)
    before = {path: described(path) for path in about["files"]}
    folder = project / "results" / "replay"
    chosen = [job for job in about["jobs"] if job["rule"] in ("tabulate", "reconstruct")]
    scratch(project, folder, about, chosen)
    assert not (folder / TABLE).exists() and not (folder / CODES).parent.exists()
    assert (folder / WEIGHTS).read_text() == WEIGHTS and (folder / "text/a.txt").exists()
    assert (folder / FIGURE).lstat().st_mtime == pytest.approx(Path(FIGURE).stat().st_mtime)
    with writing(folder / CODES, "codes") as group:
        zarr.create_array(group.store, name="x", data=np.arange(6.0) + 1)
    write_table(folder / TABLE, pd.read_csv(TABLE).assign(x=[0.1, 0.5 + 1e-6, np.nan]))
    assert {path: described(path) for path in about["files"]} == before
    here = {each.path: each for each in compared(folder, about, chosen, False, project)}
    assert here[TABLE].outcome == here[CODES].outcome == "different"
    assert "x differs by 2e-06" in here[TABLE].note
    there = {each.path: each for each in compared(folder, about, chosen, True, project)}
    assert there[TABLE].outcome == "close"
    write_table(folder / TABLE, pd.read_csv(TABLE))
    again = {each.path: each for each in compared(folder, about, chosen, False, project)}
    assert again[TABLE].outcome == "same"
