"""The page of a run says its regime and each verdict, of one run or of two."""

import pandas as pd
import pytest

from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.papers.run_page import page

FIG1 = {"sae": ["a", "b"], "fvu": [0.2, 0.4], "fvu_pursuit": [0.18, 0.3]}
SUMMARY = {"sae": ["a", "b", "c"], "l0": [4.0, 5.0, 9.0], "fvu": [0.2, 0.4, 0.1]}
SUMMARY |= {"dead_latents": [0, 5, 99], "width": [10, 20, 100]}
LOSSES = {"split": ["validation", "train", "validation"], "loss": [4.0, 3.9, 3.5]}


def write_run(folder, measured):
    for paper, name, columns in (
        ("dark_matter", "fig1", FIG1),
        ("overview", "summary", SUMMARY),
        ("overview", "loss_curves", LOSSES),
    ):
        (folder / "tables" / paper).mkdir(parents=True, exist_ok=True)
        write_table(folder / "tables" / paper / f"{name}.csv", pd.DataFrame(columns))
    about = {"paper": "dark_matter", "statement": "It falls.", "paper_value": "below 0"}
    bounds = {"measured_lo": measured - 0.1, "measured_hi": measured + 0.1}
    falls = about | bounds | {"claim": "falls", "verdict": "holds", "measured": measured}
    one = about | {"claim": "one", "verdict": "undecided", "measured": 2.0}
    none = about | {"claim": "none", "verdict": "not testable here (no table)"}
    write_table(folder / "claims.csv", pd.DataFrame([falls, one, none]))
    return folder


def test_two_runs_stand_side_by_side(tmp_path):
    runs = [write_run(tmp_path / "first", -0.5), write_run(tmp_path / "second", -0.25)]
    lines = page(runs).splitlines()
    assert lines[0] == "# What the first run shows" and "A run that is named" in "".join(lines)
    for line in (
        "| FVU of these | 0.2 to 0.4 | 0.2 to 0.4 |",
        "| dead latents of these, per cent | 0 to 25 | 0 to 25 |",
        "| gradient pursuit lowers their FVU by, per cent | 10 to 25 | 10 to 25 |",
        "| loss of the language model on validation text, nats a token | 3.5 | 3.5 |",
        "| dark_matter | not testable here | 1 | 1 |",
        "| falls | It falls. | below 0 | holds: -0.5 [-0.6, -0.4] | holds: -0.25 [-0.35, -0.15] |",
        "| one | It falls. | below 0 | undecided: 2 | undecided: 2 |",
    ):
        assert line in lines, line
    assert not any(line.startswith("| none") for line in lines)


def test_a_single_run_has_no_others(tmp_path):
    text = page([write_run(tmp_path / "workstation", 1.0)])
    assert text.startswith("# What the workstation run shows")
    assert "A run that is named" not in text
    assert pytest.approx(1.0) == float(text.split("holds: ")[1].split(" ")[0])
