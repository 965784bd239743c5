"""Pages from templates: whatever is put into them is escaped, and a name that is missing is an error."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.store import replacing

TEMPLATES = Path(__file__).with_name("templates")
ASSETS = Path(__file__).with_name("assets")
# Of pages with a program: no script but the page's own files, nothing from elsewhere, no styles in attributes.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types anatomy"
)


def template(name: str, filters: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """A template of this room, by its file's name; lines that hold a block alone leave no line."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(name)


def write_assets(paths: list[str] | list[Path]) -> None:
    """Copy the assets of these names to these places."""
    for path in map(Path, paths):
        with replacing(path) as temporary:
            temporary.write_bytes((ASSETS / path.name).read_bytes())
