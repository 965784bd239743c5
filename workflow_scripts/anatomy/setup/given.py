"""What a configuration says, looked at before what it leaves out is added."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.setup.configuration import checked, load_schema
from workflow_scripts.anatomy.setup.values import require_plain


def check_given(config: dict[str, Any], blocks: Mapping[str, Path] | None = None) -> None:
    """Check keys, types and values of a configuration that may lack some; blocks: as of `load_schema`.

    Raises
    ------
    AnatomyError: as of `configuration.check`, but for what is missing and for names.
    """
    schema = load_schema(blocks)
    require_plain(config)
    for node in _nodes(schema):
        node.pop("required", None)
    checked(config, schema, schema, "")


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all of its parts that are blocks."""
    if isinstance(schema, dict):
        yield schema
    for part in list(schema.values()) if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from _nodes(part)
