"""File names of SAEs."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.anatomy.report.names import slug


def test_a_plain_name():
    digits = hashlib.sha256(b"gpt2/blocks.2.hook_resid_post/topk-w128-k4-s0").hexdigest()[:8]
    assert (
        slug("gpt2", "blocks.2.hook_resid_post", "topk-w128-k4-s0")
        == f"gpt2-blocks.2.hook-resid-post-topk-w128-k4-s0-{digits}"
    )


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_name_it_stays_in_its_folder(model, site, sae):
    name = slug(model, site, sae)
    assert re.fullmatch(r"[a-z0-9.-]+", name)
    assert ".." not in name
    assert not name.startswith(".")
    assert len(name) <= 120


@pytest.mark.parametrize(
    "sae", ["../../etc/passwd", "javascript:alert(1)", "Ä", "ß", "a/b", "A", "a", "", "\ud800"]
)
def test_hostile_names_are_told_apart(sae):
    assert slug("m", "s", sae) != slug("m", "s", sae + "x")
    assert slug("m", "s", sae) != slug("m", "s" + sae, "y")
    assert "/" not in slug("m", "s", sae)


def test_case_is_told_apart():
    assert slug("m", "s", "A") != slug("m", "s", "a")
