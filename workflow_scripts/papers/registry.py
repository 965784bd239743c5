"""What the rooms of the papers hold, found by the papers' names."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.report.cards.quantities import check as check_quantities
from workflow_scripts.anatomy.report.cards.quantities import read_quantities
from workflow_scripts.anatomy.setup import configuration
from workflow_scripts.anatomy.setup.catalogue import Sae
from workflow_scripts.anatomy.setup.completion import complete
from workflow_scripts.anatomy.setup.exhibits import Exhibit, read_exhibits
from workflow_scripts.anatomy.setup.given import check_given
from workflow_scripts.anatomy.setup.hook_names import check_hook_name, check_hook_names
from workflow_scripts.anatomy.setup.places import check_places
from workflow_scripts.anatomy.setup.plan import Plan
from workflow_scripts.papers import PAPERS

ROOMS = Path(__file__).parent
PACKAGE = "workflow_scripts.papers"


def load_schema() -> dict[str, Any]:
    """The schema of the configuration with the blocks of all papers."""
    return configuration.load_schema(_schemas())


def check(config: dict[str, Any]) -> dict[str, Any]:
    """Validate a configuration, the papers' blocks included, and complete it.

    What a short one leaves out comes from the metadata of its SAEs, the rest from the schemas' defaults.

    Raises
    ------
    AnatomyError: see `check_hook_names`, `completion.filled` and `configuration.check`.
    """
    check_hook_names(config)
    try:
        completed = complete(config)
    except AnatomyError:
        raise
    except Exception:
        # A value of another kind stands in the way of completing it, and is named; all else is our mistake.
        check_given(config, _schemas())
        raise
    return configuration.check(completed, _schemas(), _references)


def plans(config: dict[str, Any], saes: list[Sae]) -> dict[str, Plan]:
    """The plan of every paper that a checked configuration has a block for, or that needs none.

    Raises
    ------
    AnatomyError: a paper's block asks for what the configuration does not have, or an SAE of a release is
        at a hook point that no analysis harvest holds.
    """
    for sae in saes:
        if sae.kind == "pretrained":
            where = f"saes.{sae.group}.ids: {dict(sae.options)['id']}"
            check_hook_name(sae.site, f"config: {where}")
            place = {"model": sae.model, "site": sae.site}
            configuration.require_dissected(config, where, place)
    asked = [paper for paper in PAPERS if paper not in _schemas() or config[paper] is not None]
    for paper in asked:
        check_places(config, saes, paper, config.get(paper))
    return {paper: _part(paper, "plan").plan(config, saes) for paper in asked}


def exhibits(paper: str) -> dict[str, Exhibit]:
    """The figures and tables of a paper, all that there can be."""
    return read_exhibits(ROOMS / paper / "exhibits.yaml")


def drawing(paper: str, exhibit: Exhibit) -> str:
    """The function that draws a figure, as the entry of a code digest."""
    return f"{PACKAGE}.{paper}.figures.{exhibit.drawn_by}:draw"


def tabulation(paper: str, exhibit: Exhibit) -> str:
    """The function that makes the tables of a figure, as the entry of a code digest."""
    return f"{PACKAGE}.{paper}.tables.{exhibit.tabulated_by}:tabulate"


def finding(paper: str, exhibit: Exhibit) -> str:
    """The function that says what a run found in a figure, as the entry of a code digest; "" without one.

    It stands beside `draw` and takes the same tables. The module is not imported to find it.
    """
    module = f"{PACKAGE}.{paper}.figures.{exhibit.drawn_by}"
    path = ROOMS / paper / "figures" / f"{exhibit.drawn_by}.py"
    found = path.is_file() and re.search(r"^def finding\(", path.read_text(), re.MULTILINE)
    return f"{module}:finding" if found and not exhibit.rendered else ""


def card_quantities(papers: Sequence[str]) -> list[dict[str, Any]]:
    """What these papers say of every SAE, the quantities of its card, as `quantities.quantity` reads them.

    Raises
    ------
    AnatomyError: see `quantities.read_quantities` and `quantities.check`.
    """
    read = [
        each for paper in papers for each in read_quantities(ROOMS / paper / "card.yaml", paper)
    ]
    return [each.plain() for each in check_quantities(read)]


def titles(papers: Iterable[str]) -> dict[str, str]:
    """What the papers are called, as the first line of their rooms says it."""
    lines = {paper: (import_module(f"{PACKAGE}.{paper}").__doc__ or paper) for paper in papers}
    return {paper: line.strip().split("\n")[0].rstrip(".") for paper, line in lines.items()}


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
