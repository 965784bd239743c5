"""The table of claims as a page of Markdown, grouped by verdict."""

import math

import pandas as pd

from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED

HEADINGS = {
    HOLDS: "Holds",
    FAILS: "Does not hold",
    UNDECIDED: "Undecided: the 95 % interval reaches across the limit",
    NOT_TESTABLE: "Not testable here",
}


def page(claims: pd.DataFrame) -> str:
    """Markdown with one table for each verdict; `claims` is what goes to claims.csv."""
    kind = claims["verdict"].where(
        ~claims["verdict"].str.startswith(NOT_TESTABLE), other=NOT_TESTABLE
    )
    counts = [f"{(kind == verdict).sum()} {verdict}" for verdict in HEADINGS]
    parts = ["# Claims", "", f"{len(claims)} claims: {', '.join(counts)}.", ""]
    for verdict, heading in HEADINGS.items():
        rows = claims[kind == verdict]
        if rows.empty:
            continue
        last = "reason" if verdict == NOT_TESTABLE else "note"
        names = ["claim", "where", "statement", "paper", "measured", "criterion", last]
        parts += [f"## {heading}", "", markdown_line(names), markdown_line(["---"] * len(names))]
        parts += [markdown_line(_cells(row, verdict)) for row in rows.to_dict("records")]
        parts.append("")
    return "\n".join(parts)


def _cells(row: dict, verdict: str) -> list[str]:
    if verdict == NOT_TESTABLE:
        remark = row["verdict"].removeprefix(NOT_TESTABLE).strip(" ()")
        measured = ""
    else:
        remark, measured = row["note"], _number(row)
    name = f"{row['paper']}: {row['claim']}"
    return [name, row["where"], row["statement"], row["paper_value"], measured, row["rule"], remark]


def _number(row: dict) -> str:
    value, low, high = (row[name] for name in ("measured", "measured_lo", "measured_hi"))
    if math.isnan(low):
        return f"{value:.4g} (no interval)"
    return f"{value:.4g} [{low:.4g}, {high:.4g}] over {row['interval']}"


def markdown_line(cells: list[str]) -> str:
    """A row of a table of Markdown."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
