"""A card, and all cards of a run: what is looked up in its tables, and what is made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.anatomy.report.cards.cell import Cell, finite
from workflow_scripts.anatomy.report.cards.comparable import Comparison, comparable, compare
from workflow_scripts.anatomy.report.cards.identity import Who
from workflow_scripts.anatomy.report.cards.limits import limits
from workflow_scripts.anatomy.report.cards.lookup import Run, cells_of
from workflow_scripts.anatomy.report.cards.method import Method
from workflow_scripts.anatomy.report.cards.quantities import Quantity
from workflow_scripts.anatomy.report.cards.sentences import sentences

if TYPE_CHECKING:
    import pandas as pd

TOP = 5  # latents with the largest error contributions
LATENT_COLUMNS = ("density", "error_contribution", "error_lift", "ablation_gain")


@dataclass(frozen=True)
class Card:
    """All that a card says of one SAE.

    cells, comparisons: by the key of a quantity, in their order. others: the comparable SAEs. top: rows
    of the latents with the largest error contributions: latent, name, and for each of `LATENT_COLUMNS` a
    value, lo and hi. densities: (log10 of the lower edge, latents) of the histogram of densities. curve:
    (tokens, FVU) as it was trained. sentences, limits: by rule, plain text.
    """

    who: Who
    quantities: list[Quantity]
    cells: dict[str, Cell]
    comparisons: dict[str, Comparison | None]
    others: list[Who]
    method: Method
    top: list[dict[str, Any]]
    densities: list[tuple[float, int]]
    curve: list[tuple[float, float]]
    sentences: list[str]
    limits: list[str]

    def of_section(self, section: int) -> list[Quantity]:
        """The quantities of a section, in their order."""
        return [each for each in self.quantities if each.section == section]


def cards(
    quantities: list[Quantity],
    whos: Sequence[Who],
    run: Run,
    method: Method,
    latents: Mapping[str, str | Path],
) -> list[Card]:
    """The cards of all SAEs of a run.

    latents: slug of an SAE -> the table of its latents; read one at a time.
    """
    found = [_measured(quantities, who, run, latents.get(who.slug)) for who in whos]
    cells = [of_one for of_one, _ in found]
    l0s = [each["l0"].value if "l0" in each else None for each in cells]
    sites = [(who.model, who.site) for who in whos]
    made = []
    for at, who in enumerate(whos):
        near = comparable(l0s, sites, at)
        seeds = [i for i, other in enumerate(whos) if i != at and other.family == who.family]
        comparisons = {
            each.key: compare(
                each,
                cells[at][each.key],
                {other: cells[other][each.key] for other in near},
                [cells[other][each.key] for other in seeds],
            )
            for each in quantities
        }
        card = Card(
            who=who,
            quantities=quantities,
            cells=cells[at],
            comparisons=comparisons,
            others=[whos[other] for other in near],
            method=method,
            top=found[at][1],
            densities=list(_densities(run, who)),
            curve=list(_curve(run, who)),
            sentences=sentences(who, quantities, cells[at], comparisons),
            limits=limits(who, cells[at], method, len(seeds)),
        )
        made.append(card)
    return made


def _measured(
    quantities: list[Quantity], who: Who, run: Run, path: str | Path | None
) -> tuple[dict[str, Cell], list[dict[str, Any]]]:
    """The cells of an SAE and its top latents; the table of its latents is not kept."""
    if path is None:
        return cells_of(quantities, run, who, None), []
    from workflow_scripts.anatomy.base.tables import read_table

    table = read_table(path)
    return cells_of(quantities, run, who, table), list(_top(table))


def _top(table: "pd.DataFrame") -> Iterator[dict[str, Any]]:
    """The latents with the largest error contributions; none where errors were not taken apart."""
    known = table.dropna(subset=["error_contribution"])
    order = known.sort_values(["error_contribution", "latent"], ascending=[False, True])
    for _, row in order.head(TOP).iterrows():
        name = row.get("name")
        yield {
            "latent": int(row["latent"]),
            "name": name if isinstance(name, str) else "",
            **{
                f"{column}{end}": finite(row.get(f"{column}{end}"))
                for column in LATENT_COLUMNS
                for end in ("", "_lo", "_hi")
            },
        }


def _of_sae(run: Run, table: str, who: Who) -> "pd.DataFrame | None":
    """The rows about an SAE of the first paper that has such a table."""
    for (_, name), frame in run.tables.items():
        if name == table:
            meant = (frame["model"].astype(str) == who.model) & (frame["site"] == who.site)
            return frame[meant & (frame["sae"].astype(str) == who.sae)]
    return None


def _densities(run: Run, who: Who) -> Iterator[tuple[float, int]]:
    rows = _of_sae(run, "densities", who)
    if rows is not None:
        yield from zip(rows["log10_density"].astype(float), rows["count"].astype(int), strict=True)


def _curve(run: Run, who: Who) -> Iterator[tuple[float, float]]:
    rows = _of_sae(run, "training_curves", who)
    if rows is not None and "fvu" in rows:
        known = rows.dropna(subset=["fvu"])
        yield from zip(known["tokens"].astype(float), known["fvu"].astype(float), strict=True)
