"""The card of one SAE: `python -m workflow_scripts.anatomy.launch.card --sae FOLDER --text "text/*.txt"`."""

import argparse
import glob
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.launch.__main__ import main as run_workflow
from workflow_scripts.anatomy.launch.__main__ import say
from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.setup.completion import filled
from workflow_scripts.anatomy.setup.local_files import is_local
from workflow_scripts.anatomy.setup.releases import pretrained_specs
from workflow_scripts.anatomy.setup.sae_metadata import metadata_of, same_model

# What makes a card, and what a workflow without it shows of an SAE.
TARGETS = ("cards", "explorer")
TAKEN = ("store", "default")
HEAD = """# The card of one SAE: what was given. All else is from its metadata and from defaults, and any key of
# docs/configuration.md may be added here: make run ARGS="{targets} --configfile {path}"
"""


def short_configuration(
    sae: str, text: str, model: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """The configuration of an SAE and a text, nothing in it that the SAE says itself.

    Parameters
    ----------
    sae: folder in sae_lens format, or release/id.
    text: a pattern of files, or several, parted by spaces.
    model: folder or hub id, where the SAE's metadata does not lead to it.
    name: of the run; by default that of the folder, or of the release and id.

    Raises
    ------
    AnatomyError: no text, or the SAE is neither a folder nor release/id.
    """
    patterns = [text] if glob.glob(text, recursive=True) else text.split()
    if not patterns:
        raise AnatomyError('no text is given; give some files: make card SAE=... TEXT="text/*.txt"')
    group, own = _group(sae)
    own = _clean(own) or "sae"
    name = name or _name("-".join([own, *map(_clean, group.get("ids", ()))]), group)
    text_name = f"text-{hashlib.sha256(json.dumps(patterns).encode()).hexdigest()[:8]}"
    config: dict[str, Any] = {
        "run": name,
        "datasets": {text_name: {"kind": "text_files", "paths": patterns}},
        "saes": {own if group["kind"] == "pretrained" else name: group},
    }
    if model is not None:
        key = _clean(Path(model).name) or "model"
        config["models"] = {key: {"kind": "hf", "path": model}}
        group["model"] = key
        known = metadata_of(group)[0].model
        if known is not None and not same_model(known, [key, model]):
            group["despite_metadata"] = ["model"]
    return config


def _group(sae: str) -> tuple[dict[str, Any], str]:
    """The block of the SAE, and the name of its folder or release."""
    if not sae:
        raise AnatomyError('no SAE is given; name one: make card SAE=path/to/sae TEXT="text/*.txt"')
    if Path(sae).expanduser().is_dir():
        return {"kind": "local", "path": sae}, Path(sae).expanduser().resolve().name
    release, _, sae_id = sae.partition("/")
    if sae.startswith(("/", ".", "~")) or not sae_id:
        raise AnatomyError(
            f"{sae}: there is no such folder, and it is no release/id of sae_lens either"
        )
    try:
        pretrained_specs(release, [sae_id])
    except AnatomyError as error:
        raise AnatomyError(f"{sae}: there is no such folder, and as release/id: {error}") from None
    return {"kind": "pretrained", "release": release, "ids": [sae_id]}, release


def _name(name: str, group: dict[str, Any]) -> str:
    """A name for the run that no run of another SAE has in this folder."""
    candidates = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    for candidate in candidates:
        file = Path("results") / candidate / "config.yaml"
        if candidate in TAKEN or (file.parent.exists() and not file.is_file()):
            continue
        if not file.is_file() or _same_sae(file, group):
            return candidate
    raise AnatomyError(f"results/ is full of runs called {name}; name this one: NAME=...")


def _same_sae(file: Path, group: dict[str, Any]) -> bool:
    try:
        (before,) = yaml.safe_load(file.read_text())["saes"].values()
        return all(before.get(key) == value for key, value in group.items())
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return False


def _clean(text: str) -> str:
    """A name as the configuration wants it, or an empty one."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).lstrip("-._")


def explanation(config: dict[str, Any]) -> list[str]:
    """What a short configuration is completed by, for people: each key, its value, where it is from."""
    _, added = filled(config)
    lines = ["what the configuration leaves out:"]
    for each in added:
        value = json.dumps(each.value) if isinstance(each.value, list | dict) else each.value
        lines.append(f"  {each.key}: {value}  ({each.source})")
    return lines


def main(arguments: list[str]) -> int:
    """Write the configuration, run it, say where the card is; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make card", description=__doc__)
    parser.add_argument("--sae", default="", help="folder in sae_lens format, or release/id")
    parser.add_argument("--text", default="", help="files, as a pattern: .txt, .jsonl, .parquet")
    parser.add_argument("--model", help="folder or hub id, where the metadata does not lead to it")
    parser.add_argument("--name", help="name of the run, results/NAME")
    options, others = parser.parse_known_args(arguments)
    try:
        config = short_configuration(
            options.sae, options.text, options.model or None, options.name or None
        )
        lines = explanation(config)
        full, _ = filled(config)
    except AnatomyError as error:
        say(f"error: {error}")
        return 1
    path = Path("results") / config["run"] / "config.yaml"
    with replacing(path) as temporary:
        head = HEAD.format(path=path, targets=" ".join(TARGETS))
        temporary.write_text(head + yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    for line in [*lines, f"configuration: {path}"]:
        say(line)
    status = run_workflow([*TARGETS, *others, "--configfile", str(path)])
    if status:
        for key, block in full["models"].items():
            if "path" in block and not is_local(block["path"]):
                say(f"if the model {key} lies in a folder of yours, give it: MODEL=path/to/{key}")
        return status
    (sae,) = catalogue({"seed": 0, **full, "saes": _with_defaults(full["saes"])})
    card = path.parent / "report" / "cards" / f"{slug(sae.model, sae.site, sae.name)}.html"
    if card.is_file():
        say(f"card: {card}")
    return 0


def _with_defaults(saes: dict[str, Any]) -> dict[str, Any]:
    """The keys that the schema would add and the catalogue reads."""
    optional = {"site": None, "l0": None, "input_scale": None, "center": None}
    return {name: optional | group for name, group in saes.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
