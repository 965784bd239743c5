"""What a run found in one exhibit, in sentences that are written from its tables.

A finding rests on a claim: what is measured, and when it holds, is said once, so that the sentence below
a figure and the verdict in the table of claims cannot differ. Its words depend on the verdict.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.claims.claim import Claim, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED

TOO_LITTLE = "too little data"
VERDICTS = (HOLDS, FAILS, UNDECIDED, TOO_LITTLE)
# Digits of a number: two of half its interval, and no more than four of its own.
OF_INTERVAL, OF_VALUE, WITHOUT = 2, 4, 3
SENTENCES = 3


@dataclass(frozen=True)
class Said:
    """A sentence for each verdict of the claim, and what is said whichever it is."""

    holds: str
    fails: str
    undecided: str
    more: str = ""


@dataclass(frozen=True)
class Finding:
    """What a run found in one exhibit.

    point: the statement that is judged. verdict: one of `VERDICTS`. sentence: the result in one
    sentence, with its number and interval. more: further sentences, or none.
    """

    point: str
    verdict: str
    sentence: str
    more: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.sentence} {self.more}".strip()


def claim_of(claims: Sequence[Claim], name: str) -> Claim:
    """The claim of that id.

    Raises
    ------
    AnatomyError: there is none.
    """
    for claim in claims:
        if claim.id == name:
            return claim
    raise AnatomyError(f"no claim {name}, which a finding rests on")


def judged(
    claim: Claim, tables: Mapping[str, pd.DataFrame], say: Callable[[Measurement], Said]
) -> Finding:
    """The finding on a claim, whatever models it is about.

    Parameters
    ----------
    tables: by the names that the claim knows them by.
    say: the sentences about what was measured; it may raise NotTestable, too.
    """
    try:
        found = _measure(claim, tables)
        if math.isnan(found.value):
            raise NotTestable("they have no number for it")
        said = say(found)
    except NotTestable as reason:
        sentence = f"The tables of this run say too little about it: {reason}."
        return Finding(claim.statement, TOO_LITTLE, sentence)
    verdict = claim.rule.verdict(found.value, found.lo, found.hi)
    sentence = {HOLDS: said.holds, FAILS: said.fails, UNDECIDED: said.undecided}[verdict]
    return Finding(claim.statement, verdict, sentence, said.more)


def measurement_of(claim: Claim, tables: Mapping[str, pd.DataFrame]) -> Measurement:
    """What a claim measures, NaN where the tables cannot tell."""
    try:
        return _measure(claim, tables)
    except NotTestable:
        return Measurement(math.nan)


def written(found: Measurement, factor: float = 1.0, unit: str = "") -> str:
    """A number with its 95 % interval: ``0.0389 [0.0381, 0.0397]``, ``39 % [35, 43]``.

    factor: what it is multiplied with, 100 for per cent. What is not a number is written as a dash.
    """
    value, low, high = (factor * part for part in (found.value, found.lo, found.hi))
    low, high = sorted((low, high))
    if math.isnan(value):
        return "–"
    after = f" {unit}" if unit else ""
    if math.isnan(low) or math.isnan(high):
        return _digits(value, _decimals(value, math.nan)) + after
    largest = max((abs(part) for part in (value, low, high) if math.isfinite(part)), default=0.0)
    decimals = _decimals(largest, (high - low) / 2)
    ends = ", ".join(_digits(end, decimals) for end in (low, high))
    return f"{_digits(value, decimals)}{after} [{ends}]"


def estimate_in(row: "pd.Series | Mapping[str, Any]", column: str) -> Measurement:
    """A cell of a row with the ends of its interval, NaN where it has none."""
    ends = (f"{column}{end}" for end in ("", "_lo", "_hi"))
    return Measurement.of((float(row.get(end, math.nan)) for end in ends), "")


def extreme(table: pd.DataFrame, column: str, largest: bool) -> pd.Series:
    """The row with the smallest or the largest value of a column.

    Raises
    ------
    NotTestable: there is no value.
    """
    known = table[table[column].notna()]
    if known.empty:
        raise NotTestable(f"column {column} is empty")
    return known.loc[known[column].idxmax() if largest else known[column].idxmin()]


def as_rows(findings: Iterable[tuple[Mapping[str, Any], Finding]]) -> list[dict[str, str]]:
    """Findings as JSON has them; with each its exhibit, of which paper and name are taken over."""
    return [
        {"paper": about["paper"], "exhibit": about["name"], "text": finding.text, **asdict(finding)}
        for about, finding in findings
    ]


def of_run(
    findings: Sequence[tuple[str, Finding]], every: Sequence[tuple[str, str, Finding]] = ()
) -> list[str]:
    """Three sentences of a run: of each paper its first finding, the decided ones before the others.

    findings: paper and finding, the papers that matter most first. Papers come in turn, so one paper has
    several only where there are fewer than three. Fewer sentences where there are no more findings.
    every: paper, exhibit and finding of all exhibits. A sentence is about its exhibit's SAEs; where another
    exhibit judges the same point of the paper differently, the sentence says so.
    """
    ranks = {HOLDS: 0, FAILS: 0, UNDECIDED: 1, TOO_LITTLE: 2}
    turns: dict[str, int] = {}
    order = []
    for number, (paper, finding) in enumerate(findings):
        turns[paper] = turns.get(paper, -1) + 1
        rank = ranks[finding.verdict]
        order.append((rank == ranks[TOO_LITTLE], turns[paper], rank, number))
    chosen = sorted(number for *_, number in sorted(order)[:SENTENCES])
    return [_beside_others(*findings[number], every) for number in chosen]


def _beside_others(paper: str, finding: Finding, every: Sequence[tuple[str, str, Finding]]) -> str:
    """A finding's sentence, and in which exhibits of its paper the same point has another verdict."""
    otherwise: dict[str, list[str]] = {}
    for of_paper, exhibit, other in every:
        same = (of_paper, other.point) == (paper, finding.point)
        if same and other.verdict not in (finding.verdict, TOO_LITTLE):
            otherwise.setdefault(other.verdict, []).append(exhibit)
    if not otherwise or finding.verdict == TOO_LITTLE:
        return finding.sentence
    clauses = "".join(
        f"; the claim it tests {'is ' * (verdict == UNDECIDED)}{verdict} for the SAEs of {' and '.join(names)}"
        for verdict, names in otherwise.items()
    )
    return f"{finding.sentence.removesuffix('.')}{clauses}."


def _measure(claim: Claim, tables: Mapping[str, pd.DataFrame]) -> Measurement:
    """Of whatever models the tables are about; missing numbers are too little, not an error."""
    try:
        return claim.measure(Tables(tables, (), 0))
    except ValueError:
        # Least squares and whole numbers cannot be made of what is missing.
        if not any(table.isna().to_numpy().any() for table in tables.values()):
            raise
        raise NotTestable("numbers are missing from them") from None


def _decimals(value: float, half: float) -> int:
    """How many decimals a number is written with."""
    size = math.log10(abs(value)) if math.isfinite(value) and value else 0
    own = OF_VALUE - 1 - math.floor(size)
    if not math.isfinite(half) or half <= 0:
        return max(0, own - (OF_VALUE - WITHOUT))
    return max(0, min(own, OF_INTERVAL - 1 - math.floor(math.log10(half))))


def _digits(number: float, decimals: int) -> str:
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    text = f"{number:,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")
