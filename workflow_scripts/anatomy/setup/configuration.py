"""The configuration: checked against its schema, completed with defaults, and its names resolved."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean
from workflow_scripts.anatomy.setup.architectures import ARCHITECTURES
from workflow_scripts.anatomy.setup.names import check_name, check_reserved
from workflow_scripts.anatomy.setup.values import check_scalar, require_plain, shortened

# Of a schema's node, what is not about the value itself: its parts are looked at one by one.
DEEP = (
    "items",
    "description",
    "pattern",
    "oneOf",
    "properties",
    "additionalProperties",
    "required",
)
SCHEMA = Path(__file__).resolve().parents[3] / "rules" / "schemas" / "config.schema.yaml"


# Where a configuration mentions a name, of which kind it is (a key of the top level), and the name.
References: TypeAlias = Iterable[tuple[str, str, str]]


def load_schema(blocks: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """The JSON schema of the configuration.

    blocks: key of a further block at the top level -> file with the schema of that block, whose
        definitions join those that all blocks share.
    """
    schema = yaml.safe_load(SCHEMA.read_text())
    trained = schema["$defs"]["saes_trained"]["properties"]
    trained["architecture"]["enum"] = list(ARCHITECTURES)
    for key, path in (blocks or {}).items():
        block = yaml.safe_load(path.read_text())
        definitions = block.pop("$defs", {})
        if taken := definitions.keys() & schema["$defs"].keys():
            raise AnatomyError(f"{path}: $defs.{min(taken)} is taken; give it another name")
        schema["properties"][key] = block
        schema["$defs"] |= definitions
    return schema


def check(
    config: dict[str, Any],
    blocks: Mapping[str, Path] | None = None,
    references: Callable[[dict[str, Any]], References] = lambda _: (),
) -> dict[str, Any]:
    """Validate a configuration and return it completed with the schema's defaults.

    Parameters
    ----------
    blocks: the schemas of further blocks, as of `load_schema`.
    references: which names those blocks mention, of a configuration that is complete.

    Raises
    ------
    AnatomyError: an unknown key (with the nearest known one), a wrong type or value, a name that
        nothing in the configuration bears.
    """
    schema = load_schema(blocks)
    require_plain(config)
    completed = checked(config, schema, schema, "")
    check_reserved(completed)
    _check_names(completed, [*_references(completed), *references(completed)])
    return completed


def checked(value: Any, node: dict, schema: dict, where: str) -> Any:
    """Validate `value` against a node of the schema; return it with defaults filled in."""
    import jsonschema

    node = resolved(node, schema)
    if "oneOf" in node and isinstance(value, dict):
        variants = [resolved(variant, schema) for variant in node["oneOf"]]
        kinds = {variant["properties"]["kind"]["const"]: variant for variant in variants}
        if str(value.get("kind")) not in kinds:
            raise AnatomyError(
                f"config: {where}.kind is {value.get('kind')!r}; choose one of {', '.join(kinds)}"
            )
        node = kinds[value["kind"]]
    if value is None and "null" in node.get("type", ()):
        return None
    if isinstance(value, dict) and (node.get("type") == "object" or "properties" in node):
        return _checked_object(value, node, schema, where)
    check_scalar(value, node, where)
    shallow = {key: part for key, part in node.items() if key not in DEEP}
    for error in jsonschema.Draft202012Validator(shallow).iter_errors(value):
        raise AnatomyError(f"config: {where}: {shortened(error.message)}")
    if isinstance(value, list):
        each = node.get("items", {})
        return [checked(item, each, schema, f"{where}[{i}]") for i, item in enumerate(value)]
    return value


def _checked_object(value: dict, node: dict, schema: dict, where: str) -> dict:
    known = node.get("properties", {})
    others = node.get("additionalProperties", True)
    if others is False:
        for key in value:
            if key not in known:
                raise AnatomyError(f"config: unknown key {_join(where, key)}{meant(key, known)}")
    for key in node.get("required", ()):
        if key not in value:
            raise AnatomyError(
                f"config: {_join(where, key)} is missing; {_meaning(known[key], schema)}"
            )
    if len(value) < node.get("minProperties", 0):
        raise AnatomyError(f"config: {where} is empty; give at least one entry")
    completed = {}
    for key, item in value.items():
        if "propertyNames" in node:
            check_name(_join(where, key), key)
        inner = known.get(key, others)
        inside = isinstance(inner, dict)
        completed[key] = checked(item, inner, schema, _join(where, key)) if inside else item
    for key, inner in known.items():
        inner = resolved(inner, schema)
        if key in completed:
            continue
        if "default" in inner:
            completed[key] = inner["default"]
        elif inner.get("type") == "object" and not inner.get("required"):
            completed[key] = _checked_object({}, inner, schema, _join(where, key))
    return completed


def resolved(node: dict, schema: dict) -> dict:
    """A node of the schema with its reference followed."""
    if "$ref" not in node:
        return node
    target = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return target | {key: value for key, value in node.items() if key != "$ref"}


def _join(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)


def _meaning(node: dict, schema: dict) -> str:
    description = resolved(node, schema).get("description", "it is required")
    return description[0].lower() + description[1:].rstrip(".")


def meant(word: str, known: Any) -> str:
    """The end of an error message: what was probably meant, or what there is."""
    known = [str(name) for name in known]
    return did_you_mean(word, known) or f"; known are {', '.join(known)}"


def _check_names(config: dict[str, Any], references: References) -> None:
    """Every name that the configuration mentions must be one that it defines."""
    for where, kind, name in references:
        if name not in config[kind]:
            raise AnatomyError(
                f"config: {where} names {name!r}, not in {kind}{meant(name, config[kind])}"
            )
    _check_dissected(config)
    for name, harvest in config["harvests"].items():
        if harvest["min_position"] >= harvest["context_length"] - 1:
            raise AnatomyError(
                f"config: harvests.{name}.min_position {harvest['min_position']} leaves no token and its "
                f"successor of a context of {harvest['context_length']}; lower it"
            )
        if harvest["min_position"] < 1 and name in config["analysis"]["harvests"]:
            raise AnatomyError(
                f"config: harvests.{name}.min_position is 0, but the first token of a context has no loss "
                "to be analysed; make it 1 or more"
            )
        _check_context_length(config, name, harvest)
        for hook_point in harvest["hook_points"]:
            _check_layer(config, f"harvests.{name}.hook_points", harvest["model"], hook_point)
    for name, group in config["saes"].items():
        if group["kind"] == "trained":
            _check_trained(config, name, group)
        elif group["kind"] == "local":
            _check_layer(config, f"saes.{name}.site", group["model"], group["site"])
    models = [config["harvests"][harvest]["model"] for harvest in config["analysis"]["harvests"]]
    for model in models:
        if models.count(model) > 1:
            raise AnatomyError(
                f"config: analysis.harvests has two harvests of {model}; keep one per model"
            )


def _check_dissected(config: dict[str, Any]) -> None:
    """Every SAE needs an analysis harvest of its model that holds its site."""
    for name, group in config["saes"].items():
        trained = group["kind"] == "trained"
        model = config["harvests"][group["harvest"]]["model"] if trained else group["model"]
        for site in group["sites"] if trained else [group["site"]]:
            key = "sites" if trained else "site"
            require_dissected(config, f"saes.{name}.{key}", {"model": model, "site": site})


def require_dissected(config: dict[str, Any], where: str, place: Mapping[str, Any]) -> None:
    """Raise AnatomyError unless an analysis harvest holds a place, {model, site}, that `where` names."""
    harvests = {config["harvests"][name]["model"]: name for name in config["analysis"]["harvests"]}
    if place["model"] not in harvests:
        raise AnatomyError(
            f"config: {where} is of model {place['model']}, of which analysis.harvests has no "
            "harvest; add one"
        )
    harvest = harvests[place["model"]]
    # A release's own site (null here) is known to the catalogue alone.
    held = config["harvests"][harvest]["hook_points"]
    if place["site"] and place["site"] not in held:
        shown = place["site"] if place["site"].isprintable() else repr(place["site"])
        raise AnatomyError(
            f"config: {where} is at {shortened(shown)}, which harvests.{harvest}.hook_points lacks; "
            f"add it there{did_you_mean(place['site'], held, cutoff=0.8).replace('; did', ', or did')}"
        )


def _references(config: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, model in config["models"].items():
        if model["kind"] == "train":
            yield f"models.{name}.dataset", "datasets", model["dataset"]
    for name, harvest in config["harvests"].items():
        yield f"harvests.{name}.model", "models", harvest["model"]
        yield f"harvests.{name}.dataset", "datasets", harvest["dataset"]
    for name, group in config["saes"].items():
        if group["kind"] == "trained":
            yield f"saes.{name}.harvest", "harvests", group["harvest"]
        else:
            yield f"saes.{name}.model", "models", group["model"]
    for name in config["analysis"]["harvests"]:
        yield "analysis.harvests", "harvests", name
    for name in (config["explorer"] or {}).get("saes") or []:
        yield "explorer.saes", "saes", name


def _check_trained(config: dict, name: str, group: dict) -> None:
    given = [key for key in ("k", "coefficients") if key in group]
    architecture = ARCHITECTURES[group["architecture"]]
    allowed = architecture.takes
    if len(given) != 1 or given[0] not in allowed:
        raise AnatomyError(
            f"config: saes.{name} is of architecture {group['architecture']}, which takes "
            f"{' or '.join(allowed)}; it has {' and '.join(given) or 'neither'}"
        )
    for site in group["sites"]:
        if site not in config["harvests"][group["harvest"]]["hook_points"]:
            raise AnatomyError(
                f"config: saes.{name}.sites has {site}, which harvests.{group['harvest']}.hook_points "
                "lacks; add it there"
            )
    for k in group.get("k", ()):
        if k > min(group["widths"]):
            raise AnatomyError(
                f"config: saes.{name}.k has {k}, more than the width {min(group['widths'])}"
            )
        if architecture.whole_k and k != int(k):
            raise AnatomyError(
                f"config: saes.{name}.k has {k}; {group['architecture']} takes whole numbers"
            )


def _check_layer(config: dict, where: str, model: str, hook_point: str) -> None:
    """Where the number of layers is known before anything runs, a layer too far is an error now."""
    block = config["models"][model]
    sizes = block.get("config", {})
    layers = sizes.get("n_layer", sizes.get("num_hidden_layers"))
    if block["kind"] == "train" and layers is not None:
        layer = int(hook_point.split(".")[1])
        if layer >= layers:
            raise AnatomyError(
                f"config: {where} has {hook_point}, but models.{model} has layers 0 to {layers - 1}"
            )


def _check_context_length(config: dict, name: str, harvest: dict) -> None:
    model = config["models"][harvest["model"]]
    if model["kind"] == "train" and harvest["context_length"] > model["context_length"]:
        raise AnatomyError(
            f"config: harvests.{name}.context_length {harvest['context_length']} is more than the "
            f"{model['context_length']} of models.{harvest['model']}.context_length"
        )
