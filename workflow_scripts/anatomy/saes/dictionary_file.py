"""The file of an SAE in canonical form: safetensors, with its description in the header.

Reading the description needs no torch, which takes longer to import than most tables to make.
"""

import json
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError


def description(path: str | Path) -> dict[str, Any]:
    """What the header of `path` says (activation, k, …, metadata), without reading weights."""
    return read_file(path, weights=False)[0]


def read_file(path: str | Path, weights: bool = True) -> tuple[Any, dict[str, Any]]:
    """The description in the header of `path` (None without one), and its tensors by name.

    Raises
    ------
    AnatomyError: no such file, or one that is corrupted.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt" if weights else "np") as file:
            about = (file.metadata() or {}).get("anatomy")
            names = list(file.keys()) if weights else []
            tensors = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise AnatomyError(f"{path}: no such SAE; run the workflow, which makes it") from None
    except (SafetensorError, OSError) as error:
        raise AnatomyError(
            f"{path}: corrupted or unreadable ({error}); delete it and rerun"
        ) from None
    return None if about is None else json.loads(about), tensors
