"""What the configuration names on this machine's disk is looked at before anything runs."""

import json
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.errors import AnatomyError


def check_local_files(config: dict[str, Any]) -> None:
    """Local folders of models and SAEs have to be there.

    A model's path is local if it begins like one ("/", "./", "../", "~"); else it is a hub id.

    Raises
    ------
    AnatomyError: a folder is missing, or has not the file that tells what it holds.
    """
    for name, model in config["models"].items():
        if model["kind"] == "hf" and model["path"].startswith(("/", "./", "../", "~")):
            _check_folder(f"models.{name}.path", model["path"], "config.json")
    for name, group in config["saes"].items():
        if group["kind"] == "local":
            _check_folder(f"saes.{name}.path", group["path"], "cfg.json")


def local_sae_width(path: str) -> int | None:
    """Number of latents that the cfg.json of a local SAE says, or None."""
    try:
        return json.loads((Path(path).expanduser() / "cfg.json").read_text()).get("d_sae")
    except json.JSONDecodeError as error:
        raise AnatomyError(f"{path}/cfg.json is not JSON ({error}); save the SAE anew") from None


def _check_folder(key: str, path: str, file: str) -> None:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise AnatomyError(
            f"config: {key} is {path}, and there is no such folder; correct the path"
        )
    if not (folder / file).is_file():
        raise AnatomyError(
            f"config: {key} is {path}, but that folder has no {file}; name the folder that does"
        )
