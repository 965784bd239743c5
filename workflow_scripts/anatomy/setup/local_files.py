"""What the configuration names on this machine's disk is looked at before anything runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError

# What a local path begins with; anything else is a hub id, as long as there is no such folder.
LOCAL = ("/", "./", "../")
# What is read of the folder of a model, its tokenizer included, and of that of an SAE.
MODEL_FILES = ("*.json", "*.safetensors", "*.bin", "*.model", "*.txt", "*.jinja")
SAE_FILES = ("*.json", "*.safetensors", "*.npz", "*.pt")


def with_home(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with "~" at the head of a path replaced by the home folder."""
    models, saes = (
        {
            name: block | {"path": str(Path(block["path"]).expanduser())}
            if block.get("path", "").startswith("~")
            else block
            for name, block in config[kind].items()
        }
        for kind in ("models", "saes")
    )
    return config | {"models": models, "saes": saes}


def check_local_files(config: dict[str, Any]) -> None:
    """Local folders of models and SAEs have to be there.

    A model's path is local if it begins like one ("/", "./", "../") or if there is such a folder.

    Raises
    ------
    AnatomyError: a folder is missing, or has not the file that tells what it holds.
    """
    for name, model in config["models"].items():
        if model["kind"] == "hf" and is_local(model["path"]):
            _check_folder(f"models.{name}.path", model["path"], "config.json")
    for name, group in config["saes"].items():
        if group["kind"] == "local":
            _check_folder(f"saes.{name}.path", group["path"], "cfg.json")


def is_local(path: str) -> bool:
    """Whether a model's path means a folder, and not a hub id."""
    return path.startswith(LOCAL) or Path(path).is_dir()


def local_files(folder: str, patterns: Sequence[str]) -> list[str]:
    """The files of a local model or SAE that match one of the patterns, sorted."""
    return sorted(str(path) for pattern in patterns for path in Path(folder).glob(pattern))


def files_of_dataset(block: dict[str, Any]) -> list[str]:
    """The files of a data set that is a local folder, or one file, sorted; none of the hub's."""
    path = Path(block.get("path", ""))
    if block["kind"] != "hf" or not path.exists():
        return []
    found = [path] if path.is_file() else path.rglob("*")
    visible = (
        file
        for file in found
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    return sorted(str(file) for file in visible)


def _check_folder(key: str, path: str, file: str) -> None:
    folder = Path(path)
    if not folder.is_dir():
        raise AnatomyError(
            f"config: {key} is {path}, and there is no such folder; correct the path"
        )
    if not (folder / file).is_file():
        raise AnatomyError(
            f"config: {key} is {path}, but that folder has no {file}; name the folder that does"
        )
