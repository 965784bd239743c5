"""Labels of token positions: what a token is in Python source, or what it looks like in any text.

The labels of a position are the bits of one uint64, bit i for `LABELS[i]`.
"""

import re
import string
from collections.abc import Sequence

import numpy as np

from workflow_scripts.anatomy.interpretability.lexer import read_python

# The kinds of the lexer, and how an explanation puts them.
PYTHON_LABELS = {
    "comment": "in a comment",
    "string": "in a string",
    "docstring": "in a docstring",
    "keyword": "a keyword",
    "number": "a number",
    "operator": "an operator",
    "identifier": "an identifier",
    "newline": "a line end",
    "indentation": "indentation",
    "definition name": "a name being defined",
    "attribute": "an attribute",
    "self attribute": "an attribute of self",
    "call": "a name being called",
    "keyword argument": "the name of a keyword argument",
    "first on line": "the first token of its line",
    "import statement": "in an import statement",
    "definition line": "in a def or class line",
    "decorator": "in a decorator",
    "parentheses": "inside parentheses",
    "square brackets": "inside square brackets",
    "braces": "inside braces",
}
TEXT_LABELS = {
    "capitalised": "a capitalised word",
    "upper case": "upper case",
    "digit": "digits",
    "punctuation": "punctuation",
    "whitespace": "white space",
    "line break": "a line break",
    "start of word": "the start of a word",
    "inside word": "inside a word",
    "single character": "a single character",
    "not ascii": "not ASCII",
}
LABELS = [*PYTHON_LABELS, *TEXT_LABELS]
DESCRIPTIONS = PYTHON_LABELS | TEXT_LABELS
BIT = {label: np.uint64(1 << i) for i, label in enumerate(LABELS)}

SPECIAL = re.compile(r"<\|.*\|>|</?(?:s|bos|eos|pad|unk|mask)>|\[(?:CLS|SEP|PAD|UNK|MASK)\]")
PYTHON_SHARE = 0.25
PUNCTUATION = frozenset(string.punctuation)


class Labeller:
    """Labels the positions of contexts, given the text of every token of the vocabulary.

    Parameters
    ----------
    strings: text of token i at index i; special tokens, such as ``<bos>``, are taken for blank.
    python: whether the texts are Python source; if not, only `TEXT_LABELS` are given.
    """

    def __init__(self, strings: Sequence[str], python: bool):
        self.strings = ["" if SPECIAL.fullmatch(piece) else piece for piece in strings]
        self.python = python
        self.static = np.array([_text_labels(piece) for piece in self.strings], dtype=np.uint64)
        self.begins = np.array([piece[:1].isalnum() for piece in self.strings])
        self.word = np.array([piece.strip()[:1].isalnum() for piece in self.strings])
        self.ends = np.array([piece[-1:].isalnum() for piece in self.strings])

    def __call__(self, tokens: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """Label one context.

        Parameters
        ----------
        tokens: (T,) int.
        documents: (T,) int, changes where a new document begins.

        Returns
        -------
        (T,) uint64, the bits of the labels.
        """
        bits = self.static[tokens]
        new = np.flatnonzero(np.diff(documents)) + 1
        inside = np.zeros(len(tokens), dtype=bool)
        inside[1:] = self.begins[tokens[1:]] & self.ends[tokens[:-1]]
        inside[new] = False
        bits[inside] |= BIT["inside word"]
        bits[self.word[tokens] & ~inside] |= BIT["start of word"]
        if self.python:
            for start, stop in zip([0, *new], [*new, len(tokens)], strict=True):
                pieces = [self.strings[token] for token in tokens[start:stop]]
                # Only the first document of a context can begin somewhere in its middle.
                bits[start:stop] |= python_labels(pieces, "code" if start else None)
        return bits


def python_labels(pieces: Sequence[str], state: str | None = None) -> np.ndarray:
    """Label consecutive tokens of Python source, as (tokens,) uint64.

    A token has the label of each of its characters. `state` is what the first character is in,
    a key of `lexer.STATES`, or None where it is not known.
    """
    text = "".join(pieces)
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    bits = np.zeros(len(pieces), dtype=np.uint64)
    if not text:
        return bits
    characters = np.zeros(len(text), dtype=np.uint64)
    for start, end, kind in read_python(text, state).spans:
        characters[start:end] |= BIT[kind]
    filled = lengths > 0
    starts = (np.cumsum(lengths) - lengths)[filled]
    bits[filled] = np.bitwise_or.reduceat(characters, starts)
    return bits


def looks_like_python(texts: Sequence[str]) -> bool:
    """Whether texts are Python source, each of them from the middle of a document or whole.

    Prose reads as the inside of a docstring and never as code; so at least a quarter of the
    texts must read as code from their first character and contain some.
    """

    def is_code(text: str) -> bool:
        reading = read_python(text)
        kinds = {span.kind for span in reading.spans}
        # Below one oddity in ten spans: prose has one in two or three.
        fits = reading.oddity * 10 <= len(reading.spans)
        return reading.state == "code" and fits and {"keyword", "operator", "newline"} <= kinds

    return bool(texts) and sum(map(is_code, texts)) >= PYTHON_SHARE * len(texts)


def _text_labels(piece: str) -> int:
    word = piece.strip()
    labels = []
    if word:
        if word[0].isupper() and word[1:].islower():
            labels.append("capitalised")
        if len(word) > 1 and word.isupper():
            labels.append("upper case")
        if word.isdigit():
            labels.append("digit")
        if PUNCTUATION.issuperset(word):
            labels.append("punctuation")
        if len(word) == 1:
            labels.append("single character")
        if not word.isascii():
            labels.append("not ascii")
    elif piece:
        labels.append("whitespace")
    if "\n" in piece:
        labels.append("line break")
    return sum(int(BIT[label]) for label in labels)
