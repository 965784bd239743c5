"""The registry of figures and tables: what targets there are, and what each is drawn from."""

from pathlib import Path
from typing import Any

import yaml

REGISTRY = Path(__file__).resolve().parents[3] / "rules" / "rows.yaml"


def figure_rows() -> dict[str, dict[str, dict[str, Any]]]:
    """paper -> row -> {tables, caption, files, and figure where there is one}.

    `files` are what the row shows, below the run's folder; `figure` is the name of the module that
    draws it, in the figures of its paper.
    A row with ``rendered: true`` is a table in the paper, and shows a Markdown table instead: of all
    columns, or of those in ``columns``, under the names that stand there.
    """
    papers = yaml.safe_load(REGISTRY.read_text())
    for paper, rows in papers.items():
        for row, about in rows.items():
            if about.pop("rendered", False):
                about["files"] = [f"tables/{paper}/{row}.md"]
                about.setdefault("columns", {})
            else:
                about["files"] = [f"figures/{paper}/{row}.{kind}" for kind in ("pdf", "png")]
                about["figure"] = about.pop("module", row)
    return papers
