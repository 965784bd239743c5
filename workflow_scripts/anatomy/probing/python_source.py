"""What every character of a Python file is: by `tokenize` what kind of token, by `ast` part of what.

An f-string is one string, the expressions in it included: so has it been to `tokenize` until Python
3.11, and what is within it is labelled the same way by later versions.
"""

import ast
import io
import keyword
import tokenize
from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

# Yes or no of every character; a docstring is no string here.
CONCEPTS = (
    "comment",
    "docstring",
    "string",
    "keyword",
    "number",
    "self_attribute",
    "in_class",
    "import",
    "decorator",
    "parameter",
    "argument_name",
    "definition",
)
# Every character is one of these; space is what lies between the tokens, line ends included.
KINDS = ("space", "comment", "docstring", "string", "keyword", "number", "operator", "name")

BIT = {concept: np.uint32(1 << at) for at, concept in enumerate(CONCEPTS)}
KIND = {kind: np.uint8(at) for at, kind in enumerate(KINDS)}
FSTRING = ("FSTRING_START", "FSTRING_END", "TSTRING_START", "TSTRING_END")

Token = tuple[int, int, str, str]  # start, end, kind, text
Span = tuple[int, int]


def characters(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Concepts and kind of every character of a Python file.

    Returns
    -------
    (characters,) uint32, bit i for `CONCEPTS[i]`; (characters,) uint8, a place in `KINDS`.

    Raises
    ------
    SyntaxError, ValueError, RecursionError: Python cannot read the text.
    """
    if "\0" in text:
        raise ValueError("a NUL character is no Python")
    # A lone carriage return ends a line for `ast`, but not for `tokenize`.
    source = text.replace("\r\n", "\0").replace("\r", "\n").replace("\0", "\r\n")
    begin = int(source.startswith("\ufeff"))
    lines = Lines(source[begin:], begin)
    try:
        tokens = list(_tokens(lines))
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from None
    tree = ast.parse(source[begin:])
    concepts, kinds = np.zeros(len(text), np.uint32), np.zeros(len(text), np.uint8)
    nodes = list(_nodes(tree))
    docstrings = np.zeros(len(text), bool)
    for start, end in _docstrings(nodes, lines):
        docstrings[start:end] = True
    for start, end, kind, _ in tokens:
        if kind == "string" and docstrings[start]:
            kind = "docstring"
        kinds[start:end] = KIND[kind]
        if kind in BIT:
            concepts[start:end] |= BIT[kind]
    for concept, (start, end) in _parts(nodes, lines, tokens):
        concepts[start:end] |= BIT[concept]
    return concepts, kinds


class Lines:
    """Where the lines of a source begin, for places that are given as (line from 1, column)."""

    def __init__(self, source: str, begin: int):
        self.source, self.begin = source, begin
        self.lines = source.split("\n")
        lengths = np.array([len(line) + 1 for line in self.lines])
        self.starts = (begin + np.cumsum(lengths) - lengths).tolist()

    def character(self, line: int, column: int) -> int:
        """Place in the file of a column counted in characters, as `tokenize` does."""
        return self.starts[line - 1] + column if line <= len(self.lines) else self.end

    def byte(self, line: int, column: int) -> int:
        """Place in the file of a column counted in bytes of UTF-8, as `ast` does."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self.starts[line - 1] + column

    def span(self, node: ast.AST) -> Span:
        """Characters of a node of the tree."""
        start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        return self.byte(*start), self.byte(*end)

    @property
    def end(self) -> int:
        return self.begin + len(self.source)


def _tokens(lines: Lines) -> Iterator[Token]:
    """The tokens that are more than space, in order."""
    depth, opened = 0, 0
    for token in tokenize.generate_tokens(io.StringIO(lines.source, newline="\n").readline):
        start, end = lines.character(*token.start), lines.character(*token.end)
        name = tokenize.tok_name[token.type]
        if name in FSTRING:
            # Of nested ones, the outermost.
            opened = start if depth == 0 else opened
            depth += 1 if name.endswith("START") else -1
            if depth == 0:
                yield opened, end, "string", ""
        elif depth:
            continue
        elif token.type == tokenize.COMMENT:
            yield start, end, "comment", ""
        elif token.type == tokenize.STRING:
            yield start, end, "string", ""
        elif token.type == tokenize.NUMBER:
            yield start, end, "number", ""
        elif token.type == tokenize.OP:
            yield start, end, "operator", token.string
        elif token.type == tokenize.NAME:
            kind = "keyword" if keyword.iskeyword(token.string) else "name"
            yield start, end, kind, token.string


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but for those within f-strings."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.JoinedStr):
            waiting += ast.iter_child_nodes(node)


def _docstrings(nodes: list[ast.AST], lines: Lines) -> Iterator[Span]:
    """First statements of modules, classes and functions that are a string."""
    for node in nodes:
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    yield lines.span(node.body[0])


def _parts(nodes: list[ast.AST], lines: Lines, tokens: list[Token]) -> Iterator[tuple[str, Span]]:
    """What the tree alone tells: concepts and the characters that they are of."""
    names = [(start, end, text) for start, end, kind, text in tokens if kind in ("name", "keyword")]
    by_start = {start: (start, end) for start, end, _ in names}
    by_end = {end: (start, end) for start, end, _ in names}
    heads = [at for at, (_, _, text) in enumerate(names[:-1]) if text in ("def", "class")]
    head_starts = [names[at][0] for at in heads]
    for node in nodes:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                start, end = lines.span(node)
                if isinstance(node, ast.ClassDef):
                    yield "in_class", (start, end)
                # The first `def` from here on, since there may be an `async` before it.
                yield "definition", names[heads[bisect_left(head_starts, start)] + 1][:2]
                for decorator in node.decorator_list:
                    first, last = lines.span(decorator)
                    sign = lines.source.rfind("@", 0, first - lines.begin) + lines.begin
                    yield "decorator", (sign, last)
            case ast.Import() | ast.ImportFrom():
                yield "import", lines.span(node)
            case ast.Attribute(value=ast.Name(id="self")):
                yield "self_attribute", by_end[lines.span(node)[1]]
            case ast.arg():
                yield "parameter", by_start[lines.span(node)[0]]
            case ast.keyword(arg=str()):
                yield "argument_name", by_start[lines.span(node)[0]]
