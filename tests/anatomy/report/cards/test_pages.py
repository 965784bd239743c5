"""Cards as pages, Markdown and JSON: hostile text stays text, and nothing is loaded or run."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.anatomy.report.cards.planted import HOSTILE, block, made
from workflow_scripts.anatomy.report.cards.cell import Cell
from workflow_scripts.anatomy.report.cards.index import harmless, index
from workflow_scripts.anatomy.report.cards.limits import limits
from workflow_scripts.anatomy.report.cards.markdown import as_markdown, escaped, with_code
from workflow_scripts.anatomy.report.cards.page import as_html
from workflow_scripts.anatomy.report.cards.plain_json import as_json
from workflow_scripts.anatomy.report.cards.quantities import Quantity, Source
from workflow_scripts.anatomy.report.cards.visible import spans, visible

ROOT = Path(__file__).resolve().parents[4]
FORBIDDEN = {"script", "iframe", "object", "embed", "form", "base", "img", "link"}
QUANTITIES = [
    Quantity("l0", 4, "L0", "Active latents.", "p", "it", sources=(Source("t", "l0", {}),)),
    Quantity(
        "fvu", 4, "FVU", "What is left.", "p", "it", "", "lower", sources=(Source("t", "x", {}),)
    ),
    Quantity("none", 5, "None", "Never there.", "q", "it", sources=(Source("t", "x", {}),)),
]
BLOCKS = [
    block("first"),
    block("second", "batchtopk", seed=1),
    block(HOSTILE, seed=2),
    block("../../x", width=16),
]


class Page(HTMLParser):
    """Its tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    # Without the paper q: its quantity has no table.
    quantities = QUANTITIES[:2]
    cards, tables, latents = made(tmp_path_factory.mktemp("run"), quantities, BLOCKS, HOSTILE)
    from workflow_scripts.anatomy.report.cards.card import cards as make
    from workflow_scripts.anatomy.report.cards.lookup import Run

    whos = [card.who for card in cards]
    return make(QUANTITIES, whos, Run(tables, {"p": {}}), cards[0].method, latents)


def test_a_page_loads_and_runs_nothing(planted):
    for card in planted:
        text = as_html(card)
        page = Page(text)
        assert not FORBIDDEN & set(page.tags)
        for tag, name, value in page.attributes:
            assert not name.startswith("on"), (tag, name)
            assert name != "style"
            if name in ("href", "src"):
                assert re.match(
                    r"(#|\.\./(index|explorer)\.html|[a-z0-9.-]+\.(html|md|json)$)", value
                )
        assert len(text.encode()) < 300_000


def test_the_policy_allows_the_style_and_nothing_else(planted):
    text = as_html(planted[0])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:")
    assert "unsafe" not in policy
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_hostile_names_are_shown_and_are_no_markup(planted):
    page = Page(as_html(planted[2]))
    words = "".join(page.words)
    assert visible(HOSTILE) in words
    assert "\u202e" not in words
    assert "⟨U+202E⟩" in words
    readme = as_markdown(planted[2])
    rendered = Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(readme))
    assert not FORBIDDEN & set(rendered.tags)
    assert "\u202e" not in readme
    assert any("alert(1)" in each for each in rendered.words)


def test_front_matter(planted):
    _, front, _ = as_markdown(planted[0]).split("---\n", 2)
    found = yaml.safe_load(front)
    assert found["library_name"] == "sae_lens"
    assert found["base_model"] == "org/model"
    assert found["datasets"] == ["some/text"]
    assert "license" not in found
    (model,) = found["model-index"]
    metrics = {each["type"]: each["value"] for each in model["results"][0]["metrics"]}
    assert metrics == {key: planted[0].cells[key].value for key in ("l0", "fvu")}
    _, front, _ = as_markdown(planted[2]).split("---\n", 2)
    assert yaml.safe_load(front)["model-index"][0]["name"] == HOSTILE


def test_every_number_is_there_or_the_reason_is(planted):
    for card in planted:
        for key, found in as_json(card)["quantities"].items():
            assert (found["value"] is None) != (found["reason"] is None), key
        assert card.cells["none"].reason == "not measured: needs `q` in the configuration"
        assert "needs <code>q</code> in the configuration" in as_html(card)
        assert "needs `q` in the configuration" in as_markdown(card)


def test_comparable_saes_are_linked(planted):
    text = as_html(planted[0])
    for other in planted[0].others:
        assert f'href="{other.slug}.html"' in text
    assert planted[0].others


def test_what_is_made_of_separators_is_said(planted):
    for card in planted:
        for text in (as_html(card), as_markdown(card)):
            assert "tokens between documents are not counted" in text


def test_a_median_of_few_is_not_drawn(planted):
    (alone,) = (card for card in planted if card.who.sae == "first")
    assert len(alone.others) == 3 and 'class="median"' in as_html(alone)
    comparison = replace(alone.comparisons["fvu"], others=(0.1, 0.2), of=3, median=None)
    few = replace(alone, comparisons=alone.comparisons | {"fvu": comparison, "l0": None})
    assert 'class="median"' not in as_html(few)
    assert "none of them measured so" in as_html(few) and "none of them measured so" in as_markdown(
        few
    )


