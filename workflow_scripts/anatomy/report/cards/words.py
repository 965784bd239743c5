"""What a card says of its SAE in pairs of a name and a text, the same in HTML and Markdown."""

from workflow_scripts.anatomy.report.cards.card import Card
from workflow_scripts.anatomy.report.cards.identity import Who, origin_of_threshold


def model_words(who: Who) -> str:
    """The model, and the revision where it is from elsewhere."""
    about = who.model_about
    if about.get("kind") == "train":
        return f"{who.model}, trained in this run ({about['parameters']:,} parameters)"
    path = str(about.get("path"))
    named = who.model if path == who.model else f"{who.model} ({path})"
    revision = about.get("revision")
    return f"{named}, revision {revision}" if revision else f"{named}, revision not recorded"


def about(card: Card) -> list[tuple[str, str]]:
    """Identity: a name and a text each."""
    who = card.who
    block, text = who.block, card.method.training_text(who)
    pairs = [
        ("Model", model_words(who)),
        ("Hook point", who.site),
        ("Architecture", who.architecture_label),
        ("Latents", f"{who.width:,}"),
        ("Dimensions", f"{who.d:,}"),
        ("Number format", who.dtype),
        ("Threshold", origin_of_threshold(who)),
    ]
    if who.block["kind"] == "trained":
        training = block["training"]
        rate = training["learning_rate"]
        rates = " or ".join(f"{each:g}" for each in (rate if isinstance(rate, list) else [rate]))
        pairs += [
            ("Source", "trained in this run"),
            (
                "Trained on",
                f"{training['tokens']:,} tokens of {text}, batches of {training['batch_size']:,}, "
                f"learning rate {rates}",
            ),
            ("Seed", str(who.metadata.get("seed"))),
        ]
    else:
        pairs += [
            ("Source", f"{block['kind']}: {who.metadata.get('source')}"),
            ("Trained on", "not known here"),
        ]
    aim = block["nominal_l0"]
    pairs.append(("Nominal L0", f"{aim:g}" if aim is not None else "none"))
    licence = "not set: it is yours" if block["kind"] == "trained" else "see its source"
    pairs.append(("Licence", licence))
    return pairs


def not_measured(card: Card, section: int) -> list[tuple[list[str], str]]:
    """The quantities of a section that have no number: labels, and the reason that they have in common."""
    found: dict[str, list[str]] = {}
    for each in card.of_section(section):
        if not card.cells[each.key].known:
            found.setdefault(card.cells[each.key].reason, []).append(each.label)
    return [(labels, reason) for reason, labels in found.items()]


def reproduce(card: Card) -> list[str]:
    """Commands that make the card's numbers anew."""
    return [
        "make run",
        'make run ARGS="cards"',
    ]
