"""The words of a model: its vocabulary and contexts, as far as what is shown of its SAEs refers to them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, open_activations
from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.report.shards.explanations import read_misses
from workflow_scripts.anatomy.report.shards.facts import model_of
from workflow_scripts.anatomy.report.shards.latent_blocks import read_latents, tokens_named
from workflow_scripts.anatomy.report.shards.sae_folder import read_sae
from workflow_scripts.anatomy.report.shards.shard import Shard, read_shard
from workflow_scripts.anatomy.report.shards.texts import tokens_of
from workflow_scripts.anatomy.report.shards.vocabulary import vocabulary_of
from workflow_scripts.anatomy.text.tokenization import special_ids


@dataclass(frozen=True)
class ModelFiles:
    """What a model's words are read from: `model.json`, `tokenizer.json`, the analysis harvest, of each of its
    SAEs `latents.npz` and the description of its written files, and the tables of explained latents."""

    model: Path
    tokenizer: Path
    activations: Path
    latents: Sequence[Path]
    saes: Sequence[Path]
    explained: Sequence[Path] = ()


def words_of(files: ModelFiles) -> tuple[dict[str, Any], dict[str, Any], list[tuple[str, Shard]]]:
    """What the page says of a model and of its harvest, and its files by their paths."""
    about = json.loads(files.model.read_text())
    store = open_activations(files.activations)
    name = slug_of_model(about["name"])
    contexts, named = _referred(files)
    bos, eos = special_ids(files.tokenizer)
    tokens = tokens_of(name, store, contexts, eos if eos is not None else bos)
    ids = np.union1d(tokens.columns["tokens"], named)
    vocabulary = vocabulary_of(name, files.tokenizer, ids.tolist())
    shards = [(f"{name}/vocab.js", vocabulary), (f"{name}/tokens.js", tokens)]
    return model_of(name, about), harvest_of(store), shards


def slug_of_model(name: str) -> str:
    """The name of a model's folder, which no SAE's can be."""
    return slug(name, "", "")


def harvest_of(store: ActivationStore) -> dict[str, Any]:
    """What was looked at."""
    contexts, positions = store.shape
    first = store.min_position
    documents: set[int] = set()
    for block in store.block_slices():
        documents.update(
            np.unique(store.group["documents"][block][store.units.used(block)]).tolist()
        )
    return {
        "contexts": contexts,
        "positions": positions,
        "min_position": first,
        "tokens": int(store.units.tokens.sum()),
        "documents": len(documents),
    }


def _referred(files: ModelFiles) -> tuple[np.ndarray, np.ndarray]:
    """The contexts of windows, missed firings and samples, and the tokens that latents promote or suppress."""
    contexts, named = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
    for found in map(read_latents, files.latents):
        contexts.append(np.unique(found["window_context"]))
        named.append(tokens_named(found))
    contexts += [shard.columns["contexts"] for shard in _samples(files.saes)]
    missed = [
        place
        for path in files.explained
        for places in read_misses(path).values()
        for place in places
    ]
    contexts.append(np.array([context for context, _ in missed], np.uint32))
    return np.unique(np.concatenate(contexts)), np.unique(np.concatenate(named))


def _samples(saes: Sequence[Path]) -> Iterator[Shard]:
    for path in saes:
        _, written = read_sae(path)
        yield from (read_shard(file) for file in written if file.name == "samples.js")
