"""Tokens as text: a column for each character, whatever the token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties, findfont, get_font

from workflow_scripts.anatomy.figures.token_text import visible


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("\n\t x\r", "⏎→ x←"),
        ("\n        def", "⏎␣def"),
        ("  two", "  two"),
        ("$x_1$", "$x_1$"),
        ("中é", "▯é"),
        ("\u05d0\u0301\u202e\x00", "▯▯▯▯"),
        ("", ""),
        (None, ""),
        (float("nan"), ""),
    ],
)
def test_what_cannot_be_seen_is_made_visible(token, shown):
    assert visible(token) == shown


def test_in_lists_every_space_is_seen_and_long_tokens_are_cut():
    assert visible("    x", spaces=True) == "····x"
    assert visible(" " * 9, spaces=True, at_most=5) == "····…"
    assert visible("abcde", at_most=5) == "abcde"


@given(st.text(max_size=30))
def test_every_character_takes_one_column(text):
    shown = visible(text)
    assert len(shown) <= len(text)
    font = get_font(findfont(FontProperties(family="monospace")))
    advances = {font.load_char(ord(character)).linearHoriAdvance for character in shown}
    assert len(advances) <= 1
