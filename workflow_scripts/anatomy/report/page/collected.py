"""What the page shows, read from what a run wrote: figures with findings, claims, SAEs."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, Measurement
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED, Rule
from workflow_scripts.anatomy.report.page.findings import estimate_in, written
from workflow_scripts.anatomy.report.page.strip import Strip, strip

# In the order of the page, each with the word of a class of the style sheet.
KINDS = {HOLDS: "holds", FAILS: "fails", UNDECIDED: "undecided", NOT_TESTABLE: "untested"}
NUMBERED = {"fig": "Figure", "table": "Table", "appendix_": "Appendix", "sec": "Section"}
ABBREVIATIONS = ("kl", "ce", "sae", "mcq")
FEW_ROWS, FEW_COLUMNS, FEW_LETTERS = 4, 4, 60
# Columns of the table of SAEs, those of them that this run has; the cards have all.
OF_SAES = (
    *("l0", "fvu", "fvu_nonlinear", "error_r2", "celr_zero", "ce_recovered", "kl", "pathology"),
    *("dead_share", "novel_share", "explanation_score"),
)


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict. kind: of `KINDS`. places: names of the tables that it was measured on."""

    key: str
    paper: str
    claim: str
    where: str
    statement: str
    paper_value: str
    kind: str
    measured: str
    over: str
    criterion: str
    measure: str
    reason: str
    note: str
    tables: tuple[str, ...]
    strip: Strip | None
    order: float


@dataclass(frozen=True)
class Shown:
    """An exhibit: its files as paths from the report's folder, what was found in it, and its claims.

    picture: of the report's own; empty for what is a table. cells: the first rows of one.
    """

    paper: str
    name: str
    title: str
    caption: str
    headline: bool
    tables: tuple[str, ...]
    pdf: str = ""
    page: str = ""
    picture: str = ""
    size: tuple[int, int] = (0, 0)
    finding: Mapping[str, str] | None = None
    claims: tuple[Judged, ...] = ()
    head: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Kind and number of the claims that read its tables, those that there are."""
        return counts_of(self.claims)


@dataclass(frozen=True)
class Cell:
    """What a cell of the table of SAEs shows, and the number that it is sorted by (NaN: none)."""

    text: str
    ends: str
    number: float


@dataclass(frozen=True)
class SaeRow:
    """An SAE with its card, a path from the report's folder."""

    name: str
    model: str
    site: str
    architecture: str
    width: str
    card: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SaeTable:
    """The SAEs of a run. columns: label and sentence of each quantity that is shown."""

    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[SaeRow] = field(default_factory=list)


def title_of(exhibit: str) -> str:
    """How a paper calls an exhibit: ``Figure 9a``, ``Table 2``, ``Appendix A.1``, ``Section 5.2``."""
    for start, word in NUMBERED.items():
        if match := re.fullmatch(rf"{start}(\d\w*|[a-z]\d*)", exhibit):
            number = match[1].replace("_", ".")
            # Letters come first in appendices alone: A.1.
            letter = re.sub(
                r"^([a-z])(\d?)", lambda m: m[1].upper() + "." * bool(m[2]) + m[2], number
            )
            return f"{word} {letter}"
    words = [part.upper() if part in ABBREVIATIONS else part for part in exhibit.split("_")]
    words[0] = words[0][:1].upper() + words[0][1:]
    return " ".join(words)


def judged_claims(
    claims: pd.DataFrame, rules: Mapping[tuple[str, str], tuple[Rule, str]]
) -> list[Judged]:
    """The rows of claims.csv in their order, those that could not be tested last.

    rules: of (paper, claim) the rule and the words of the measure; a claim without them is shown with
    its rule as it stands in the table, and without a strip.
    """
    found = []
    for row in claims.to_dict("records"):
        rule, measure = rules.get((row["paper"], row["claim"]), (None, ""))
        number = estimate_in(row, "measured")
        verdict = str(row["verdict"])
        untested = verdict.startswith(NOT_TESTABLE)
        ends = (rule.low, rule.high) if rule else (math.nan, math.nan)
        found.append(
            Judged(
                key=f"claim-{row['paper']}-{row['claim']}",
                paper=row["paper"],
                claim=row["claim"],
                where=_text(row["where"]),
                statement=_text(row["statement"]),
                paper_value=_text(row["paper_value"]),
                kind=NOT_TESTABLE if untested else verdict,
                measured="" if untested else written(number),
                over=_text(row["interval"]),
                criterion=rule.text if rule else _text(row["rule"]),
                measure=measure,
                reason=verdict.removeprefix(NOT_TESTABLE).strip(" ()") if untested else "",
                note=_text(row["note"]),
                tables=tuple(_text(row["tables"]).split()),
                strip=strip(number.value, number.lo, number.hi, *ends) if rule else None,
                order=number.value,
            )
        )
    return sorted(found, key=lambda each: each.kind == NOT_TESTABLE)


