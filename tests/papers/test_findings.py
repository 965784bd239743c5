"""Findings: one that holds is worded otherwise than one that does not, is open, or has too little data."""

from functools import cache
from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from tests.papers.tables_of_figures import tables_of
from tests.papers.test_claims_of_papers import WORLDS, widened
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED
from workflow_scripts.anatomy.report.page.findings import TOO_LITTLE, VERDICTS
from workflow_scripts.papers import PAPERS
from workflow_scripts.papers.registry import exhibits, finding, titles

FINDINGS = [
    (paper, about)
    for paper in PAPERS
    for about in exhibits(paper).values()
    if finding(paper, about)
]
# Exhibits of a paper that share a module are about other SAEs; one of each is enough.
MODULES = {(paper, about.drawn_by): about for paper, about in reversed(FINDINGS)}
EACH = [(paper, about) for (paper, _), about in sorted(MODULES.items(), key=lambda each: each[0])]
every_finding = pytest.mark.parametrize(
    ("paper", "about"), EACH, ids=[f"{paper}-{about.name}" for paper, about in EACH]
)
cached = cache(tables_of)
# Numbers that say which row it is.
GIVEN = {
    "seed",
    "width",
    "meta_width",
    "width_small",
    "width_large",
    "layer",
    "n_added",
    "step",
    "level",
}
# The sign of what these rest on is not in the paper's worlds, or their intervals are not columns.
MADE_HERE = {
    ("overview", "decomposition"): {"opposite"},
    ("dark_matter", "sec5_2"): {"wide"},
    ("pathological_errors", "pathology"): {"paper", "opposite", "wide"},
    ("canonical_units", "fig19"): {"wide"},
    ("canonical_units", "fig10"): {"wide"},
    ("dark_matter", "fig14"): {"wide"},
    ("dark_matter", "fig9a"): {"wide"},
}
# Wrong in the world that is wrong on the other side where a claim has two.
OTHER_SIDE = {("dark_matter", "fig9b")}


@cache
def worlds(paper, side="opposite"):
    """Tables in which the paper is right, in which it is wrong, and with intervals that leave all open."""
    tables = cached(paper)
    wrong = getattr(WORLDS[paper], f"{side}_world")() if paper in WORLDS else {}
    return {"paper": tables, "opposite": tables | wrong, "wide": widened(tables)}


def found(paper, about, tables):
    module, _, name = finding(paper, about).partition(":")
    function = getattr(import_module(module), name)
    return function(*[tables[table].copy() for table in about.tables])


@every_finding
def test_a_finding_has_other_words_for_every_verdict(paper, about):
    """Without the numbers, too, no two verdicts have the same sentence."""
    seen = {}
    side = "excessive" if (paper, about.name) in OTHER_SIDE else "opposite"
    skipped = MADE_HERE.get((paper, about.name), set())
    expected = {"paper": HOLDS, "opposite": FAILS, "wide": UNDECIDED}
    for world, tables in worlds(paper, side).items():
        told = found(paper, about, tables)
        if world not in skipped:
            assert told.verdict == expected[world], world
        seen.setdefault(told.verdict, wordless(told.sentence))
    assert len(set(seen.values())) == len(seen)


def wordless(sentence):
    return "".join(letter for letter in sentence if not letter.isdigit())


def estimates(table):
    """Columns of what was measured: numbers that say neither which row it is nor how it was made."""
    return [name for name in table.select_dtypes("number") if name not in GIVEN]


@every_finding
@pytest.mark.parametrize("how", ["no rows", "no numbers"])
def test_too_little_data_is_said(paper, about, how):
    tables = {
        name: table.iloc[:0]
        if how == "no rows"
        else table.assign(**{name: np.nan for name in estimates(table)})
        for name, table in cached(paper).items()
    }
    told = found(paper, about, tables)
    assert told.verdict == TOO_LITTLE
    assert "too little" in told.sentence
    assert "nan" not in told.text.lower()


@every_finding
def test_a_single_row_is_no_error(paper, about):
    told = found(paper, about, {name: table.iloc[:1] for name, table in cached(paper).items()})
    assert told.verdict in VERDICTS
    assert "nan" not in told.text


@every_finding
def test_a_finding_is_a_sentence_with_its_number(paper, about):
    told = found(paper, about, cached(paper))
    assert told.sentence[0].isupper() or told.sentence[0].isdigit()
    for part in (told.point, told.sentence, *([told.more] if told.more else [])):
        assert part.endswith(".") and "  " not in part and " ." not in part
        assert "nan" not in part and "None" not in part
    assert any(letter.isdigit() for letter in told.sentence)


