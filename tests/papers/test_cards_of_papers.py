"""What the papers say of an SAE: their quantities, the tables that these stand in, and cards made of them."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.anatomy.report.cards.planted import METHOD, block, latents_of, plant, tables_of
from tests.running import run_script
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.report.cards.quantities import LATENTS, SECTIONS, quantity
from workflow_scripts.anatomy.report.cards.shown import number
from workflow_scripts.papers import PAPERS
from workflow_scripts.papers.registry import card_quantities, exhibits

ROOT = Path(__file__).resolve().parents[2]
PLAIN = card_quantities(PAPERS)
QUANTITIES = [quantity(each) for each in PLAIN]
SOURCES = [(each, source) for each in QUANTITIES for source in each.sources]
# Columns of the tables of latents that a quantity may be of.
OF_LATENTS = {"latent", "firings", "density", "own_cosine", "max_cosine", "error_contribution"}
BLOCKS = [
    block("topk-w32-k4-s0"),
    block("topk-w32-k4-s1", seed=1),
    block("batchtopk-w64-k4-s0", "batchtopk", width=64),
    block("topk-w32-k4-s0", site="blocks.2.hook_resid_post"),
]

every_quantity = pytest.mark.parametrize("about", QUANTITIES, ids=[q.key for q in QUANTITIES])
every_source = pytest.mark.parametrize(
    ("about", "source"), SOURCES, ids=[f"{q.key}-{s.table}" for q, s in SOURCES]
)


@every_quantity
def test_a_quantity_says_what_it_is(about):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", about.key)
    assert about.sentence.endswith(".")
    assert about.section in SECTIONS
    assert about.needs


def test_labels_and_keys_are_told_apart():
    for name in ("key", "label"):
        names = [getattr(each, name) for each in QUANTITIES]
        assert len(names) == len(set(names))
    assert json.loads(json.dumps(PLAIN)) == PLAIN or [quantity(p) for p in PLAIN] == QUANTITIES


@every_source
def test_a_quantity_stands_in_a_table_of_its_paper(about, source):
    columns = {source.column, source.over, source.n, *source.where} - {""}
    if source.table == LATENTS:
        assert columns <= OF_LATENTS
        return
    tables = {table for exhibit in exhibits(about.paper).values() for table in exhibit.tables}
    assert source.table in tables
    assert not source.among or source.among in tables
    # What columns mean is said in the paper's page, or they identify the SAE.
    page = (ROOT / "docs" / "papers" / f"{about.paper}.md").read_text()
    known = set(re.findall(r"\w+", page)) | {"width", "sae", "sae_small", "sae_large"}
    assert columns | ({source.sae} - {""}) <= known


class Rows(HTMLParser):
    """Label -> value and interval, as a page shows them."""

    def __init__(self, text):
        super().__init__()
        self.found, self.inside, self.label = {}, None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        kind = dict(attrs).get("class")
        if tag == "th" and dict(attrs).get("scope") == "row":
            self.inside = "label"
        elif kind in ("value", "interval"):
            self.inside = kind
        elif tag in ("small", "span"):
            self.inside = None

    def handle_data(self, data):
        if self.inside == "label" and data.strip():
            self.label = data.strip()
        elif self.inside and data.strip() and self.label:
            self.found.setdefault(self.label, {})[self.inside] = data.strip()
        self.inside = None if self.inside != "label" else self.inside


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A planted run with every table, and what the script writes of it."""
    folder = tmp_path_factory.mktemp("run")
    whos = plant(folder, BLOCKS)
    tables = tables_of(QUANTITIES, whos)
    paths = {}
    for (paper, name), table in tables.items():
        paths[paper, name] = folder / "tables" / paper / f"{name}.csv"
        paths[paper, name].parent.mkdir(parents=True, exist_ok=True)
        write_table(paths[paper, name], table)
    latents = [folder / f"{who.slug}.csv" for who in whos]
    for path, who in zip(latents, whos, strict=True):
        write_table(path, latents_of(who))
    out = {
        kind: [folder / "cards" / f"{who.slug}.{kind}" for who in whos]
        for kind in ("html", "md", "json")
    }
    method = {name: getattr(METHOD, name) for name in METHOD.__dataclass_fields__}
    run_script(
        "write_cards",
        folder / "cards.log",
        input={
            "saes": [who.files["sae"] for who in whos],
            "models": [folder / "model.json"] * len(whos),
            "latents": latents,
            "tables": list(paths.values()),
            "draws": [],
        },
        output={
            "index": folder / "saes.csv",
            "pages": out["html"],
            "readmes": out["md"],
            "data": out["json"],
        },
        params={
            "quantities": json.loads(json.dumps(PLAIN)),
            "saes": BLOCKS,
            "alike": ["g"] * len(whos),
            "judged_on": ["heldout"] * len(whos),
            "missing": {paper: {} for paper in PAPERS},
            "method": method,
        },
    )
    return folder, whos, paths, dict(zip([w.slug for w in whos], latents, strict=True)), out


