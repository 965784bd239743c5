"""A card as one page of HTML: nothing is loaded, nothing runs, and text is only ever text."""

import base64
import hashlib
from functools import cache
from typing import Any
from urllib.parse import quote

from workflow_scripts.anatomy.report.cards.card import Card
from workflow_scripts.anatomy.report.cards.charts import bars, curve, strip
from workflow_scripts.anatomy.report.cards.identity import (
    loading,
    read_and_assumed,
)
from workflow_scripts.anatomy.report.cards.quantities import SECTIONS, Quantity
from workflow_scripts.anatomy.report.cards.shown import interval, number
from workflow_scripts.anatomy.report.cards.visible import spans, visible
from workflow_scripts.anatomy.report.cards.words import (
    about,
    beside,
    how_to_cite,
    not_measured,
    reproduce,
    where_from,
)
from workflow_scripts.anatomy.report.templating import TEMPLATES, template


def as_html(card: Card) -> str:
    """The page of a card: self-contained, light and dark, without script."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    who = card.who
    return _template().render(
        card=card,
        who=who,
        style=style,
        style_digest=digest,
        about=about(card),
        assumed=read_and_assumed(who),
        loading="\n".join(loading(who)),
        method=card.method.lines(who, card.cells),
        sections={key: [_row(card, each) for each in card.of_section(key)] for key in SECTIONS},
        titles=SECTIONS,
        unknown={key: not_measured(card, key) for key in SECTIONS},
        density_bars=bars(card.densities),
        curve=curve(card.curve) if len(card.curve) > 1 else None,
        top=[_latent(card, row) for row in card.top],
        where_from=where_from(card),
        reproduce=reproduce(card),
        cited=how_to_cite(card),
    )


def _row(card: Card, quantity: Quantity) -> dict[str, Any]:
    """A quantity as the template shows it."""
    cell, comparison = card.cells[quantity.key], card.comparisons[quantity.key]
    row: dict[str, Any] = {"quantity": quantity, "cell": cell, "words": "", "strip": None}
    if cell.value is None:
        return row
    digits = quantity.digits
    row |= {
        "value": number(cell.value, digits),
        "interval": interval(cell.value, cell.lo, cell.hi, digits),
        "n": f"{cell.n:,} {quantity.counted}" if cell.n and quantity.counted else "",
        "words": beside(card, quantity),
    }
    if comparison:
        ends = (cell.value, cell.lo, cell.hi)
        row["strip"] = strip(*ends, comparison.others, comparison.median)
        row["verdict"] = comparison.verdict
    return row


def _latent(card: Card, row: dict[str, Any]) -> dict[str, Any]:
    """One of the latents with the largest error contributions, numbers as text, and where the explorer has it."""
    who = card.who
    parts = (quote(part, safe="") for part in (who.site, who.sae))
    shown = {
        name: number(row[name], 3) if row[name] is not None else "not known"
        for name in ("density", "error_contribution", "error_lift", "ablation_gain")
    }
    link = f"../explorer.html#/latent/{'/'.join(parts)}/{row['latent']}"
    return {"latent": row["latent"], "name": row["name"], "link": link, **shown}


@cache
def _template() -> Any:
    """Read once for all cards of a run."""
    return template("card.html.j2", {"visible": visible, "spans": spans})


@cache
def _style() -> Any:
    """The style sheet as it stands in the page; its digest is what the page allows."""
    from markupsafe import Markup

    return Markup((TEMPLATES / "card.css").read_text(encoding="utf-8"))
