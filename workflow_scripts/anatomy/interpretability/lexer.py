"""A lexer for a piece of Python source that may start anywhere, for example inside a docstring.

`tokenize` needs a whole file. Here the state at the first character is unknown, so the text is
read once under every possible state (code, comment, each kind of string), what is odd for
Python under each of them is counted, and the least odd reading wins.
"""

import keyword
import re
from typing import NamedTuple

from workflow_scripts.anatomy.base.errors import AnatomyError


class Span(NamedTuple):
    """Characters `start` to `end` of a text are a `kind`, such as ``comment`` or ``number``."""

    start: int
    end: int
    kind: str


class Reading(NamedTuple):
    """One way to read a text: its spans, how odd it is, and the state it started in."""

    spans: list[Span]
    oddity: float
    state: str


# What it costs to suppose that a text starts in a state: code is taken where nothing speaks
# against it.
STATES = {"code": 0.0, "comment": 0.75, '"""': 1.0, '"': 1.25, "'": 1.25, "'''": 1.5}

TOKEN = re.compile(
    r"""(?P<newline>\n)
    |(?P<space>[^\S\n]+|\\\n)
    |(?P<comment>\#[^\n]*)
    |(?P<triple>(?:[rR][bBfF]?|[bBfF][rR]?|[uU])?(?:\"{3}(?:[^\\]|\\.)*?(?:\"{3}|\\?\Z)
                                                 |'{3}(?:[^\\]|\\.)*?(?:'{3}|\\?\Z)))
    |(?P<string>(?:[rR][bBfF]?|[bBfF][rR]?|[uU])?(?:\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'))
    |(?P<open>(?:[rR][bBfF]?|[bBfF][rR]?|[uU])?[\"'](?:[^\\\n]|\\.)*+\\?)
    |(?P<number>0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+
        |(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][-+]?\d(?:_?\d)*)?[jJ]?)
    |(?P<name>[^\W\d]\w*)
    |(?P<operator>\.\.\.|\*\*=?|//=?|<<=?|>>=?|->|:=|[-+*/%@&|^=<>!]=|[-+*/%@&|^=<>~.,:;()\[\]{}])
    |(?P<odd>.)""",
    re.VERBOSE | re.DOTALL,
)

CLOSED = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*+"', re.DOTALL),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+'", re.DOTALL),
}
CODE_LINE = re.compile(
    r"""^[ \t]*(?:def[ ]\w+\(|class[ ]\w+[(:]|return\b|import[ ]\w|from[ ][\w.]+[ ]import
    |if[ ].*:$|for[ ].*[ ]in[ ].*:$|else:|try:|except\b.*:$|raise[ ]\w|@\w
    |(?:self\.)?\w+(?:\.\w+)*[ ]=[ ]|\w+(?:\.\w+)*\(.*\)$)""",
    re.MULTILINE | re.VERBOSE,
)
BRACKETS = {")": "(", "]": "[", "}": "{"}
INSIDE = {"(": "parentheses", "[": "square brackets", "{": "braces"}
KEYWORDS = frozenset(keyword.kwlist)
CONSTANTS = frozenset(["None", "True", "False"])
# These begin a statement, so that any bracket before them has been closed.
STARTERS = frozenset(
    [
        "return",
        "raise",
        "while",
        "try",
        "del",
        "pass",
        "break",
        "continue",
        "class",
        "def",
        "import",
    ]
)
VALUES = frozenset(["name", "number", "string"])


def read_python(text: str, state: str | None = None) -> Reading:
    """Read `text` as Python.

    Parameters
    ----------
    text: some consecutive characters of a source file.
    state: what the first character is in, a key of `STATES`; None where it is not known.

    Returns
    -------
    The least odd reading. The kinds of its spans: comment, string, docstring (a string that is a
    statement), keyword, number, operator, identifier, newline, indentation; and on top of these
    definition name, attribute, self attribute, call, keyword argument, first on line, import
    statement, definition line, decorator, parentheses, square brackets, braces (inside of them).

    Raises
    ------
    AnatomyError: a state that does not exist.
    """
    if state is not None:
        if state not in STATES:
            raise AnatomyError(f"lexer: no state {state!r}; choose from {', '.join(STATES)}")
        return _read(text, state)
    best = _read(text, "code")
    for supposed, cost in STATES.items():
        if cost < best.oddity:
            reading = _read(text, supposed)
            if reading.oddity < best.oddity:
                best = reading
    return best


def _read(text: str, state: str) -> Reading:
    spans: list[Span] = []
    oddity = STATES[state]
    at = 0
    if state == "comment":
        at = text.find("\n") if "\n" in text else len(text)
        spans.append(Span(0, at, "comment"))
        oddity += _code_lines(text[:at])
    elif state in CLOSED:
        closed = CLOSED[state].match(text)
        if not closed:
            return Reading([], float("inf"), state)
        at = closed.end()
        spans.append(Span(0, at, "string"))
    elif state != "code":
        end = text.find(state)
        at = len(text) if end < 0 else end + 3
        spans.append(Span(0, at, "docstring"))
        oddity += _code_lines(text[: len(text) if end < 0 else end])
    scanner = _Scanner(text, spans, line_start=state == "code")
    scanner.scan(at)
    return Reading(spans, oddity + scanner.oddity, state)


