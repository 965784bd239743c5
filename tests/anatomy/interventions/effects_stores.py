"""Effects as a job would have measured them, but made up: for the store and the tables made from it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.conftest import SITE, plant_harvest, random_documents
from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.interventions.effects_store import (
    EffectsStore,
    open_effects,
    write_effects,
)

FIRST, POSITIONS, VOCABULARY = 2, 12, 5
ATTRS = {
    **{"model": "planted", "site": SITE, "sae": "sae", "architecture": "topk", "width": 16},
    **{"seed": 0, "subject": "sae", "first": FIRST},
}


def planted_tokens(
    path: Path, contexts: int = 30, books: np.ndarray | None = None
) -> ActivationStore:
    """A harvest of short documents, some of which span contexts."""
    x = np.zeros((contexts, POSITIONS, 2), np.float32)
    tokens = np.random.default_rng(5).integers(VOCABULARY, size=(contexts, POSITIONS))
    documents = random_documents(contexts, POSITIONS, mean_length=15)
    if books is not None:
        documents = np.sort(documents.ravel() % len(books)).reshape(documents.shape)
    return plant_harvest(path, {SITE: x}, tokens, documents=documents, books=books)


def made_up(names: dict[str, int], seed: int = 0, batch: int = 2, l0: bool = True):
    """A `measure` whose numbers depend on the context alone, as those of the real one.

    names: perturbations, and how many draws each has.
    """

    def measure(contexts: Sequence[int]):
        for start in range(0, len(contexts), batch):
            some = list(contexts[start : start + batch])
            parts = [_context(names, seed, context, l0) for context in some]
            yield some, {name: np.stack([part[name] for part in parts]) for name in parts[0]}

    return measure


def _context(names: dict[str, int], seed: int, context: int, l0: bool) -> dict[str, np.ndarray]:
    generator = np.random.default_rng((seed, context))
    found = {}
    for name, draws in names.items():
        for draw in range(draws):
            found[f"kl/{name}/{draw}"] = generator.gamma(2, 0.1, POSITIONS)
            found[f"ce/{name}/{draw}"] = generator.normal(0.1, 0.3, POSITIONS)
    for name in ("loss", "distance", "norm"):
        found[name] = generator.gamma(2, 1.0, POSITIONS)
    found["cosine"] = generator.uniform(0.5, 1, POSITIONS)
    if l0:
        found["l0"] = generator.integers(1, 6, POSITIONS)
    for name, values in found.items():
        values = values.astype(np.float32)
        values[:FIRST] = np.nan
        if name.startswith("ce/") or name == "loss":
            values[-1] = np.nan
        found[name] = values
    return found


def planted_effects(
    path: Path,
    store: ActivationStore,
    names: dict[str, int],
    seed: int = 0,
    contexts: Sequence[int] | None = None,
    l0: bool = True,
    **attrs,
) -> EffectsStore:
    """A store of made-up effects on every other context."""
    some = list(range(0, store.shape[0], 2)) if contexts is None else list(contexts)
    write_effects(path, store, some, made_up(names, seed, l0=l0), ATTRS | attrs, {"seed": seed})
    return open_effects(path)
