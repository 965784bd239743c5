"""The page of the explorer, and the programs and styles that it loads."""

from pathlib import Path

from workflow_scripts.anatomy.base.store import replacing

ROOM = Path(__file__).resolve().parents[1]
TEMPLATE = ROOM / "templates" / "explorer.html.j2"
ASSETS = ROOM / "assets"
KINDS = (".js", ".css", ".txt")


def asset_files() -> list[Path]:
    """What lies beside the page, but for what is the report's own."""
    found = (file for file in ASSETS.iterdir() if file.suffix in KINDS and file.stem != "report")
    return sorted(found)


def write_page(path: str | Path, run: str) -> None:
    """Render the page for a run of some name, which is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template(TEMPLATE.name).render(run=run)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_assets(paths: list[str] | list[Path]) -> None:
    """Copy the assets of these names to these places."""
    for path in map(Path, paths):
        with replacing(path) as temporary:
            temporary.write_bytes((ASSETS / path.name).read_bytes())