def _code_lines(text: str) -> int:
    return min(len(CODE_LINE.findall(text)), 4)


class _Scanner:
    """Walks over code, adds spans, and counts what is odd."""

    def __init__(self, text: str, spans: list[Span], line_start: bool):
        self.text, self.spans = text, spans
        self.oddity = 0.0
        self.line_start = line_start
        self.before = ""  # kind of the last token on this line
        self.words = [""]  # the last token, and the one before it
        self.brackets: list[tuple[str, int]] = []
        self.statement: tuple[str, int] | None = None

    def scan(self, at: int) -> None:
        for match in TOKEN.finditer(self.text, at):
            kind, start, end = match.lastgroup or "odd", match.start(), match.end()
            if kind == "newline":
                self._newline(start, end)
            elif kind == "space":
                if self.line_start and not self.brackets:
                    self._add(start, end, "indentation")
            elif kind == "comment":
                self._add(start, end, "comment")
            else:
                self._token(kind, match.group(), start, end)
        for bracket, start in self.brackets:
            self._add(start, len(self.text), INSIDE[bracket])
        self._end_statement(len(self.text))

    def _add(self, start: int, end: int, kind: str) -> None:
        if start < end:
            self.spans.append(Span(start, end, kind))

    def _newline(self, start: int, end: int) -> None:
        self._add(start, end, "newline")
        # A full stop: Python has no line that ends in one.
        self.oddity += self.words[-1] == "."
        self.before, self.words, self.line_start = "", [""], True
        if not self.brackets:
            self._end_statement(start)

    def _end_statement(self, at: int) -> None:
        if self.statement:
            kind, start = self.statement
            self._add(start, at, kind)
            self.statement = None

    def _token(self, kind: str, word: str, start: int, end: int) -> None:
        first, self.line_start = self.line_start, False
        if first:
            self._add(start, end, "first on line")
        if kind in ("triple", "string", "open"):
            statement = first and not self.brackets
            self._add(start, end, "docstring" if statement else "string")
            if kind == "open":
                self.oddity += 2
            elif kind == "triple" and not word.endswith(("'''", '"""')):
                self.oddity += 0.5 + _code_lines(word)
            kind = "string"
        elif kind == "name":
            self._name(word, start, end, first)
            kind = "keyword" if word in KEYWORDS and word not in CONSTANTS else "name"
        elif kind == "operator":
            self._operator(word, start, end, first)
        elif kind == "number":
            self._add(start, end, "number")
        else:
            self.oddity += 1
        # Two values side by side are prose, except for strings, which join.
        if kind in VALUES and self.before in VALUES and (kind, self.before) != ("string", "string"):
            self.oddity += 1
        self.before = kind
        self.words = [self.words[-1], word]

    def _name(self, word: str, start: int, end: int, first: bool) -> None:
        last = self.words[-1]
        if word in KEYWORDS:
            self._add(start, end, "keyword")
            if word in STARTERS and first:
                self._abandon_brackets(start)
            elif word in STARTERS and last not in (":", ";", "async"):
                # `from a import b` is the one statement with such a word in its middle.
                self.oddity += "from" not in self._line(start)
            if first and word in ("import", "from"):
                self.statement = ("import statement", start)
            elif word in ("def", "class") and self.statement is None:
                self.statement = ("definition line", start)
            return
        self._add(start, end, "identifier")
        after = self.text[end : end + 3].lstrip(" ")[:2]
        if last in ("def", "class"):
            self._add(start, end, "definition name")
        elif after.startswith("("):
            self._add(start, end, "call")
        if last == ".":
            self._add(start, end, "attribute")
            if self.words[0] == "self":
                self._add(start, end, "self attribute")
        elif after.startswith("=") and after != "==" and self.brackets:
            self._add(start, end, "keyword argument")

    def _line(self, at: int) -> str:
        return self.text[self.text.rfind("\n", 0, at) + 1 : at]

    def _abandon_brackets(self, at: int) -> None:
        """A statement begins inside a bracket: one was opened in what is not code after all."""
        for bracket, start in self.brackets:
            self.oddity += 0.5
            self._add(start, at, INSIDE[bracket])
        self.brackets = []

    def _operator(self, word: str, start: int, end: int, first: bool) -> None:
        self._add(start, end, "operator")
        if word == "@" and first:
            self.statement = ("decorator", start)
        if word in INSIDE:
            self.brackets.append((word, end))
        elif word in BRACKETS:
            bracket = BRACKETS[word]
            if not self.brackets:
                # Opened before the text began.
                self._add(0, start, INSIDE[bracket])
            elif self.brackets[-1][0] == bracket:
                self._add(self.brackets.pop()[1], start, INSIDE[bracket])
            else:
                self.oddity += 1
