"""What a card says of its SAE in pairs of a name and a text, the same in HTML and Markdown."""

from workflow_scripts.anatomy.report.cards.card import Card
from workflow_scripts.anatomy.report.cards.citation import workflow
from workflow_scripts.anatomy.report.cards.identity import Who, origin_of_threshold
from workflow_scripts.anatomy.report.cards.quantities import Quantity


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


def beside(card: Card, quantity: Quantity) -> str:
    """What a quantity is among those of comparable SAEs, or that there is nothing to compare."""
    cell, comparison = card.cells[quantity.key], card.comparisons[quantity.key]
    if comparison is not None and cell.value is not None:
        return comparison.words(quantity, cell.value)
    return "none of them measured so" if card.others else "none in this run"


def reproduce(card: Card) -> list[str]:
    """Commands that make the card's numbers anew."""
    return [
        "make run",
        'make run ARGS="cards"',
    ]


def where_from(card: Card) -> str:
    """Which run of which workflow the numbers are of, and what the commands need."""
    made_by = workflow()
    of = f" of the workflow {made_by.name}, version {made_by.version}" if made_by else ""
    found = f", from {made_by.place}" if made_by and made_by.place else ""
    return (
        f"The numbers are those of the run {card.method.run}{of}. In a copy of the workflow{found}, with the "
        "configuration of this run as its config.yaml, these commands make them again. The run's report shows the "
        "configuration."
    )


def how_to_cite(card: Card) -> list[str]:
    """What to cite: the workflow, the works that it reproduces, and the source of an SAE from elsewhere."""
    made_by = workflow()
    lines = [] if made_by is None else [f"The workflow: {made_by.reference}"]
    lines += [f"A work that it reproduces: {work}" for work in (made_by.works if made_by else ())]
    if card.who.block["kind"] != "trained":
        lines.append(f"The source of this SAE: {card.who.metadata.get('source')}")
    return lines
