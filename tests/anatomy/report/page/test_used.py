"""What jobs used, summed by rule; durations as they are said; pictures; strips; titles."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from workflow_scripts.anatomy.report.page.collected import title_of
from workflow_scripts.anatomy.report.page.facts import facts
from workflow_scripts.anatomy.report.page.pictures import BROAD, HIGH, copy_picture, small_picture
from workflow_scripts.anatomy.report.page.strip import MARGIN, WIDTH, strip
from workflow_scripts.anatomy.report.page.used import machine, packages, spoken, use

LOGS = {
    "train": r"store/logs/(?P<sae>a|b)\.log$",
    "encode": r"store/logs/(?P<sae>a|b)/codes\.log$",
    "fig1": r"run/logs/tables/fig1\.log$",
    "tables": r"run/logs/tables/(?P<exhibit>[a-z0-9_]+)\.log$",
}
NUMBER = st.floats(-1e6, 1e6)


def log(folder, path, start, wall, peak=500.0, loaded=400.0, ended="finished", host="one"):
    content = {
        **{"started": f"2026-01-01T00:00:{start:02d}.000+00:00", "wall_s": wall, "cpu_s": 2 * wall},
        **{"peak_mb": peak, "loaded_mb": loaded, "threads": 1, "host": host, "ended": ended},
    }
    file = folder / f"{path}.usage.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def test_jobs_are_summed_by_rule_and_those_of_other_runs_left_out(tmp_path):
    log(tmp_path, "store/logs/a", 0, 10, peak=900)
    log(tmp_path, "store/logs/b", 5, 10, ended="error")
    log(tmp_path, "store/logs/another", 0, 50)
    log(tmp_path, "store/logs/a/codes", 40, 5, loaded=100, host="two")
    log(tmp_path, "run/logs/tables/fig1", 50, 1)
    log(tmp_path, "run/logs/tables/fig2", 50, 2)
    found = use([tmp_path / "store" / "logs", tmp_path / "run" / "logs"], LOGS)
    assert [each.rule for each in found.rules] == ["train", "encode", "tables", "fig1"]
    train, encode = found.rules[:2]
    assert (train.jobs, train.wall_s, train.cpu_s, train.longest_s) == (2, 20, 40, 10)
    assert (train.peak_mb, train.own_mb, train.unfinished) == (900, 500, 1)
    assert (encode.own_mb, found.jobs, found.cpu_s, found.hosts) == (400, 5, 56, 2)
    # From 0 to 15, from 40 to 45, from 50 to 52.
    assert found.busy_s == 22
    assert (found.began.second, found.ended.second) == (0, 52)


def test_a_run_without_usage_files_has_no_times(tmp_path):
    found = use([tmp_path / "nowhere"], LOGS)
    assert (found.rules, found.began, found.ended, found.busy_s, found.jobs) == (
        [],
        None,
        None,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (42, "42 s"), (59.7, "1 min 0 s"), (185, "3 min 5 s"), (7620, "2 h 7 min")],
)
def test_durations_are_said(seconds, text):
    assert spoken(seconds) == text


def test_the_machine_has_no_name():
    import os

    names = dict(machine())
    assert {"Processor", "Memory", "GPU", "Python"} <= names.keys()
    assert os.uname().nodename not in " ".join(names[name] for name in ("Processor", "System"))


def test_packages_have_a_version_and_a_licence():
    (numpy,) = packages(["numpy", "a-package-that-there-is-not"])
    assert numpy.version[0].isdigit() and "BSD" in numpy.licence


@given(NUMBER, NUMBER, NUMBER, st.floats(-10, 10), st.floats(0.1, 10))
def test_a_strip_keeps_to_its_line_and_its_order(value, lo, hi, low, width):
    lo, hi = min(lo, value), max(hi, value)
    found = strip(value, lo, hi, low, low + width)
    places = (found.low, found.value, found.high, found.range_from, found.range_to)
    assert all(MARGIN <= place <= WIDTH - MARGIN for place in places)
    assert found.low <= found.value <= found.high
    assert found.range_from <= found.range_to


@pytest.mark.parametrize("rule", [(-math.inf, 0.0), (0.0, math.inf)])
def test_a_range_without_end_goes_to_the_end_of_the_line(rule):
    found = strip(1.0, 0.5, 1.5, *rule)
    assert MARGIN in (found.range_from,) or WIDTH - MARGIN in (found.range_to,)
    inside = found.range_from <= found.value <= found.range_to
    assert inside == (rule[0] == 0.0)
    assert strip(math.nan, math.nan, math.nan, *rule) is None
    assert strip(0.0, math.nan, math.nan, *rule) is not None


def test_small_pictures_are_small_and_the_same_each_time(tmp_path):
    source = tmp_path / "figure.png"
    Image.effect_noise((1500, 800), 60).convert("RGBA").save(source)
    written = []
    for name in ("a.png", "b.png"):
        broad, high = small_picture(source, tmp_path / name)
        assert (
            broad <= BROAD and high <= HIGH and broad / high == pytest.approx(1500 / 800, rel=0.01)
        )
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1] and len(written[0]) < source.stat().st_size / 3
    assert copy_picture(source, tmp_path / "c.png") == (1500, 800)
    assert (tmp_path / "c.png").read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        *(("fig4", "Figure 4"), ("fig9a", "Figure 9a"), ("table2", "Table 2")),
        *(("appendix_a1", "Appendix A.1"), ("appendix_d", "Appendix D"), ("sec5_2", "Section 5.2")),
        *(("meta_sae", "Meta SAE"), ("figment", "Figment"), ("kl_histogram", "KL histogram")),
    ],
)
def test_exhibits_have_the_names_of_their_paper(name, title):
    assert title_of(name) == title


def test_the_facts_of_a_run_are_those_of_its_configuration():
    from tests.anatomy.report.page import hostile

    found = facts(hostile.config("name"), hostile.blocks())
    assert (found.run, found.saes, found.sites, found.widths, found.seeds) == (
        *("name", 2, 1),
        *((256, 1024), (0, 1)),
    )
    assert "512 contexts of 256 tokens" in found.harvests[0]
    assert found.harvests[0].endswith("from position 50 on, tokens between documents too")
    left_out = hostile.config("name")
    left_out["harvests"]["heldout"]["separators"] = "leave_out"
    assert facts(left_out, []).harvests[0].endswith("tokens between documents left out")
