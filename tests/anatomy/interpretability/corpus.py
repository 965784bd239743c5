"""A small corpus of real Python source, and latents planted in it."""

import re
import sysconfig
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.store import writing
from workflow_scripts.anatomy.interpretability.labels import BIT, Labeller

POSITIONS = 128
FIRST = 4
PIECE = re.compile(r" ?[A-Za-z_]+| ?\d{1,3}| ?[^\s\w]{1,2}|\n *| +|.", re.DOTALL)
DEFINITION = re.compile(r"^(?=(?:class|def) )", re.MULTILINE)
FILES = ["argparse.py", "ast.py", "configparser.py", "fractions.py", "ftplib.py", "statistics.py"]


def source_files() -> list[str]:
    """Texts of a few modules of the standard library."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    return [(folder / name).read_text(encoding="utf-8") for name in FILES]


class Corpus:
    """Tokens (C, T), documents (C, T) and strings of a vocabulary made of the source's pieces.

    Files are few, so a document is a function or class of one, with what is between it and the next.
    """

    def __init__(self, contexts: int = 400):
        ids: dict[str, int] = {}
        tokens, documents = [], []
        texts = [part for text in source_files() for part in DEFINITION.split(text)]
        for document, text in enumerate(texts):
            pieces = PIECE.findall(text)
            tokens += [ids.setdefault(piece, len(ids)) for piece in pieces]
            documents += [document] * len(pieces)
        count = contexts * POSITIONS
        assert len(tokens) >= count
        self.strings = list(ids)
        order = np.random.default_rng(0).permutation(contexts)
        self.tokens = np.array(tokens[:count], dtype=np.int32).reshape(contexts, -1)[order]
        self.documents = np.array(documents[:count], dtype=np.int32).reshape(contexts, -1)[order]
        self.labeller = Labeller(self.strings, python=True)

    def ids(self, *pieces: str) -> list[int]:
        return [self.strings.index(piece) for piece in pieces]

    def labelled(self, label: str) -> np.ndarray:
        """Where a label is, (C, T) bool."""
        rows = zip(self.tokens, self.documents, strict=True)
        bits = np.stack([self.labeller(tokens, documents) for tokens, documents in rows])
        return (bits & BIT[label]) != 0

    def store(self, path: Path):
        """An activation store of these tokens, without activations."""
        with writing(path, "activations") as group:
            for name in ("tokens", "documents"):
                array = getattr(self, name)
                chunks = (32, array.shape[1])
                group.create_array(name, shape=array.shape, chunks=chunks, dtype="int32")[:] = array
            group.attrs.update({"hook_points": [], "min_position": FIRST})
        return open_activations(path)


class PlantedCodes:
    """Codes of planted latents: `fires` is a list of (C, T) bool, strengths are random."""

    def __init__(self, fires: list[np.ndarray], seed: int = 0):
        self.shape = fires[0].shape
        strength = np.random.default_rng(seed).gamma(2, 1, (*self.shape, len(fires))) + 0.1
        dense = np.stack(fires, axis=-1) * strength
        self.dense = dense.astype(np.float32)
        self.matrix = csr_matrix(self.dense.reshape(-1, len(fires)))

    def rows(self, contexts: slice) -> csr_matrix:
        return self.matrix[contexts.start * self.shape[1] : contexts.stop * self.shape[1]]
