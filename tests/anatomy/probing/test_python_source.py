"""Labels of characters against what a reader of the source expects, marked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.probing.python_source import BIT, CONCEPTS, KIND, KINDS, characters


def pieces(text, concept):
    """The runs of characters of a concept, as text."""
    marked = characters(text)[0] & BIT[concept] > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked, [0]])))
    return [text[start:end] for start, end in edges.reshape(-1, 2)]


def kinds_of(text, kind):
    marked = characters(text)[1] == KIND[kind]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked, [0]])))
    return [text[start:end] for start, end in edges.reshape(-1, 2)]


MODULE = '''"""Module."""
import os, sys as system
from os.path import (join,
                     split)  # where

X = "no docstring"
"neither, it comes later"

@decorate(1, key="a")
@ other.thing
class Thing(Base, metaclass=Meta):
    r"""Class's
    docstring."""

    def method(self, a, *args, b: int = 0x1F, **more):
        "A docstring"  "of two"
        self.value = self.other.part + a.self.x
        def inner():
            self.deep.er = 1.5e3j
            return lambda y: self . spaced
        return f"{self.hidden} and {b!r:>{a}}" if None else f'{f"{a}"}'

    async def later(self): # no docstring
        async with self.lock as held: await held(b=2)

after = Thing.self
'''


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        ("comment", ["# where", "# no docstring"]),
        (
            "docstring",
            ['"""Module."""', 'r"""Class\'s\n    docstring."""', '"A docstring"', '"of two"'],
        ),
        (
            "string",
            [
                '"no docstring"',
                '"neither, it comes later"',
                '"a"',
                'f"{self.hidden} and {b!r:>{a}}"',
                "f'{f\"{a}\"}'",
            ],
        ),
        (
            "keyword",
            [
                *("import", "as", "from", "import", "class", "def", "def", "return", "lambda"),
                *("return", "if", "None", "else", "async", "def", "async", "with", "as", "await"),
            ],
        ),
        ("number", ["1", "0x1F", "1.5e3j", "2"]),
        ("self_attribute", ["value", "other", "deep", "spaced", "lock"]),
        (
            "import",
            [
                "import os, sys as system",
                "from os.path import (join,\n                     split)",
            ],
        ),
        ("decorator", ['@decorate(1, key="a")', "@ other.thing"]),
        ("parameter", ["self", "a", "args", "b", "more", "y", "self"]),
        ("argument_name", ["key", "metaclass", "b"]),
        ("definition", ["Thing", "method", "inner", "later"]),
    ],
)
def test_concepts(concept, expected):
    assert pieces(MODULE, concept) == expected


def test_inside_a_class_is_from_its_keyword_to_its_end():
    (inside,) = pieces(MODULE, "in_class")
    assert inside.startswith("class Thing(") and inside.endswith("await held(b=2)")


def test_every_kind():
    text = "x = 1  # c\n"
    assert kinds_of(text, "name") == ["x"]
    assert kinds_of(text, "operator") == ["="]
    assert kinds_of(text, "number") == ["1"]
    assert kinds_of(text, "comment") == ["# c"]
    assert kinds_of(text, "space") == [" ", " ", "  ", "\n"]
    assert kinds_of(MODULE, "docstring") == pieces(MODULE, "docstring")
    assert kinds_of(MODULE, "keyword") == pieces(MODULE, "keyword")
    assert set(KINDS) - set(CONCEPTS) == {"space", "operator", "name"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: "\ufeff" + text, "byte order mark"),
        (lambda text: text.replace("\n", "\r\n"), "carriage returns"),
        (lambda text: text.replace("\n", "\r"), "old carriage returns"),
        (lambda text: text.replace("    ", "\t"), "tabs"),
        (lambda text: text.replace("value", "wért").replace("Module", "Mödül 中"), "not ASCII"),
        (lambda text: text.removesuffix("\n"), "no end of line"),
        (lambda text: "\f" + text, "form feed"),
    ],
)
def test_how_lines_and_characters_are_written_changes_nothing(change, reason):
    text = change(MODULE)
    for concept in CONCEPTS:
        expected = [
            change(piece).removeprefix("\ufeff").removeprefix("\f")
            for piece in pieces(MODULE, concept)
        ]
        assert pieces(text, concept) == expected, (reason, concept)


def test_columns_behind_characters_of_several_bytes():
    text = "名前 = '中文'; 値 = self.属性 + self.b  # é\n"
    assert pieces(text, "self_attribute") == ["属性", "b"]
    assert pieces(text, "string") == ["'中文'"]
    assert pieces(text, "comment") == ["# é"]


def test_a_line_that_goes_on():
    text = "x = self.a + \\\r\n    self.b\r\n"
    assert pieces(text, "self_attribute") == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["print 'two'\n", "def f(:\n", "x = (\n", "'''open\n", "a\0b\n", "  x\ny\n"]
)
def test_what_python_cannot_read_is_an_error(text):
    with pytest.raises((SyntaxError, ValueError)):
        characters(text)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=40))
def test_any_text_is_labelled_whole_or_an_error(text):
    try:
        concepts, kinds = characters(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    assert len(concepts) == len(kinds) == len(text)
    assert kinds.max(initial=0) < len(KINDS)
