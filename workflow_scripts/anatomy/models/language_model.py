"""The language model under the microscope: built from a config or imported, described, loaded.

What later stages need to know of a model stands in `model.json`, which is written last:
name, kind, path (a hub id, or a folder, relative to model.json where the model was trained
here), revision, dtype, architecture, n_layers, d_model, n_heads, vocabulary, context_length,
bos_id, has_bos, parameters.
"""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean, one_line

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
WEIGHTS = [
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "*.safetensors.index.json",
]
# Constants that older versions of transformers stored with the weights, and later ones compute: causal
# masks, and the frequencies of rotary embeddings.
CONSTANTS = re.compile(r"(attn|attention)\.(bias|masked_bias|causal_mask)$|rotary_emb\.inv_freq$")


def build(
    architecture: str, config: dict[str, Any], context_length: int, vocabulary: int, eos: int
):
    """Build an untrained causal language model of a transformers architecture (`model_type`).

    Dropout is 0 unless the config sets it. Weights are drawn from torch's global generator.

    Raises
    ------
    AnatomyError: an unknown architecture, a key that its config class does not know (with the
        nearest one it does), or values that do not fit each other.
    """
    from transformers import AutoModelForCausalLM

    made = configuration(architecture, config, context_length, vocabulary, eos)
    try:
        model = AutoModelForCausalLM.from_config(made)
        # Some values that do not fit each other are seen only when the model runs.
        with torch.no_grad():
            model(torch.zeros((1, 2), dtype=torch.long))
        return model
    except Exception as error:
        raise AnatomyError(
            f"models.*.config: {architecture} cannot be built from it: {one_line(error)}"
        ) from error


def configuration(
    architecture: str, config: dict[str, Any], context_length: int, vocabulary: int, eos: int
):
    """The transformers config of `build`, checked key by key."""
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    causal = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    if architecture not in causal:
        raise AnatomyError(
            f"models.*.architecture: transformers has no causal language model {architecture}"
            f"{did_you_mean(architecture, sorted(causal))}"
        )
    kind = CONFIG_MAPPING[architecture]
    known = {field.name for field in fields(kind)} | set(kind.attribute_map)
    for key in config:
        if key not in known:
            raise AnatomyError(
                f"models.*.config: {architecture} has no key {key}{did_you_mean(key, sorted(known))}"
            )
    length = kind.attribute_map.get("max_position_embeddings", "max_position_embeddings")
    fixed = {"vocab_size": vocabulary, "bos_token_id": eos, "eos_token_id": eos}
    if length in known:
        fixed[length] = context_length
    for key in config:
        if kind.attribute_map.get(key, key) in fixed:
            raise AnatomyError(
                f"models.*.config: {key} is set by the workflow (from context_length and the "
                "tokenizer); remove it"
            )
    dropout = {key: 0.0 for key in known if key.endswith(("pdrop", "dropout"))}
    try:
        made = kind(**dropout | {"pad_token_id": None} | config | fixed)
    except Exception as error:
        raise AnatomyError(
            f"models.*.config: {architecture} does not take it: {one_line(error)}"
        ) from error
    heads, groups = made.num_attention_heads, getattr(made, "num_key_value_heads", None)
    if made.hidden_size % heads and "head_dim" not in config:
        raise AnatomyError(
            f"models.*.config: the width {made.hidden_size} is not divisible by the {heads} "
            "attention heads"
        )
    if groups and heads % groups:
        raise AnatomyError(
            f"models.*.config: the {heads} attention heads are no multiple of the "
            f"{groups} num_key_value_heads; set that too"
        )
    return made


def describe(config: Any, name: str, block: dict[str, Any], bos: int | None) -> dict[str, Any]:
    """What `model.json` says of a model, without its path: from its transformers config."""
    text = config.get_text_config()
    return {
        "name": name,
        "kind": block["kind"],
        "dtype": block["dtype"],
        "architecture": config.model_type,
        "n_layers": text.num_hidden_layers,
        "d_model": text.hidden_size,
        "n_heads": text.num_attention_heads,
        "vocabulary": text.vocab_size,
        "context_length": getattr(text, "max_position_embeddings", None),
        "bos_id": bos,
        "has_bos": bos is not None,
    }


