"""The registry of figures and tables: what targets there are, and what each is drawn from."""

from pathlib import Path
from typing import Any

import yaml

REGISTRY = Path(__file__).resolve().parents[2] / "rules" / "rows.yaml"
FIGURES = "workflow_scripts.anatomy.figures"


def figure_rows() -> dict[str, dict[str, dict[str, Any]]]:
    """paper -> row -> {tables, caption, draw}, with `draw` as "module:function" of the figure."""
    papers = yaml.safe_load(REGISTRY.read_text())
    for paper, rows in papers.items():
        for row, about in rows.items():
            about["draw"] = f"{FIGURES}.{paper}.{about.pop('module', row)}:draw"
    return papers
