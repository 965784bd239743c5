"""The index of a run's SAEs, saes.csv: a row for each, with every quantity of the cards."""

from typing import TYPE_CHECKING, Any

from workflow_scripts.anatomy.report.cards.card import Card

if TYPE_CHECKING:
    import pandas as pd

# What a spreadsheet takes for the start of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """A text that no spreadsheet computes: with an apostrophe before what would start a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def index(cards: list[Card]) -> "pd.DataFrame":
    """The rows of saes.csv, in the order of the cards.

    Columns: model, site, sae, slug, architecture, width, nominal_l0, seed; then of every
    quantity <key>, and <key>_lo and <key>_hi where an SAE has an interval. What was not measured is empty;
    the cards say why.
    """
    import pandas as pd

    keys = [each.key for each in cards[0].quantities] if cards else []
    spans = [key for key in keys if any(card.cells[key].has_interval for card in cards)]
    rows: list[dict[str, Any]] = []
    for card in cards:
        who = card.who
        row: dict[str, Any] = {
            "model": harmless(who.model),
            "site": harmless(who.site),
            "sae": harmless(who.sae),
            "slug": who.slug,
            "architecture": harmless(who.architecture),
            "width": who.width,
            "nominal_l0": who.block["nominal_l0"],
            "seed": who.metadata.get("seed"),
        }
        for key in keys:
            cell = card.cells[key]
            row[key] = cell.value
            if key in spans:
                row |= {f"{key}_lo": cell.lo, f"{key}_hi": cell.hi}
        rows.append(row)
    return pd.DataFrame(rows)
