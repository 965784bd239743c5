"""The lexer against Python's own tokenize and ast, whole files and pieces of them."""

import ast
import io
import keyword
import random
import tokenize
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.anatomy.interpretability.corpus import source_files
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability.labels import (
    BIT,
    LABELS,
    Labeller,
    looks_like_python,
    python_labels,
)
from workflow_scripts.anatomy.interpretability.lexer import STATES, read_python

KINDS = {
    tokenize.COMMENT: "comment",
    tokenize.STRING: "string",
    tokenize.NUMBER: "number",
    tokenize.OP: "operator",
    tokenize.NAME: "identifier",
}
TEXTS = source_files()


def line_starts(text: str) -> list[int]:
    return list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))


def reference(text: str) -> dict[tuple[int, int], str]:
    """Spans and kinds by `tokenize`."""
    starts = line_starts(text)
    spans, inside, opened = {}, 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        if name == "FSTRING_START":
            opened, inside = (opened if inside else token.start), inside + 1
        elif name == "FSTRING_END":
            inside -= 1
            if not inside:
                span = (starts[opened[0] - 1] + opened[1], starts[token.end[0] - 1] + token.end[1])
                spans[span] = "string"
        elif token.type in KINDS and not inside:
            kind = KINDS[token.type]
            if kind == "identifier" and keyword.iskeyword(token.string):
                kind = "keyword"
            start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
            spans[start, end] = kind
    return spans


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_whole_files_agree_with_tokenize(text):
    reading = read_python(text)
    found = {}
    for span in reading.spans:
        kind = "string" if span.kind == "docstring" else span.kind
        if kind in KINDS.values() or kind == "keyword":
            found[span.start, span.end] = kind
    assert reading.state == "code"
    assert found == reference(text)


