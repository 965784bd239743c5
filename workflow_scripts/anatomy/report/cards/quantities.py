"""The quantities of the cards: one list, read from the papers, drives cards, index, explorer and tests."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean

# Sections of a card that consist of quantities.
SECTIONS = {
    4: "Sparsity and reconstruction",
    5: "What the error is made of",
    6: "Effect on the model",
    7: "Latents",
    8: "Among its siblings",
}
BETTER = ("lower", "higher", "none")
AGGREGATES = ("", "mean", "max", "min", "count", "share_below_zero")
# Not an exhibit: the table of an SAE's own latents, one row a latent.
LATENTS = "latents"


@dataclass(frozen=True)
class Source:
    """One place where a quantity may stand.

    table: an exhibit's table of the quantity's paper, or `LATENTS`. column: its value; `<column>_lo` and
    `<column>_hi` beside it are its interval. where: values that other columns have in the rows meant; a
    text that begins with < or > compares. sae: the column that names the SAE; empty where a row is about a
    site, and then `among` names a table that has to have the SAE. aggregate: what is made of several rows
    (`AGGREGATES`; none: one row is meant). over: a column that the value is divided by. n: the column with
    the number of what was counted; of aggregates it is the number of rows, of counts that of the SAE's rows
    counted or not. note: what sets this place apart, after "measured".
    """

    table: str
    column: str
    where: Mapping[str, Any]
    sae: str = "sae"
    among: str = ""
    aggregate: str = ""
    over: str = ""
    n: str = ""
    note: str = ""


@dataclass(frozen=True)
class Quantity:
    """One row of a card.

    key: its name in JSON and csv. section: of `SECTIONS`; order: its place there, smaller ones first, of
    equals in the order of the papers. sentence: what the number means. unit: empty
    for a pure number. better: which direction is. digits: significant ones that are shown, 0 for whole
    numbers. counted: what n is the number of. needs: what has to be in the configuration where it is not
    measured. sources: the first that has the SAE counts. difference: keys of two quantities, where it is
    the first less the second; above: keys of two, of which the first's interval has to lie above the
    second's, or else `unless` is the reason why there is no number.
    """

    key: str
    section: int
    label: str
    sentence: str
    paper: str
    needs: str
    unit: str = ""
    better: str = "none"
    digits: int = 3
    counted: str = ""
    sources: tuple[Source, ...] = ()
    difference: tuple[str, str] | None = None
    above: tuple[str, str] | None = None
    unless: str = ""
    order: int = 0

    def plain(self) -> dict[str, Any]:
        """Everything as JSON knows it; `quantity` brings it back."""
        return asdict(self)


def quantity(block: Mapping[str, Any]) -> Quantity:
    """What `Quantity.plain` gave."""
    pairs = {name: tuple(block[name]) if block[name] else None for name in ("difference", "above")}
    sources = tuple(Source(**source) for source in block["sources"])
    return Quantity(**{**block, **pairs, "sources": sources})


def read_quantities(path: Path, paper: str) -> list[Quantity]:
    """The quantities of a paper's `card.yaml`, in its order; none where there is no such file.

    In the file, `table`, `where`, `column` and so on stand beside the key; further sources are a list
    `otherwise`.

    Raises
    ------
    AnatomyError: an unknown key, section, direction or aggregate, or a key that is missing.
    """
    if not path.is_file():
        return []
    return [_read(block, paper, f"{path}") for block in yaml.safe_load(path.read_text())]


def check(quantities: Iterable[Quantity]) -> list[Quantity]:
    """The quantities of all papers, in the order of their sections.

    Raises
    ------
    AnatomyError: two have one key, or a difference is of one that there is not.
    """
    found: dict[str, Quantity] = {}
    for each in quantities:
        if each.key in found:
            raise AnatomyError(
                f"card.yaml of {each.paper}: {each.key} is a quantity of {found[each.key].paper} already; "
                "give it another key"
            )
        found[each.key] = each
    for each in found.values():
        for key in (*(each.difference or ()), *(each.above or ())):
            if key not in found:
                raise AnatomyError(
                    f"card.yaml of {each.paper}: {each.key} is made of {key}, which is no quantity"
                    f"{did_you_mean(key, found)}"
                )
    return sorted(found.values(), key=lambda each: (each.section, each.order))


def _read(block: dict[str, Any], paper: str, where: str) -> Quantity:
    of_source = {field.name for field in fields(Source)}
    own = {name: block[name] for name in block if name not in of_source | {"otherwise"}}
    places = [
        {name: block[name] for name in block if name in of_source},
        *block.get("otherwise", ()),
    ]
    try:
        # Others in `otherwise` say only in what they differ.
        sources = tuple(Source(**{"where": {}} | places[0] | p) for p in places if "table" in p)
        made = Quantity(**{"paper": paper, "needs": paper} | own, sources=sources)
    except TypeError as error:
        raise AnatomyError(f"{where}: {block.get('key', block)}: {error}") from None
    made = quantity(made.plain())
    wrong = [
        (made.section not in SECTIONS, f"section {made.section} is none of {list(SECTIONS)}"),
        (made.better not in BETTER, f"better is {made.better}, none of {', '.join(BETTER)}"),
        (not made.sources and not made.difference, "neither a table nor a difference"),
        *(
            (s.aggregate not in AGGREGATES, f"aggregate {s.aggregate} is none of {AGGREGATES[1:]}")
            for s in sources
        ),
    ]
    for is_wrong, what in wrong:
        if is_wrong:
            raise AnatomyError(f"{where}: {made.key}: {what}")
    return made
