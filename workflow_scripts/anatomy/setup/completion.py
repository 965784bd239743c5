"""A short configuration made a full one: what SAEs say of themselves, and defaults for the rest."""

import copy
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.default_harvests import add_analysis, add_harvests
from workflow_scripts.anatomy.setup.filling import IMPORTED, Filled, add, are_blocks
from workflow_scripts.anatomy.setup.hook_names import check_hook_name
from workflow_scripts.anatomy.setup.local_files import check_local_files, is_local
from workflow_scripts.anatomy.setup.model_settings import model_names
from workflow_scripts.anatomy.setup.normalisations import SCALED
from workflow_scripts.anatomy.setup.sae_metadata import SaeMetadata, hub_id, metadata_of, same_model


def complete(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the keys that its SAEs and one text determine; see `filled`."""
    return filled(config)[0]


def filled(config: dict[str, Any]) -> tuple[dict[str, Any], list[Filled]]:
    """Complete a configuration that leaves out what its SAEs say themselves.

    Model, hook point, L0, context length, BOS token and input scale of imported SAEs are taken from
    their metadata; models, a harvest of one text and the analysis of it are added where there are none.
    What the configuration says stays as it is, and one that says all is returned as it came. It is not
    checked: that comes next.

    Returns the configuration and what was added to it, in order.

    Raises
    ------
    AnatomyError: an SAE does not say what is left out, or SAEs of one model say different things.
    """
    groups, datasets = config.get("saes"), config.get("datasets")
    if not are_blocks(groups) or not are_blocks(datasets):
        return config, []
    config = copy.deepcopy(config)
    added: list[Filled] = []
    found: dict[str, list[SaeMetadata]] = {}
    for name, group in config["saes"].items():
        if group.get("kind") in IMPORTED and _named(group):
            if group["kind"] == "local" and not {"model", "site"} <= group.keys():
                check_local_files({"models": {}, "saes": {name: _at_home(group)}})
            found[name] = metadata_of(group)
    if "run" not in config:
        add(added, config, "run", unnamed(config["saes"]), "the SAE's name")
    if config.get("models") is None:
        config["models"] = {}
    for name, metadata in found.items():
        _complete_sae(config, name, metadata, added)
    _complete_bos(config, found, added)
    if not config.get("harvests"):
        add_harvests(config, found, added)
    if "harvests" not in (config.get("analysis") or {}):
        add_analysis(config, added)
    return config, added


def unnamed(saes: dict[str, Any]) -> str:
    """The name of a run that has none: that of its one group of SAEs, or `saes`."""
    return next(iter(saes)) if len(saes) == 1 else "saes"


def _complete_sae(
    config: dict[str, Any], name: str, metadata: list[SaeMetadata], added: list[Filled]
) -> None:
    group, first, where = config["saes"][name], metadata[0], f"saes.{name}"
    own = "the SAE's metadata"
    if group["kind"] == "local":
        if "site" not in group:
            if first.site is None:
                check_hook_name(first.hook, f"config: {where} (its cfg.json)")
                says = f"calls it {first.hook}" if first.hook else "does not say it"
                raise AnatomyError(
                    f"config: {where}: which hook point it is of cannot be read from its cfg.json, which "
                    f"{says}; give {where}.site, such as blocks.6.hook_resid_post"
                )
            add(added, group, "site", first.site, own, where)
        if "l0" not in group and first.l0 is not None:
            add(added, group, "l0", first.l0, own, where)
        scaled = first.normalisation == SCALED and first.input_scale is not None
        if scaled and "input_scale" not in group:
            add(added, group, "input_scale", first.input_scale, "activation_scaler.json", where)
    if "model" not in group:
        add(added, group, "model", _model(config, name, first, added), own, where)


def _model(config: dict[str, Any], name: str, metadata: SaeMetadata, added: list[Filled]) -> str:
    """The name of the model that an SAE is of; a model that is not there yet is added."""
    models, where = config["models"], f"saes.{name}"
    if metadata.model is None:
        if len(models) == 1:
            return next(iter(models))
        raise AnatomyError(
            f"config: {where}: its metadata does not say which model it is of; give {where}.model, the "
            "name of an entry of models"
        )
    for key, block in models.items():
        if same_model(metadata.model, model_names(key, block)):
            return key
    if models and not any(each.key.startswith("models.") for each in added):
        raise AnatomyError(
            f"config: {where} was made for the model {metadata.model}, which is none of models "
            f"({', '.join(models)}); add it there, or give {where}.model and "
            f"{where}.despite_metadata: [model]"
        )
    path = metadata.model if _is_folder(metadata.model) else hub_id(metadata.model)
    key = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(path).name).lstrip("-._") or "model"
    block = {"kind": "hf", "path": path} | ({"dtype": metadata.dtype} if metadata.dtype else {})
    add(added, models, key, block, "the SAE's metadata", "models")
    return key


def _complete_bos(
    config: dict[str, Any], found: dict[str, list[SaeMetadata]], added: list[Filled]
) -> None:
    """Contexts begin with the BOS token unless all that is known of a model's SAEs is that theirs did not."""
    for key, block in config["models"].items():
        if not isinstance(block, dict) or block.get("kind") != "hf" or "bos" in block:
            continue
        said = {
            name: each.prepend_bos
            for name, metadata in found.items()
            if config["saes"][name].get("model") == key
            for each in metadata
            if each.prepend_bos is not None
        }
        if len(set(said.values())) > 1:
            without = next(name for name, bos in said.items() if not bos)
            raise AnatomyError(
                f"config: contexts of saes.{without} were without the BOS token, and those of other SAEs "
                f"of models.{key} began with it; give models.{key}.bos, or take them apart in two runs"
            )
        if said and not next(iter(said.values())):
            add(added, block, "bos", False, "the SAE's metadata", f"models.{key}")


def _is_folder(path: str) -> bool:
    return is_local(path) or path.startswith("~")


def _at_home(group: dict[str, Any]) -> dict[str, Any]:
    return group | {"path": str(Path(group["path"]).expanduser())}


def _named(group: dict[str, Any]) -> bool:
    """Whether a group says which SAEs it means; one that does not is an error of the check."""
    if group["kind"] == "local":
        return isinstance(group.get("path"), str)
    ids: Iterable[Any] = group.get("ids") or ()
    return isinstance(group.get("release"), str) and isinstance(ids, list) and bool(ids)
