"""What the explorer says of the run, its SAEs and its claims: headers without columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workflow_scripts.anatomy.report.shards.shard import FORMAT, Shard

if TYPE_CHECKING:
    import pandas as pd

OF_QUANTITY = ("key", "label", "sentence", "unit", "better", "digits")
FINDINGS = 3
# Columns of claims.csv under the names that the page has for them.
OF_CLAIM = {"text": "statement", "criterion": "rule", "reason": "note"}


def saes_of(
    written: Sequence[Mapping[str, Any]],
    cards: Sequence[Mapping[str, Any]],
    metas: Sequence[Mapping[str, Any]] = (),
) -> Shard:
    """The file ``saes``: what was written of each SAE, and the numbers of its card; then meta-SAEs."""
    rows = [{**about, **_cells(card)} for about, card in zip(written, cards, strict=True)]
    return Shard("saes", {"saes": [*rows, *map(dict, metas)]})


def _cells(card: Mapping[str, Any]) -> dict[str, Any]:
    quantities = card["quantities"].items()
    cells = {
        key: None if each["value"] is None else [each["value"], each["lo"], each["hi"]]
        for key, each in quantities
    }
    missing = {key: each["reason"] or "" for key, each in quantities if each["value"] is None}
    return {"cells": cells, "missing": missing}


def quantities_of(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The quantities of the cards, each once, in the order of the cards."""
    found: dict[str, dict[str, Any]] = {}
    for card in cards:
        for key, each in card["quantities"].items():
            found.setdefault(key, {name: {"key": key, **each}[name] for name in OF_QUANTITY})
    return list(found.values())


def claims_of(table: "pd.DataFrame | None") -> Shard:
    """The file ``claims``: a row of `claims.csv` each; empty without one."""
    rows = [] if table is None else table.to_dict("records")
    claims = []
    for row in rows:
        plain = {str(key): _plain(value) for key, value in row.items()}
        named = {name: plain[source] for name, source in OF_CLAIM.items() if source in plain}
        claims.append({**plain, **named, "id": f"{plain['paper']}/{plain['claim']}"})
    return Shard("claims", {"claims": claims})


def _plain(value: Any) -> Any:
    """A cell of a table as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def main_site(saes: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    """The site with most SAEs, the first of equals."""
    counts = Counter((sae["model"], sae["site"]) for sae in saes)
    if not counts:
        return None
    (model, site), _ = counts.most_common(1)[0]
    return {"model": model, "site": site}


def largest_error(
    saes: Sequence[Mapping[str, Any]], tables: Sequence["pd.DataFrame"]
) -> dict[str, Any] | None:
    """The latent with the largest error contribution, the first of equals, of SAEs whose error was taken apart
    where there are any, which have most to show; None without any."""
    best: dict[str, Any] | None = None
    apart = any(sae.get("decomposed") for sae in saes)
    for sae, table in zip(saes, tables, strict=True):
        if apart and not sae.get("decomposed"):
            continue
        known = table[(table["firings"] > 0) & table["error_contribution"].notna()]
        if known.empty:
            continue
        row = known.loc[known["error_contribution"].idxmax()]
        if best is None or row["error_contribution"] > best["error_contribution"]:
            names = ("density", "error_contribution", "error_lift")
            best = {"sae": sae["slug"], "latent": int(row["latent"])}
            best |= {name: _plain(float(row[name])) for name in names}
    return best


def run_of(
    name: str,
    models: Sequence[Mapping[str, Any]],
    text: Sequence[str],
    harvest: Mapping[str, Mapping[str, Any]],
    findings: Sequence[str],
    saes: Sequence[Mapping[str, Any]],
    tables: Sequence["pd.DataFrame"],
    quantities: Sequence[Mapping[str, Any]],
    columns: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> Shard:
    """The file ``run``."""
    header = {
        "format": FORMAT,
        "name": name,
        "models": list(models),
        "text": list(text),
        "harvest": dict(harvest),
        "findings": list(findings)[:FINDINGS],
        "main": main_site(saes),
        "doors": {"largest_error": largest_error(saes, tables)},
        "quantities": list(quantities),
        "columns": list(columns),
        "settings": dict(settings),
    }
    return Shard("run", header)


def model_of(slug: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """A model, from its `model.json`."""
    return {
        "name": about["name"],
        "slug": slug,
        "d": about["d_model"],
        "layers": about["n_layers"],
        "vocabulary": about["vocabulary"],
        "context_length": about["context_length"],
    }
