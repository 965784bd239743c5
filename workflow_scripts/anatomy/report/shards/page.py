"""The page of the explorer, and the programs and styles that it loads."""

from pathlib import Path

from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.report.templating import ASSETS, POLICY, TEMPLATES, template

TEMPLATE = TEMPLATES / "explorer.html.j2"
KINDS = (".js", ".css", ".txt")


def asset_files() -> list[Path]:
    """What lies beside the page, but for what is the report's own."""
    found = (file for file in ASSETS.iterdir() if file.suffix in KINDS and file.stem != "report")
    return sorted(found)


def write_page(path: str | Path, run: str) -> None:
    """Render the page for a run of some name, which is escaped."""
    text = template(TEMPLATE.name).render(run=run, policy=POLICY)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