def test_the_training_curve_begins_where_it_was_first_measured(planted):
    card = replace(planted[0], curve=[(16384.0, 0.9), (999424.0, 0.2)])
    assert "<span>16,384 tokens, FVU 0.9</span>" in as_html(card)
    assert "0.900 after 16,384 tokens" in as_markdown(card)
    assert "0 tokens, FVU" not in as_html(card).replace("<span>16,384 ", "")


def test_three_sentences(planted):
    for card in planted:
        assert len(card.sentences) == 3
        assert all(sentence.endswith(".") for sentence in card.sentences)


def test_known_limits_have_their_numbers(planted):
    first, second = planted[0].limits, planted[1].limits
    assert any("trained on text and judged on other" in line for line in first)
    assert not any("One threshold" in line for line in first)
    assert any("One threshold, 0.500," in line for line in second)


def test_a_limit_says_that_the_mean_is_nearer_than_the_reconstruction(planted):
    card = planted[0]
    cells = card.cells | {"fvu": Cell(value=1.7)}
    found = limits(card.who, cells, card.method, 1)
    assert any("FVU of 1.70 is above 1" in line for line in found)
    cells["fvu"] = Cell(value=0.7)
    assert not any("is above 1" in line for line in limits(card.who, cells, card.method, 1))


def test_the_same_run_gives_the_same_bytes(planted, tmp_path):
    again, _, _ = made(tmp_path / "again", QUANTITIES[:2], BLOCKS, HOSTILE)
    once, _, _ = made(tmp_path / "again", QUANTITIES[:2], BLOCKS, HOSTILE)
    for one, other in zip(again, once, strict=True):
        assert as_html(one) == as_html(other)
        assert as_markdown(one) == as_markdown(other)
        assert json.dumps(as_json(one), allow_nan=False) == json.dumps(as_json(other))


def test_saes_csv_starts_no_formula(planted):
    table = index(planted)
    assert list(table["slug"]) == [card.who.slug for card in planted]
    for column in ("model", "site", "sae"):
        assert not table[column].str.match(r"[=+\-@\t\r]").any()
    assert harmless("=1+1") == "'=1+1"
    assert harmless("w1024") == "w1024"


text = st.text(st.characters(exclude_categories=()), max_size=60)


@given(text)
def test_markdown_shows_a_text_as_it_is(given_text):
    for before in ("- ", "word "):
        rendered = MarkdownIt("gfm-like", {"linkify": False}).render(
            f"{before}{escaped(given_text)}"
        )
        page = Page(rendered)
        assert set(page.tags) <= {"p", "ul", "li"}, rendered
        shown = " ".join("".join(page.words).split())
        expected = " ".join(f"{before.strip('- ')} {visible(given_text)}".split())
        assert shown.replace(" ", "") == expected.replace(" ", "")


@given(text)
def test_a_cell_of_a_table_stays_one(given_text):
    table = f"| a | b |\n| --- | --- |\n| {escaped(given_text)} | 1 |"
    page = Page(MarkdownIt("gfm-like", {"linkify": False}).render(table))
    assert page.tags.count("td") == 2
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td"}


@given(text)
def test_what_is_visible_has_nothing_unseen(given_text):
    shown = visible(given_text)
    assert not re.search(
        r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", shown
    )
    assert len(visible("a" * 1000)) == 201


def test_code_in_reasons():
    assert spans("needs `a_b` and `c`") == [
        (False, "needs "),
        (True, "a_b"),
        (False, " and "),
        (True, "c"),
    ]
    assert spans("one ` alone") == [(False, "one ` alone")]
    assert with_code("needs `a_b` or *") == "needs `a_b` or \\*"


def test_writing_cards_loads_no_torch():
    code = (
        "import sys\n"
        "import workflow_scripts.anatomy.report.cards.markdown, workflow_scripts.anatomy.report.cards.page\n"
        "import workflow_scripts.anatomy.report.cards.plain_json, workflow_scripts.anatomy.report.cards.index\n"
        "print(sorted({'torch', 'zarr', 'transformers', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_text_is_readable_in_both_themes():
    """WCAG 2.2 AA: a contrast of 4.5 for text, and of 3 for what drawings mark."""
    style = (ROOT / "workflow_scripts/anatomy/report/templates/card.css").read_text()
    themes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for name, least in (
            *((text, 4.5) for text in ("ink", "quiet", "accent", "good", "bad")),
            *((mark, 3) for mark in ("mark", "dot")),
        ):
            for ground in ("page", "panel", "code"):
                pair = sorted((luminance(colours[name]), luminance(colours[ground])))
                contrast = (pair[1] + 0.05) / (pair[0] + 0.05)
                assert contrast >= least, (name, ground, contrast)
