"""What is known of a language model before anything runs: its names and its sizes."""

import json
from pathlib import Path
from typing import Any


def model_names(key: str, block: Any) -> list[str]:
    """What a model of the configuration is called: its key, its path, and what its folder says."""
    names = [key]
    if isinstance(block, dict) and isinstance(path := block.get("path"), str):
        names += [path, *(name for name in [_settings(path).get("_name_or_path")] if name)]
    return names


def model_sizes(block: dict[str, Any]) -> dict[str, int]:
    """`width` (d_model) and `positions` of a model, as far as they are known before anything runs."""
    settings = block.get("config") if block.get("kind") == "train" else None
    settings = settings if settings is not None else _settings(str(block.get("path", "")))
    if block.get("kind") == "train" and "context_length" in block:
        settings = {**settings, "n_positions": block["context_length"]}
    settings = settings.get("text_config") or settings
    known = {
        "width": ("hidden_size", "n_embd", "d_model"),
        "positions": ("n_positions", "max_position_embeddings"),
    }
    sizes = {}
    for size, keys in known.items():
        values = [settings[key] for key in keys if isinstance(settings.get(key), int)]
        if values:
            sizes[size] = values[0]
    return sizes


def _settings(path: str) -> dict[str, Any]:
    """The config.json of a model's folder; nothing where it is no folder."""
    try:
        content = json.loads((Path(path).expanduser() / "config.json").read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
