"""A card as JSON, for programs: every number with its interval, its source, or the reason why there is none."""

from typing import Any

from workflow_scripts.anatomy.report.cards.card import Card
from workflow_scripts.anatomy.report.cards.identity import (
    loading,
    origin_of_threshold,
    read_and_assumed,
)

SCHEMA = 1


def as_json(card: Card) -> dict[str, Any]:
    """What `<slug>.json` has; docs/cards.md says what its keys are."""
    who = card.who
    quantities = {}
    for each in card.quantities:
        comparison = card.comparisons[each.key]
        quantities[each.key] = {
            "section": each.section,
            "label": each.label,
            "sentence": each.sentence,
            "unit": each.unit or None,
            "better": each.better,
            "digits": each.digits,
            "counted": each.counted or None,
            **card.cells[each.key].plain(),
            "comparable": comparison.plain() if comparison else None,
        }
    return {
        "schema": SCHEMA,
        "run": card.method.run,
        "slug": who.slug,
        "model": who.model,
        "site": who.site,
        "sae": who.sae,
        "identity": identity(card),
        "sentences": card.sentences,
        "method": dict(card.method.lines(who, card.cells)),
        "quantities": quantities,
        "comparable": [other.slug for other in card.others],
        "largest_error_contributions": card.top,
        "densities": [{"log10_density": low, "count": count} for low, count in card.densities],
        "training_curve": [{"tokens": tokens, "fvu": fvu} for tokens, fvu in card.curve],
        "limits": card.limits,
    }


def identity(card: Card) -> dict[str, Any]:
    """What the SAE is; unknown fields are None."""
    who = card.who
    block = who.block
    model = who.model_about
    return {
        "model_path": model.get("path"),
        "model_revision": model.get("revision"),
        "model_kind": model.get("kind"),
        "architecture": who.architecture,
        "width": who.width,
        "d": who.d,
        "dtype": who.dtype,
        "activation": who.about["activation"],
        "k": who.about["k"],
        "threshold": origin_of_threshold(who),
        "nominal_l0": block["nominal_l0"],
        "seed": who.metadata.get("seed"),
        "kind": block["kind"],
        "source": who.metadata.get("source"),
        "training_text": card.method.training_text(who),
        "training": block.get("training"),
        "center": who.about["center"],
        "input_scale": who.about["input_scale"],
        "normalisation": who.about.get("normalisation", "none"),
        "license": None,
        "read_and_assumed": read_and_assumed(who),
        "loading": loading(who),
        "sha256": who.digest,
    }
