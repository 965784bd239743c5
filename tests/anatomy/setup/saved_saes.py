"""Folders of SAEs and models as others save them: only what is read before anything runs."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

METADATA = {
    "sae_lens_version": "6.54.12",
    "model_name": "gpt2-small",
    "hook_name": "blocks.3.hook_resid_post",
    "context_size": 64,
    "prepend_bos": True,
}


def save_sae(folder: Path, width: int = 8, d: int = 4, metadata: dict | None = None, **cfg) -> Path:
    """An SAE in the format of sae_lens 6; metadata and settings as given, on top of what is usual."""
    folder.mkdir(parents=True, exist_ok=True)
    about = METADATA | (metadata or {})
    usual = {
        "architecture": "topk",
        "k": 3,
        "d_in": d,
        "d_sae": width,
        "normalize_activations": "none",
    }
    content = usual | {"metadata": {k: v for k, v in about.items() if v is not None}} | cfg
    (folder / "cfg.json").write_text(json.dumps(content))
    save_file({"W_dec": np.zeros((width, d), np.float32)}, folder / "sae_weights.safetensors")
    return folder


def save_model(folder: Path, d: int = 4, positions: int = 128) -> Path:
    """The config.json of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"model_type": "gpt2", "n_embd": d, "n_positions": positions}
    (folder / "config.json").write_text(json.dumps(settings))
    return folder