@pytest.mark.parametrize("text", TEXTS[:3], ids=range(3))
def test_names_and_docstrings_agree_with_ast(text):
    spans = read_python(text).spans
    by_kind = {
        kind: [text[s.start : s.end] for s in spans if s.kind == kind]
        for kind in ("definition name", "self attribute", "docstring")
    }
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    # What is inside an f-string is part of a string.
    formatted = {id(n) for f in nodes if isinstance(f, ast.JoinedStr) for n in ast.walk(f)}
    nodes = [n for n in nodes if id(n) not in formatted]
    definitions = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert sorted(by_kind["definition name"]) == sorted(n.name for n in definitions)
    attributes = [
        n.attr
        for n in nodes
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"
    ]
    assert len(by_kind["self attribute"]) == len(attributes)
    assert sorted(by_kind["self attribute"]) == sorted(attributes)
    statements = [n for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    strings = [n for n in statements if isinstance(n.value.value, str)]
    assert len(by_kind["docstring"]) == len(strings)


def test_every_label_of_a_small_file():
    text = (
        "import os\n@cached\nclass A(Base):\n    # why\n    def run(self, n=1):\n"
        '        """Go."""\n        self.total = call(n, "s", key=[2])\n'
    )
    kinds = {}
    for span in read_python(text, "code").spans:
        kinds.setdefault(span.kind, []).append(text[span.start : span.end])
    assert kinds["import statement"] == ["import os"]
    assert kinds["decorator"] == ["@cached"]
    assert kinds["definition line"] == ["class A(Base):", "def run(self, n=1):"]
    assert kinds["definition name"] == ["A", "run"]
    assert kinds["comment"] == ["# why"]
    assert kinds["docstring"] == ['"""Go."""']
    assert kinds["string"] == ['"s"']
    assert kinds["number"] == ["1", "2"]
    assert kinds["self attribute"] == kinds["attribute"] == ["total"]
    assert kinds["call"] == ["call"]
    assert kinds["keyword argument"] == ["n", "key"]
    assert kinds["parentheses"] == ["Base", "self, n=1", 'n, "s", key=[2]']
    assert kinds["square brackets"] == ["2"]
    assert kinds["first on line"] == ["import", "@", "class", "def", '"""Go."""', "self"]
    assert kinds["indentation"] == ["    ", "    ", "        ", "        "]
    assert kinds["newline"] == ["\n"] * 7


@pytest.mark.parametrize(
    "text, state",
    [
        ("the file is then closed and the name of it is returned\n        x = 1\n", "comment"),
        ("Return the name of the file, if there is any.\n\n    Else None.\n    ", '"""'),
        ('it is an error.\n    """\n    return self.x\n\ndef f(x):\n    y = x\n', '"""'),
        ("x = f(y)\n    return x\n", "code"),
        ("    return x, [y for y in z]\n", "code"),
    ],
)
def test_a_piece_that_starts_somewhere(text, state):
    assert read_python(text).state == state


def test_a_bracket_opened_before_the_text_began():
    text = "a, b=2)\nx = 1\n"
    inside = [s for s in read_python(text, "code").spans if s.kind == "parentheses"]
    assert [(s.start, s.end) for s in inside] == [(0, 6)]


def test_pieces_agree_with_the_whole_file():
    """Character for character, on random pieces of the length of a context."""

    def characters(text: str, state: str | None) -> np.ndarray:
        bits = np.zeros(len(text), dtype=np.uint64)
        for span in read_python(text, state).spans:
            bits[span.start : span.end] |= BIT[span.kind]
        kinds = ("comment", "docstring", "string", "keyword", "number", "identifier", "operator")
        return bits & np.uint64(sum(int(BIT[kind]) for kind in kinds))

    drawn = random.Random(0)
    agree = []
    for text in TEXTS:
        whole = characters(text, "code")
        for _ in range(20):
            start = drawn.randrange(len(text) - 1000)
            piece = slice(start, start + 1000)
            agree.append((characters(text[piece], None) == whole[piece]).mean())
    assert np.mean(agree) > 0.93


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab1 \n\t'\"#\\()[]{}.,:=@é$defclas", max_size=60))
def test_any_text_is_read_within_its_bounds(text):
    reading = read_python(text)
    assert all(0 <= span.start < span.end <= len(text) for span in reading.spans)
    assert all(span.kind in LABELS for span in reading.spans)


def test_an_unknown_state_is_an_error():
    with pytest.raises(AnatomyError, match="no state 'prose'"):
        read_python("x", "prose")
    assert all(read_python("x", state) for state in STATES)


def test_tokens_take_the_labels_of_their_characters():
    pieces = ["", "x", " =", " 1", "2", "  # c", "omment", "\n"]
    bits = python_labels(pieces, "code")
    has = {
        label: [bool(b & BIT[label]) for b in bits] for label in ("number", "comment", "newline")
    }
    assert has["number"] == [False, False, False, True, True, False, False, False]
    assert has["comment"] == [False] * 5 + [True, True, False]
    assert has["newline"] == [False] * 7 + [True]
    assert bits[0] == 0
    assert python_labels(["", ""]).tolist() == [0, 0]


def test_labels_of_any_text():
    strings = ["<|endoftext|>", " The", "re", " 42", ",", "\n", " NASA", " é"]
    labeller = Labeller(strings, python=False)
    bits = labeller(np.arange(8), np.array([0, 1, 1, 1, 1, 1, 1, 1]))
    found = [{label for label in LABELS if b & BIT[label]} for b in bits]
    assert found == [
        set(),
        {"capitalised", "start of word"},
        {"inside word"},
        {"digit", "start of word"},
        {"punctuation", "single character"},
        {"whitespace", "line break"},
        {"upper case", "start of word"},
        {"not ascii", "single character", "start of word"},
    ]


def test_a_new_document_is_read_from_its_start():
    strings = ["quote", '"""', "\n", "x", " = ", "1"]
    labeller = Labeller(strings, python=True)
    tokens = np.array([1, 0, 3, 4, 5, 2])
    one = labeller(tokens, np.zeros(6, int))
    two = labeller(tokens, np.array([0, 0, 1, 1, 1, 1]))
    assert not one[4] & BIT["number"]
    assert two[4] & BIT["number"]
    assert two[2] & BIT["start of word"]


def test_python_is_told_from_prose():
    pieces = [text[at : at + 600] for text in TEXTS for at in range(0, len(text) - 600, 6000)]
    assert looks_like_python(pieces)
    prose = (ast.__doc__ or "") + " and so the story goes on, as every story does in the end. " * 20
    assert not looks_like_python([prose[at : at + 300] for at in range(0, 900, 100)])
    assert not looks_like_python([])