@every_finding
def test_the_same_tables_give_the_same_words(paper, about):
    assert found(paper, about, cached(paper)) == found(paper, about, cached(paper))


def of_pairs(name, names):
    """The finding on a table of stitched pairs, of which as many are kept as there are names for them."""
    table = cached("canonical_units")[name]
    pairs = table.drop_duplicates(["sae_small", "sae_large"])[["sae_small", "sae_large"]]
    few = [pairs.iloc[at % len(pairs)] for at in range(len(names))]
    parts = [
        table[(table["sae_small"] == one["sae_small"]) & (table["sae_large"] == one["sae_large"])]
        for one in few
    ]
    told = [
        part.assign(sae_small=small, sae_large=large, width_large=part["width_large"] + at)
        for at, (part, (small, large)) in enumerate(zip(parts, names, strict=True))
    ]
    about = exhibits("canonical_units")[name]
    return found("canonical_units", about, {name: pd.concat(told, ignore_index=True)}).sentence


@pytest.mark.parametrize("name", ["fig4", "fig5", "fig21", "fig22"])
def test_findings_on_stitched_pairs_name_them(name):
    one = of_pairs(name, [("relu-w256", "relu-w512")])
    assert "of relu-w512 " in one and "relu-w256" in one and "pair" not in one
    two = of_pairs(name, [("relu-w256", "relu-w512"), ("topk-w256", "topk-w512")])
    assert "in 2 pairs (relu-w512 beside relu-w256; topk-w512 beside topk-w256)" in two
    many = of_pairs(name, [(f"a{at}", f"b{at}") for at in range(6)])
    assert "in 6 pairs (b0 beside a0" in many and "b3 beside a3; and 2 more)" in many
    assert "next" not in one + two


def test_the_architecture_of_pairs_is_said_where_the_table_has_it():
    table = cached("canonical_units")["fig4"].assign(architecture="BatchTopK", sae_large="big")
    about = exhibits("canonical_units")["fig4"]
    assert "of big (BatchTopK) " in found("canonical_units", about, {"fig4": table}).sentence


def test_a_single_novel_latent_is_in_the_singular():
    table = cached("canonical_units")["fig4"]
    fires = table["activation_frequency"] > 0
    single = table[fires & table["novel"]].iloc[:1]
    table = pd.concat([single, table[fires & ~table["novel"]]], ignore_index=True)
    sentence = found(
        "canonical_units", exhibits("canonical_units")["fig4"], {"fig4": table}
    ).sentence
    assert "of 1 novel latent (" in sentence and " lowers the error of " in sentence


@pytest.mark.parametrize("ends", [0.5, -0.5, 0.0])
def test_what_no_width_removes_is_by_the_fit_alone(ends):
    """Whatever the power law ends at, the sentence says that it is one, of how many widths, and above what."""
    tables = dict(cached("dark_matter"))
    fit = tables["fig1_fit"].copy()
    fit["c"] = fit["horizontal"] + ends
    fit[["c_se", "horizontal_se"]] = 0.001 if ends else 0.1
    told = found("dark_matter", exhibits("dark_matter")["fig1"], tables | {"fig1_fit": fit})
    assert f"power law fitted to these {len(tables['fig1'])} widths" in told.more
    assert "the nonlinear part's mean over them" in told.more
    assert "no width removes" not in told.more and "linear in x" not in told.more
    assert ("would remain however wide" in told.more) == (ends > 0)


def test_the_report_begins_with_eight_exhibits_at_most_each_with_a_finding():
    headlines = [
        (paper, about) for paper in PAPERS for about in exhibits(paper).values() if about.headline
    ]
    assert 0 < len(headlines) <= 8
    assert all(finding(paper, about) for paper, about in headlines)
    assert {paper for paper, _ in headlines} == set(PAPERS)


def test_a_table_that_is_rendered_has_no_finding():
    rendered = [about for about in exhibits("canonical_units").values() if about.rendered]
    assert rendered and not any(finding("canonical_units", about) for about in rendered)


def test_every_paper_has_a_title():
    assert set(titles(PAPERS)) == set(PAPERS)
    assert all(title and not title.endswith(".") for title in titles(PAPERS).values())
