"""What a card says made it, and how that is cited: as CITATION.cff has it, and no more."""

from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from tests.anatomy.report.cards.planted import block, made
from tests.anatomy.report.cards.test_pages import QUANTITIES, Page
from workflow_scripts.anatomy.report.cards import citation
from workflow_scripts.anatomy.report.cards.markdown import as_markdown
from workflow_scripts.anatomy.report.cards.page import as_html

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    blocks = [block("first"), block("second", "batchtopk", seed=1)]
    return made(tmp_path_factory.mktemp("run"), QUANTITIES[:2], blocks)[0]


def test_a_card_says_what_made_it_and_how_to_cite_that(planted):
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    for card in planted:
        page = " ".join("".join(Page(as_html(card)).words).split())
        readme = "".join(Page(MarkdownIt().render(as_markdown(card))).words)
        for text in (page, readme):
            assert f"the workflow sae-anatomy, version {about['version']}" in text
            assert "with the configuration of this run as its config.yaml" in text
            assert about["title"] in text
            for work in about["references"]:
                assert work["title"] in text
            assert "The source of this SAE" not in text


def test_the_source_of_an_sae_from_elsewhere_is_cited(tmp_path):
    elsewhere = block("given", kind="pretrained") | {"release": "theirs", "id": "one"}
    (card,), _, _ = made(tmp_path, QUANTITIES[:2], [elsewhere])
    assert "The source of this SAE: trained" in as_html(card)


def test_no_address_is_made_up(tmp_path, planted, monkeypatch):
    given = {"title": "name: of it", "version": 2, "authors": [{"name": "We"}]}
    path = tmp_path / "CITATION.cff"
    path.write_text(yaml.safe_dump(given))
    assert citation.read(path) == citation.Workflow(
        "name", "2", "We: name: of it, version 2", (), ""
    )
    there = tmp_path / "there.cff"
    there.write_text(yaml.safe_dump(given | {"repository-code": "https://host/it"}))
    assert citation.read(there).place == "https://host/it"
    monkeypatch.setattr(citation, "CITATION", tmp_path / "none.cff")
    readme = as_markdown(planted[0])
    assert "make run" in readme and "Please cite" not in readme and "sae-anatomy" not in readme