def expected(about, who, paths, latents, known):
    """Value, lower and upper end of a quantity, looked up anew in the files."""
    if about.difference:
        first, second = (known[key] for key in about.difference)
        if about.above:
            upper, lower = (known[key] for key in about.above)
            if not upper[1] > lower[2]:
                return None, None, None
        return first[0] - second[0], None, None
    source = about.sources[0]
    own = source.table == LATENTS
    table = pd.read_csv(latents[who.slug] if own else paths[about.paper, source.table])
    if not own:
        table = table[(table.model == who.model) & (table.site == who.site)]
        if source.sae:
            table = table[table[source.sae] == who.sae]
    for column, value in source.where.items():
        if isinstance(value, str) and value[0] in "<>":
            table = table.query(f"{column} {value}")
        else:
            table = table[table[column] == value]
    if source.aggregate == "count":
        return len(table), None, None
    if source.aggregate == "share_below_zero":
        return (table[source.column] < 0).mean(), None, None
    if source.aggregate:
        return getattr(table[source.column], source.aggregate)(), None, None
    row = table.iloc[0]
    by = row[source.over] if source.over else 1
    ends = [row.get(f"{source.column}_{end}", math.nan) for end in ("lo", "hi")]
    return row[source.column] / by, *(None if np.isnan(e) else e / by for e in ends)


def same(found, value):
    return (found is None or pd.isna(found)) if value is None else found == pytest.approx(value)


def test_every_number_equals_its_table(written):
    folder, whos, paths, latents, out = written
    table = read_table(folder / "saes.csv")
    for at, who in enumerate(whos):
        card = json.loads(out["json"][at].read_text())
        rows = Rows(out["html"][at].read_text()).found
        readme = out["md"][at].read_text()
        known = {}
        for about in sorted(QUANTITIES, key=lambda each: each.difference is not None):
            value, low, high = known[about.key] = expected(about, who, paths, latents, known)
            found = card["quantities"][about.key]
            assert [*map(same, (found["value"], found["lo"], found["hi"]), (value, low, high))] == (
                [True] * 3
            ), about.key
            assert same(table[about.key][at], value)
            for end, limit in (("lo", low), ("hi", high)):
                column = f"{about.key}_{end}"
                assert same(table[column][at] if column in table else None, limit)
            if value is None:
                assert found["reason"]
                assert about.label not in rows
                continue
            shown = rows[about.label]["value"]
            assert shown == number(value, about.digits)
            step = 10.0 ** -len(shown.partition(".")[2].partition("e")[0])
            if "e" not in shown:
                assert abs(float(shown.replace(",", "")) - value) <= 0.501 * step
            line = next(
                line for line in readme.splitlines() if line.startswith(f"| {about.label} |")
            )
            assert shown in line
            if low is not None:
                ends = rows[about.label]["interval"]
                assert ends in line
                for text, limit in zip(ends.split(" to "), (low, high), strict=True):
                    assert abs(float(text.replace(",", "")) - limit) <= 0.501 * step


def test_sources_name_the_table(written):
    folder, _, paths, _, out = written
    for path in out["json"]:
        for about in QUANTITIES:
            found = json.loads(path.read_text())["quantities"][about.key]
            if found["value"] is None or about.difference:
                continue
            table = found["source"]["table"]
            assert table.startswith(f"{LATENTS}/") or (folder / table) in paths.values()


def test_pages_are_small_and_the_job_needs_little(written):
    folder, _, _, _, out = written
    assert all(path.stat().st_size < 300_000 for path in out["html"])
    assert "cards" in (folder / "cards.log").read_text()
