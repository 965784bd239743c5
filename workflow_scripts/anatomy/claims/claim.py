"""A claim of a paper, and its verdict from the tables of a run."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.claims.rule import Rule

NOT_TESTABLE = "not testable here"


class NotTestable(Exception):
    """The tables of this run cannot decide a claim; the message says why."""


class Tables(Mapping[str, pd.DataFrame]):
    """The tables of one paper as one claim sees them.

    tables: by name, as `tables.read_table` reads them.
    models: names of models; where given, rows of other models are left out, and tables that name no
        model count only if the run has no other model.
    seed: for measures that resample.

    `read` names the tables that were looked at, in order; `models_read` the wanted models among them.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame], models: tuple[str, ...], seed: int):
        self.tables, self.models, self.seed = tables, models, seed
        self.read: list[str] = []
        self.models_read: set[str] = set()
        self.wanted: set[str] = set()
        self.others: set[str] = set()
        if models:
            columns = [table["model"].unique() for table in tables.values() if "model" in table]
            named = {str(name) for column in columns for name in column}
            self.wanted = {name for name in named if name.lower() in models}
            self.others = named - self.wanted
            if not self.wanted:
                raise NotTestable(_needs(models))

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A table; NotTestable where this run has not got it, or no row of the wanted models."""
        if name not in self.tables:
            raise NotTestable(f"table {name} is not in this run")
        table = self.tables[name]
        if self.models and "model" in table:
            table = table[table["model"].isin(self.wanted)]
            self.models_read |= set(table["model"])
        elif self.models and self.others:
            raise NotTestable(f"table {name} does not say which model it is about")
        if table.empty:
            raise NotTestable(f"table {name} has no rows{' of these models' * bool(self.models)}")
        if name not in self.read:
            self.read.append(name)
        return table.reset_index(drop=True)

    def __contains__(self, name: object) -> bool:
        return name in self.tables

    def __iter__(self):
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


@dataclass(frozen=True)
class Measurement:
    """A number from tables.

    lo, hi: ends of its 95 % interval, NaN where there is none; `over` says what the interval covers
    (documents, SAEs, ...). `detail`: further numbers for the note.
    """

    value: float
    lo: float = math.nan
    hi: float = math.nan
    over: str = ""
    detail: str = ""

    @classmethod
    def of(cls, parts: Iterable[float], over: str) -> "Measurement":
        """From value, lower and upper end."""
        value, lo, hi = (float(part) for part in parts)
        return cls(value, lo, hi, over)


@dataclass(frozen=True)
class Measure:
    """What is measured, in words, and the function that measures it."""

    text: str
    function: Callable[[Tables], Measurement]

    def __call__(self, tables: Tables) -> Measurement:
        return self.function(tables)


@dataclass(frozen=True)
class Claim:
    """One quantitative or directional claim of a paper.

    Parameters
    ----------
    id: unique within its paper.
    where: place in the text.
    statement: what is claimed, in our words.
    paper_value: the paper's number or direction, as text.
    measure, rule: the claim holds where the measurement satisfies the rule.
    models: names of the models that the claim is about, any of them; empty for all models.
    note: what a reader should know; a function where it computes numbers of its own.
    """

    id: str
    where: str
    statement: str
    paper_value: str
    measure: Measure
    rule: Rule
    models: tuple[str, ...] = ()
    note: str | Callable[[], str] = ""

    @property
    def rule_text(self) -> str:
        """The criterion as a sentence."""
        return f"{self.measure.text} is {self.rule.text}"


def evaluate(claim: Claim, tables: Mapping[str, pd.DataFrame], seed: int) -> dict[str, Any]:
    """Measure a claim and judge it: one row of `claims.csv`.

    Parameters
    ----------
    tables: name of a row of the registry -> table.
    seed: for measures that resample.

    Returns
    -------
    claim, where, statement, paper_value, measured, measured_lo, measured_hi, rule, verdict, note,
    interval (what it covers) and tables (what was read); measured is NaN where not testable.

    Raises
    ------
    AnatomyError: a table lacks a column that the claim needs, or the claim has read no table.
    """
    read: list[str] = []
    measured_on: set[str] = set()
    try:
        view = Tables(tables, claim.models, seed)
        read, measured_on = view.read, view.models_read
        found = claim.measure(view)
        if math.isnan(found.value):
            raise NotTestable(f"{', '.join(read)} has no number for it")
        if not read:
            raise AnatomyError(f"claim {claim.id} measures without a table; let it read one")
        verdict = claim.rule.verdict(found.value, found.lo, found.hi)
    except NotTestable as reason:
        found = Measurement(math.nan)
        verdict = f"{NOT_TESTABLE} ({reason})"
    except KeyError as missing:
        raise AnatomyError(
            f"claim {claim.id}: no column {missing} in table {', '.join(read)}; "
            "bring the table and claims/ together"
        ) from missing
    note = claim.note if isinstance(claim.note, str) else claim.note()
    models = ", ".join(sorted(measured_on)) if not math.isnan(found.value) else ""
    where = f"measured on {models}" if models else ""
    return {
        "claim": claim.id,
        "where": claim.where,
        "statement": claim.statement,
        "paper_value": claim.paper_value,
        "measured": found.value,
        "measured_lo": found.lo,
        "measured_hi": found.hi,
        "rule": claim.rule_text,
        "verdict": verdict,
        "note": "; ".join(part for part in (where, found.detail, note) if part),
        "interval": found.over if not math.isnan(found.lo) else "",
        "tables": " ".join(read),
    }


def _needs(models: tuple[str, ...]) -> str:
    names = " or ".join(models)
    return f"needs {names}; {'preset' if len(models) == 1 else 'presets'} {', '.join(models)}"
