"""What the rooms of the papers hold, found by the papers' names."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from workflow_scripts.anatomy.setup import configuration
from workflow_scripts.anatomy.setup.catalogue import Sae
from workflow_scripts.anatomy.setup.exhibits import Exhibit, read_exhibits
from workflow_scripts.anatomy.setup.plan import Plan
from workflow_scripts.papers import PAPERS

ROOMS = Path(__file__).parent
PACKAGE = "workflow_scripts.papers"


def load_schema() -> dict[str, Any]:
    """The schema of the configuration with the blocks of all papers."""
    return configuration.load_schema(_schemas())


def check(config: dict[str, Any]) -> dict[str, Any]:
    """Validate a configuration, the papers' blocks included, and complete it with defaults.

    Raises
    ------
    AnatomyError: see `configuration.check`.
    """
    return configuration.check(config, _schemas(), _references)


def plans(config: dict[str, Any], saes: list[Sae]) -> dict[str, Plan]:
    """The plan of every paper that a checked configuration has a block for, or that needs none.

    Raises
    ------
    AnatomyError: a paper's block asks for what the configuration does not have.
    """
    return {
        paper: _part(paper, "plan").plan(config, saes)
        for paper in PAPERS
        if paper not in _schemas() or config[paper] is not None
    }


def exhibits(paper: str) -> dict[str, Exhibit]:
    """The figures and tables of a paper, all that there can be."""
    return read_exhibits(ROOMS / paper / "exhibits.yaml")


def drawing(paper: str, exhibit: Exhibit) -> str:
    """The function that draws a figure, as the entry of a code digest."""
    return f"{PACKAGE}.{paper}.figures.{exhibit.drawn_by}:draw"


def tabulation(paper: str, exhibit: Exhibit) -> str:
    """The function that makes the tables of a figure, as the entry of a code digest."""
    return f"{PACKAGE}.{paper}.tables.{exhibit.tabulated_by}:tabulate"


def claiming(papers: Sequence[str]) -> dict[str, str]:
    """Of those papers that claim something: their claims, as the entry of a code digest."""
    return {
        paper: f"{PACKAGE}.{paper}.claims:CLAIMS"
        for paper in papers
        if (ROOMS / paper / "claims").is_dir()
    }


def _schemas() -> dict[str, Path]:
    """The schema of the block of every paper that has one."""
    files = {paper: ROOMS / paper / "schema.yaml" for paper in PAPERS}
    return {paper: file for paper, file in files.items() if file.is_file()}


def _references(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the papers' blocks mention by name: where, of which kind, and the name."""
    for paper in _schemas():
        if config[paper] is not None:
            for where, kind, name in _part(paper, "plan").references(config[paper]):
                yield f"{paper}.{where}", kind, name


def _part(paper: str, part: str) -> ModuleType:
    return import_module(f"{PACKAGE}.{paper}.{part}")
