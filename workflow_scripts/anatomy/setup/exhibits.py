"""Exhibits, a paper's figures and tables: what each is made of, what draws it, and its caption."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Exhibit:
    """One figure or table, and so one target.

    tables: names of its tables, csv files. tabulated_by, drawn_by: modules among the tables and the
    figures of its paper. rendered: it is a table in the paper and shown as Markdown, not drawn; of all
    columns, or of those in `columns`, under the names that stand there. draws: beside the table of its
    own name lies what its estimates are in every resample, for claims that compare its rows. headline:
    the report of a run begins with it and with what was found in it.
    """

    name: str
    tables: list[str]
    caption: str
    tabulated_by: str
    drawn_by: str
    rendered: bool = False
    draws: bool = False
    headline: bool = False
    columns: dict[str, str] = field(default_factory=dict)

    def shown(self, paper: str) -> list[str]:
        """What it shows besides its tables: files below the folder of a run."""
        if self.rendered:
            return [f"tables/{paper}/{self.name}.md"]
        return [f"figures/{paper}/{self.name}.{kind}" for kind in ("pdf", "png")]


def read_exhibits(path: Path) -> dict[str, Exhibit]:
    """The exhibits of a paper by name, from its `exhibits.yaml`.

    A module that is not named bears the exhibit's name.
    """
    return {
        name: Exhibit(name, **{"tabulated_by": name, "drawn_by": name} | about)
        for name, about in yaml.safe_load(path.read_text()).items()
    }
