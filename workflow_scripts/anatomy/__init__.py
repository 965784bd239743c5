"""The library: a room for each stage of the data's way. It knows no paper."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflow_scripts.anatomy.report.notebook.run import Run

# A room imports itself and rooms that stand before it, no others.
ROOMS = (
    "base",
    "setup",
    "text",
    "models",
    "statistics",
    "activations",
    "saes",
    "codes",
    "decomposition",
    "interventions",
    "probing",
    "interpretability",
    "claims",
    "figures",
    "report",
    "launch",
)


def open_run(folder: Any, harvests: dict[str, str] | None = None) -> "Run":
    """A finished run, opened for a notebook; see `report.notebook.run.open_run`."""
    from workflow_scripts.anatomy.report.notebook.run import open_run as opened

    return opened(folder, harvests)