def counts_of(claims: Iterable[Judged]) -> list[tuple[str, int]]:
    """Kind and number of claims, in the order of `KINDS`, without those that there are none of."""
    kinds = [claim.kind for claim in claims]
    return [(kind, kinds.count(kind)) for kind in KINDS if kind in kinds]


def exhibits_shown(
    exhibits: Sequence[Mapping[str, Any]],
    findings: Mapping[tuple[str, str], Mapping[str, str]],
    claims: Sequence[Judged],
    pictures: Mapping[tuple[str, str], tuple[str, tuple[int, int]]],
    run: str | Path,
) -> list[Shown]:
    """The exhibits of a run in their order.

    Parameters
    ----------
    exhibits: fields of `setup.exhibits.Exhibit`, and `paper`.
    findings, pictures: by paper and exhibit; of a picture its path from the report's folder and its size.
    run: the folder of the run, for what is a table.
    """
    found = []
    for about in exhibits:
        paper, name = about["paper"], about["name"]
        of_tables = [
            each
            for each in claims
            if each.paper == paper and set(each.tables) & set(about["tables"])
        ]
        head, cells = _first_rows(Path(run), paper, about) if about["rendered"] else ((), ())
        picture, size = pictures.get((paper, name), ("", (0, 0)))
        found.append(
            Shown(
                paper,
                name,
                title_of(name),
                about["caption"].replace("R^2", "R²"),
                about["headline"],
                tuple(f"../tables/{paper}/{table}.csv" for table in about["tables"]),
                "" if about["rendered"] else f"../figures/{paper}/{name}.pdf",
                f"../tables/{paper}/{name}.md" if about["rendered"] else "",
                picture,
                size,
                findings.get((paper, name)),
                tuple(of_tables),
                head,
                cells,
            )
        )
    return found


def anchors_of(shown: Iterable[Shown]) -> dict[tuple[str, str], str]:
    """Of every table the place on the page of the first exhibit that shows it."""
    found: dict[tuple[str, str], str] = {}
    for each in shown:
        for table in each.tables:
            found.setdefault((each.paper, Path(table).stem), f"figure-{each.paper}-{each.name}")
    return found


def sae_table(saes: pd.DataFrame, quantities: Sequence[Mapping[str, Any]]) -> SaeTable:
    """The rows of saes.csv with those of the quantities in `OF_SAES` that some SAE has.

    quantities: key, label and sentence of each column of numbers.
    """
    about = {each["key"]: each for each in quantities}
    keys = [key for key in OF_SAES if key in about and key in saes and saes[key].notna().any()]
    rows = []
    for row in saes.to_dict("records"):
        numbers = [estimate_in(row, key) for key in keys]
        rows.append(
            SaeRow(
                name=_text(row["sae"]),
                model=_text(row["model"]),
                site=_text(row["site"]),
                architecture=_text(row["architecture"]),
                width=f"{int(row['width']):,}" if row["width"] == row["width"] else "",
                card=f"cards/{row['slug']}.html",
                cells=tuple(_cell(number) for number in numbers),
            )
        )
    return SaeTable([(about[key]["label"], about[key]["sentence"]) for key in keys], rows)


def _cell(number: Measurement) -> Cell:
    text = written(number)
    value, _, ends = text.partition(" [")
    return Cell(value, f"[{ends}" if ends else "", number.value)


def _first_rows(
    run: Path, paper: str, about: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Head and first rows of a table, as it is rendered."""
    from workflow_scripts.anatomy.base.tables import read_table

    table = read_table(run / "tables" / paper / f"{about['name']}.csv")
    columns = dict(list((about["columns"] or {name: name for name in table}).items())[:FEW_COLUMNS])
    table = table[list(columns)].head(FEW_ROWS)
    rows = [tuple(_short(value) for value in row) for row in table.itertuples(index=False)]
    return tuple(columns.values()), tuple(rows)


def _short(value: object) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else _text(value)
    return text if len(text) <= FEW_LETTERS else text[: FEW_LETTERS - 1] + "…"


def _text(value: object) -> str:
    """A field of a csv file as text; a missing one is empty."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value).replace("R^2", "R²")
