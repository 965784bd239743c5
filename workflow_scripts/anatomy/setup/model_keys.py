"""Which keys the config classes of transformers have, read from its source: importing them takes seconds."""

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean

# Set from the tokenizer and from models.*.context_length, by the names that all classes have for them.
FIXED = ("vocab_size", "bos_token_id", "eos_token_id", "max_position_embeddings")


class Keys(NamedTuple):
    """The keys of a config class, and the other names that it takes for some of them."""

    own: frozenset[str]
    aliases: dict[str, str]


def check_model_keys(config: dict[str, Any]) -> None:
    """Raise an AnatomyError where `config` of a model that is trained here has a key that its class lacks.

    Also where the workflow sets the key itself, and where transformers has no such causal language model.
    What cannot be read from its source is left to the training.
    """
    for name, model in config["models"].items():
        if model["kind"] != "train":
            continue
        architecture, where = model["architecture"], f"config: models.{name}"
        causal = causal_architectures()
        if causal and architecture not in causal:
            raise AnatomyError(
                f"{where}.architecture: transformers has no causal language model {architecture}"
                f"{did_you_mean(architecture, sorted(causal))}"
            )
        keys = keys_of(architecture)
        if keys is None:
            continue
        known = keys.own | keys.aliases.keys()
        fixed = {keys.aliases.get(key, key) for key in FIXED}
        for key in model["config"]:
            if key not in known:
                near = did_you_mean(key, sorted(known)) or "; see its class in transformers"
                raise AnatomyError(f"{where}.config: {architecture} has no key {key}{near}")
            if keys.aliases.get(key, key) in fixed:
                raise AnatomyError(
                    f"{where}.config.{key} is set by the workflow (from context_length and the tokenizer); "
                    "remove it"
                )


@cache
def causal_architectures() -> frozenset[str]:
    """The architectures of transformers' causal language models; empty where its source is not as expected."""
    return frozenset(_table("modeling_auto.py", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"))


@cache
def keys_of(architecture: str) -> Keys | None:
    """The keys of an architecture's config class; None where its source is not as expected."""
    folder, name = _folder(), _table("auto_mappings.py", "CONFIG_MAPPING_NAMES").get(architecture)
    if folder is None or name is None:
        return None
    table = "SPECIAL_MODEL_TYPE_TO_MODULE_NAME"
    room = _table("auto_mappings.py", table).get(architecture, architecture.replace("-", "_"))
    return _class_keys(folder / "models" / room / f"configuration_{room}.py", name)


def _class_keys(path: Path, name: str) -> Keys | None:
    """The keys of a class in a file, with those of the classes that it is made of."""
    tree = _tree(path)
    found = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if found is None:
        return None
    own: set[str] = set()
    aliases: dict[str, str] = {}
    for base in reversed(found.bases):
        above = _base_keys(path, tree, ast.unparse(base))
        if above is None:
            return None
        own, aliases = own | above.own, aliases | above.aliases
    for node in found.body:
        target, value = _assigned(node)
        if target == "attribute_map" and isinstance(value, ast.Dict):
            aliases = dict(ast.literal_eval(value))
        elif isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
            own.add(target)
    return Keys(frozenset(own), aliases)


def _base_keys(path: Path, tree: ast.Module, base: str) -> Keys | None:
    """The keys of a class that another one is made of, from the same file or the one it is imported from."""
    if any(isinstance(node, ast.ClassDef) and node.name == base for node in tree.body):
        return _class_keys(path, base)
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or not node.module:
            continue
        for each in node.names:
            if (each.asname or each.name) == base:
                folder = path.parents[node.level - 1]
                file = folder.joinpath(*node.module.split(".")).with_suffix(".py")
                if file.is_file():
                    return _class_keys(file, each.name)
    # What comes from a package, or from outside, adds methods, not keys.
    return Keys(frozenset(), {})


@cache
def _table(file: str, name: str) -> dict[str, Any]:
    """An `OrderedDict` of pairs in one of the files that say which class is whose; empty if it is not there."""
    folder = _folder()
    if folder is None:
        return {}
    for node in _tree(folder / "models" / "auto" / file).body:
        target, call = _assigned(node)
        if target == name and isinstance(call, ast.Call) and len(call.args) == 1:
            try:
                return dict(ast.literal_eval(call.args[0]))
            except ValueError:
                return {}
    return {}


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name that a statement assigns to, and what; no name where it does not, or to several."""
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.target), node.value
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return ast.unparse(node.targets[0]), node.value
    return "", None


@cache
def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text())
    except (OSError, SyntaxError):
        return ast.Module([], [])


@cache
def _folder() -> Path | None:
    package = importlib.util.find_spec("transformers")
    return None if package is None or package.origin is None else Path(package.origin).parent
