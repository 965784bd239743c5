"""`docs/configuration.md`, written from the schemas: python -m workflow_scripts.papers.configuration_page"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.setup.configuration import resolved
from workflow_scripts.papers.registry import load_schema

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

HEAD = """# Configuration

{description}

This page is written from `rules/schemas/config.schema.yaml` and the `schema.yaml` of every paper. An
unknown key is an error that names it and the nearest known one. Keys without a default are required
where the table says so.

Snakemake reads `config.yaml` unless `--configfile` names another file, which then replaces it whole:
nothing of the default run joins a preset. Single keys are set with `--config seed=1`.
"""


def page() -> str:
    """The page as Markdown."""
    schema = load_schema()
    parts = [HEAD.format(description=schema["description"].strip())]
    parts.append(_section("Top level", schema, schema))
    for key, node in schema["properties"].items():
        for title, inner in _blocks(key, node, schema):
            parts.append(_section(title, inner, schema))
    return "\n".join(parts)


def _blocks(path: str, node: dict, schema: dict) -> Iterator[tuple[str, dict]]:
    """Every block of keys under `path`, with its title."""
    node = resolved(node, schema)
    if "oneOf" in node:
        for variant in node["oneOf"]:
            inner = resolved(variant, schema)
            kind = inner["properties"]["kind"]["const"]
            yield from _blocks(f"{path}, kind {kind}", inner, schema)
        return
    if isinstance(node.get("additionalProperties"), dict):
        yield from _blocks(f"{path}.<name>", node["additionalProperties"], schema)
    if node.get("items"):
        yield from _blocks(f"{path}[]", node["items"], schema)
    if "properties" in node:
        yield path, node
        for key, inner in node["properties"].items():
            yield from _blocks(f"{path}.{key}", inner, schema)


def _section(title: str, node: dict, schema: dict) -> str:
    lines = [f"## `{title}`" if title != "Top level" else f"## {title}", ""]
    lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    required = node.get("required", ())
    for key, inner in node["properties"].items():
        inner = resolved(inner, schema)
        default = "required" if key in required else _shown(inner.get("default", "—"))
        meaning = " ".join(inner.get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{key}` | {_type(inner)} | {default} | {meaning} |")
    return "\n".join([*lines, ""])


def _type(node: dict) -> str:
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return " \\| ".join(f"`{value}`" for value in node["enum"])
    kind = node.get("type", "object")
    if kind == "array":
        return f"list of {node['items'].get('type', 'object')}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _shown(value: Any) -> str:
    if value == "—":
        return value
    return (
        f"`{'null' if value is None else str(value).lower() if isinstance(value, bool) else value}`"
    )


if __name__ == "__main__":
    PAGE.write_text(page())
