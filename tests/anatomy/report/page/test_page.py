"""The page of a hostile run: nothing of it becomes markup, and it leads nowhere but into the run."""

import re
from pathlib import Path

import pytest

from tests.anatomy.report.page import hostile
from tests.anatomy.report.page.hostile import ATTRIBUTE, RULE, SCRIPT, TEMPLATE, Seen
from workflow_scripts.anatomy.report.page.collected import judged_claims
from workflow_scripts.anatomy.report.page.rendered import configuration, shares
from workflow_scripts.anatomy.report.templating import ASSETS

USAGE = {
    **{"started": "2026-01-01T00:00:00+00:00", "wall_s": 60.0, "cpu_s": 50.0, "peak_mb": 700.0},
    **{"loaded_mb": 400.0, "threads": 1, "host": "secret-host", "ended": "finished"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run, its report written."""
    import json

    folder = tmp_path_factory.mktemp("run")
    hostile.write_run(folder)
    log = folder / "logs" / "tables" / "fig1.usage.json"
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps(USAGE))
    hostile.write_report(folder)
    return folder


@pytest.fixture(scope="module")
def html(run):
    return (run / "report" / "index.html").read_text()


@pytest.fixture(scope="module")
def seen(html):
    return Seen(html)


def test_no_text_becomes_markup(seen):
    scripts = [attrs for tag, attrs in seen.tags if tag == "script"]
    assert scripts == [{"src": "assets/report.js", "defer": None}]
    assert not [tag for tag, _ in seen.tags if tag in ("iframe", "object", "embed", "base", "form")]
    names = {name for _, attrs in seen.tags for name in attrs}
    assert not {name for name in names if name.startswith("on") or name == "style"}
    assert not [attrs for tag, attrs in seen.tags if tag == "svg" and "class" not in attrs]
    for text in (SCRIPT, ATTRIBUTE, TEMPLATE):
        assert text in seen.text


def test_the_policy_comes_before_anything_it_is_about(html):
    policy = html.index('http-equiv="Content-Security-Policy"')
    assert policy < html.index("<link") < html.index("<script")
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    ):
        assert part.replace("'", "&#39;") in html
    assert "unsafe" not in html


def test_links_stay_within_the_run_and_its_report_is_whole(run, seen):
    ids = seen.values("id")
    assert len(ids) == len(set(ids))
    for link in seen.values("href", "src"):
        assert not re.match(r"[a-z]+:|//", link, re.IGNORECASE), link
        if link.startswith("#"):
            assert link[1:] in ids, link
            continue
        place = (run / "report" / link).resolve()
        assert place.is_relative_to(run.resolve()), link
    shown = [attrs["src"] for tag, attrs in seen.tags if tag == "img"]
    assert shown == ["figures/toy/fig1.png", "figures/toy/fig2.png"]
    assert all((run / "report" / path).is_file() for path in shown)
    for name in ("report.css", "report.js"):
        assert (run / "report" / "assets" / name).read_bytes() == (ASSETS / name).read_bytes()


def test_the_page_has_what_it_is_for(seen):
    assert [tag for tag, _ in seen.tags].count("h1") == 1
    for id_ in ("figures", "claims", "saes", "method", "machine", "licences"):
        assert id_ in seen.values("id")
    text = " ".join(seen.text.split())
    assert "R² of" in text and "R^2" not in text
    assert "0.600 [0.550, 0.700]" in text
    assert "1 min 0 s" in text
    assert "secret-host" not in text
    assert "Figure 1" in text and "Table 1" in text


def test_nothing_but_the_machine_differs_when_it_is_written_again(run, html):
    hostile.write_report(run)
    assert (run / "report" / "index.html").read_text() == html


def test_without_script_the_page_says_all_and_shows_no_filters(seen):
    (filters,) = [attrs for _, attrs in seen.tags if attrs.get("id") == "filters"]
    assert "hidden" in filters
    rows = [attrs for tag, attrs in seen.tags if tag == "tr" and "data-kind" in attrs]
    assert [row["data-kind"] for row in rows] == ["holds", "untested"]
    assert not [row for row in rows if "hidden" in row]


def test_the_program_makes_no_markup():
    text = (ASSETS / "report.js").read_text()
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "Function(", "write("):
        assert word not in text, word
    assert not re.search(r"https?:", text)


def test_the_style_loads_nothing():
    text = (ASSETS / "report.css").read_text()
    assert "url(" not in text and "@import" not in text


def test_claims_that_could_not_be_tested_come_last_with_their_reason():
    claims = judged_claims(hostile.claims(), {("toy", "one"): (RULE, "the measure")})
    assert [claim.claim for claim in claims] == ["one", "two"]
    assert claims[0].criterion == "at least 0.5" and claims[0].strip is not None
    assert claims[1].reason == ATTRIBUTE and claims[1].strip is None
    assert claims[1].measured == ""


def test_segments_of_a_bar_fill_it():
    parts = shares([("holds", 3), ("undecided", 1)], 4, 100)
    assert [(part["x"], part["w"]) for part in parts] == [(0, 75), (75, 25)]


def test_the_folder_of_the_user_is_not_in_the_configuration(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/somewhere/person"))
    text = configuration({"models": {"m": {"path": "/somewhere/person/models/m"}}})
    assert "person" not in text and "~/models/m" in text
