"""A harvest and its analysis, for a configuration that has SAEs and a text and describes neither."""

import glob
import hashlib
import json
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.setup.filling import IMPORTED, Filled, add, are_blocks
from workflow_scripts.anatomy.setup.model_settings import model_sizes
from workflow_scripts.anatomy.setup.sae_metadata import SaeMetadata

# A harvest that nobody described: about as many tokens as SAEs of some thousand dimensions need.
TOKENS = 2**17
CONTEXT_LENGTH = 256
# Of 1024 positions the first 200 are left out, and the same share of any other length.
FIRST_POSITION = 200 / 1024
# A text has at least one token for so many bytes, whatever the tokenizer.
BYTES_OF_A_TOKEN = 6
# Of documents on the hub no more is known than how many are taken.
TOKENS_OF_A_DOCUMENT = 200


def add_harvests(
    config: dict[str, Any], found: dict[str, list[SaeMetadata]], added: list[Filled]
) -> None:
    """A harvest for every model of an imported SAE, of the one text that there is."""
    if len(config["datasets"]) != 1 or any(
        group.get("kind") not in IMPORTED or not isinstance(group.get("model"), str)
        for group in config["saes"].values()
    ):
        return  # which text, or what SAEs are trained on, is for the configuration to say
    ((dataset, block),) = config["datasets"].items()
    models = list(dict.fromkeys(group["model"] for group in config["saes"].values()))
    config["harvests"] = {}
    for model in models:
        names = [name for name in found if config["saes"][name]["model"] == model]
        about = config["models"].get(model)
        about = about if isinstance(about, dict) else {}
        sites = list(dict.fromkeys(site for name in names for site in _sites(config, name, found)))
        said = [each.context_length for name in names for each in found[name]]
        length, source = _context_length(about, [each for each in said if each])
        # Nothing is trained on the text but, perhaps, a model of this run.
        split = "validation" if about.get("kind") == "train" else "train"
        settings = {
            "model": (model, "the SAE's model"),
            "dataset": (dataset, "the only text"),
            "split": (split, "default: what nothing in this run is trained on"),
            "contexts": (
                _contexts(block, split, length),
                f"default: what the text has, {TOKENS} tokens at most",
            ),
            "context_length": (length, source),
            "hook_points": (sites, "the SAEs' sites"),
            "min_position": (
                max(1, int(length * FIRST_POSITION)),
                "default: a fifth of a context is left out",
            ),
        }
        harvest = {part: value for part, (value, _) in settings.items()}
        # Named by what it is: runs that mean the same share it, and others do not overwrite it.
        digest = hashlib.sha256(json.dumps(harvest, sort_keys=True).encode()).hexdigest()
        name = f"{dataset}-{digest[:8]}"
        config["harvests"][name] = harvest
        added += [
            Filled(f"harvests.{name}.{part}", value, origin)
            for part, (value, origin) in settings.items()
        ]


def _sites(config: dict[str, Any], name: str, found: dict[str, list[SaeMetadata]]) -> list[str]:
    given = config["saes"][name].get("site")
    return [given] if given else [each.site for each in found[name] if each.site]


def _context_length(model: dict[str, Any], said: list[int]) -> tuple[int, str]:
    longest = model_sizes(model).get("positions")
    length, source = (min(said), "the SAE's metadata") if said else (CONTEXT_LENGTH, "default")
    if longest is not None and longest < length:
        return longest, "the model's positions"
    return length, source


def _contexts(dataset: dict[str, Any], split: str, length: int) -> int:
    """Contexts of a harvest: about `TOKENS` tokens, or what the text surely has."""
    most = TOKENS // length
    held_out = dataset.get("validation_fraction", 0.1)
    share = 1 - held_out if split == "train" else held_out
    if dataset.get("kind") == "text_files":
        paths = {
            file for pattern in dataset["paths"] for file in glob.glob(pattern, recursive=True)
        }
        size = sum(Path(file).stat().st_size for file in paths)
        tokens = size / BYTES_OF_A_TOKEN
    elif dataset.get("kind") == "hf":
        tokens = float(dataset.get("documents", 0)) * TOKENS_OF_A_DOCUMENT
    else:
        return most
    return max(2, min(most, int(tokens * share / length)))


def add_analysis(config: dict[str, Any], added: list[Filled]) -> None:
    """Each model's one harvest that nothing is trained on; where there are several, nothing is added."""
    harvests = config.get("harvests") or {}
    if not are_blocks(harvests):
        return
    training = {group.get("harvest") for group in config["saes"].values()}
    free = [name for name in harvests if name not in training]
    models = [harvests[name].get("model") for name in free]
    if not free or len(set(models)) < len(models):
        return
    config["analysis"] = config.get("analysis") or {}
    add(
        added,
        config["analysis"],
        "harvests",
        free,
        "the harvests that nothing is trained on",
        "analysis",
    )