def import_model(block: dict[str, Any], name: str, bos: int | None) -> dict[str, Any]:
    """Check that the weights of a pretrained model are there and whole; return its description.

    A hub model is downloaded into the cache if it is not there; its revision is resolved to a
    commit, so that later runs load the same weights. Only safetensors are taken, never pickles.

    Raises
    ------
    AnatomyError: no such folder, not in the cache while offline, weights missing or damaged, tensors
        that the architecture lacks, has besides, or has in another shape, or a BOS token that it lacks.
    """
    from safetensors import safe_open
    from transformers import AutoConfig

    path, revision = block["path"], block.get("revision")
    folder = _snapshot(path, revision, name)
    if not (folder / "config.json").exists():
        raise AnatomyError(f"models.{name}.path: {folder} has no config.json, so it is no model")
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise AnatomyError(
            f"models.{name}.path: {folder} has no model*.safetensors; other formats are not read "
            "(convert them with save_pretrained)"
        )
    index = folder / "model.safetensors.index.json"
    if index.exists():
        expected = set(json.loads(index.read_text())["weight_map"].values())
        if missing := sorted(expected - {file.name for file in files}):
            raise AnatomyError(f"models.{name}: {folder} lacks {', '.join(missing)}; get it again")
    for file in files:
        try:
            with safe_open(file, "pt"):
                pass
        except Exception as error:
            raise AnatomyError(
                f"models.{name}: {file} is damaged ({one_line(error)}); delete it and get it again"
            ) from None
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    quiet()
    # On the device "meta" the names and shapes of all tensors are compared, and none is read.
    _load(folder, f"models.{name}: the model at {folder}", "get it again", device_map="meta")
    found = describe(config, name, block, bos)
    if bos is not None and bos >= found["vocabulary"]:
        raise AnatomyError(
            f"models.{name}: its tokenizer begins texts with id {bos}, but the model has embeddings of ids "
            f"0 to {found['vocabulary'] - 1} only; give models.{name}.path the tokenizer that the model "
            "was trained with, or resize its embeddings"
        )
    local = Path(path).is_dir()
    where = {
        "path": str(Path(path).absolute()) if local else path,
        "revision": revision if local else folder.name,
    }
    return found | where


def load_model(description: str | Path, device: str = "cpu", dtype: str | None = None):
    """Load the model that `model.json` describes, for inference.

    Parameters
    ----------
    description: path of model.json.
    device: as torch names it, see `devices.resolve_device`.
    dtype: ``float32``, ``bfloat16`` or ``float16``; by default the description's.

    Returns the model, in evaluation mode and without gradients, and the description as a dict.
    """
    quiet()
    description = Path(description)
    found = json.loads(description.read_text())
    path: str | Path = found["path"]
    if found["kind"] == "train":
        path = description.parent / found["path"]
    model = _load(
        path,
        f"{description}: the model {found['name']} at {path}",
        f"delete {description} and rerun, and it is made or fetched anew",
        revision=found.get("revision") or "main",
        dtype=DTYPES[dtype or found["dtype"]],
    )
    return model.to(device).eval().requires_grad_(False), found


def _load(path: str | Path, what: str, remedy: str, **options: Any):
    """Load a model whose tensors are those of the checkpoint, all of them and no others.

    Transformers would draw at random what is not there. Tied weights and what an architecture says is
    left out of its checkpoints are not missed.

    Raises
    ------
    AnatomyError: it cannot be loaded, or tensors are missing, unexpected or of another shape; `what` is
        the model and `remedy` what to do about it.
    """
    from transformers import AutoModelForCausalLM

    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            path,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            # Else it is an error that does not say which.
            ignore_mismatched_sizes=True,
            **options,
        )
    except Exception as error:
        raise AnatomyError(f"{what} cannot be loaded ({one_line(error)}); {remedy}") from error
    wrong = []
    if names := sorted(info["missing_keys"]):
        wrong.append(f"lacks {_named(names)}")
    if shapes := sorted(info["mismatched_keys"]):
        names = [f"{key} of shape {tuple(has)}, not {tuple(needs)}" for key, has, needs in shapes]
        wrong.append(f"has {_named(names)}")
    if names := sorted(key for key in info["unexpected_keys"] if not CONSTANTS.search(key)):
        wrong.append(f"has {_named(names)}, which its architecture does not know")
    if wrong:
        raise AnatomyError(
            f"{what}: its checkpoint {'; it '.join(wrong)}; it is not whole, or its config.json is another "
            f"model's ({model.config.model_type}): {remedy}"
        )
    return model


def _named(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more tensors" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def quiet() -> None:
    """Keep transformers to its warnings, without progress bars."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _snapshot(path: str, revision: str | None, name: str) -> Path:
    """The folder that holds a model: the local one, or the hub's snapshot in the cache."""
    if Path(path).is_dir():
        return Path(path)
    if path.startswith((".", "/", "~")) or path.count("/") > 1:
        raise AnatomyError(f"models.{name}.path: the folder {path} does not exist")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(path, revision=revision, allow_patterns=WEIGHTS))
    except Exception as error:
        raise AnatomyError(
            f"models.{name}.path: {path} at revision {revision or 'main'} is neither a folder nor "
            f"on the hub or in its cache ({one_line(error)})"
        ) from error
