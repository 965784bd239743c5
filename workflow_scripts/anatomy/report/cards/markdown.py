"""A card as Markdown with YAML front matter, as a README beside an SAE on a hub."""

import re
from typing import Any

import yaml

from workflow_scripts.anatomy.report.cards.card import Card
from workflow_scripts.anatomy.report.cards.identity import (
    loading,
    read_and_assumed,
)
from workflow_scripts.anatomy.report.cards.quantities import SECTIONS
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

# What Markdown, or the HTML in it, takes for its own.
# Within words, _ is itself.
SPECIAL = re.compile(
    r"([\\`*{}\[\]<>#|~!$&@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.|^[+=-]|(?<=^\d)[.)](?=\s|$))",
    re.IGNORECASE,
)
LONGEST = 2000
# Numbers that a hub lists, by the key of their quantity.
RESULTS = ("l0", "fvu", "celr_zero", "kl")


def escaped(text: object) -> str:
    """A text that Markdown shows as it is, on one line, in a table too."""
    return SPECIAL.sub(r"\\\1", visible(str(text), LONGEST))


def with_code(text: str) -> str:
    """A text of our own in which backticks set off code."""
    return "".join(
        f"`{visible(part)}`" if code else escaped(part) if part.strip() else part
        for code, part in spans(text)
    )


def as_markdown(card: Card) -> str:
    """The card as Markdown: front matter, then its sections, with tables and without images."""
    who = card.who
    parts = [
        f"---\n{_yaml(front_matter(card))}---",
        f"# {escaped(who.sae)}",
        escaped(
            f"A sparse autoencoder ({who.architecture_label}, {who.width:,} latents) of {who.site} in "
            f"{who.model}"
        ),
        "## 1. Identity",
        _pairs(about(card)),
        _items(read_and_assumed(who)),
        _code("python", loading(who)),
        "## 2. In three sentences",
        *map(escaped, card.sentences),
        "## 3. How measured",
        _pairs(card.method.lines(who, card.cells)),
        escaped(
            "Comparable SAEs, with the same model and hook point and an L0 within a quarter of this one's: "
            + (", ".join(visible(other.sae) for other in card.others) or "none in this run")
        ),
    ]
    for section, title in SECTIONS.items():
        parts += [f"## {section}. {title}", *_quantities(card, section)]
        if section == 7:
            parts += _latents(card)
    parts += [
        "## 9. Training curve",
        escaped(_curve(card)),
        "## 10. Known limits",
        _items(card.limits) if card.limits else "No rule for known limits applies\\.",
        "## 11. Cite and reproduce",
        escaped(where_from(card)),
        _code("console", reproduce(card)),
    ]
    if cited := how_to_cite(card):
        parts += ["Please cite:", _items(cited)]
    return "\n\n".join(parts) + "\n"


def front_matter(card: Card) -> dict[str, Any]:
    """What a hub reads; what is not known is left out, and a licence is never guessed."""
    who = card.who
    found: dict[str, Any] = {}
    if who.block["kind"] in ("trained", "pretrained"):
        found["library_name"] = "sae_lens"
    if who.model_about.get("kind") != "train" and who.model_about.get("path"):
        found["base_model"] = str(who.model_about["path"])
    found["tags"] = ["sparse-autoencoder", "interpretability", who.architecture]
    text = card.method.training_text(who)
    if text and card.method.datasets[text]["kind"] == "hf":
        found["datasets"] = [str(card.method.datasets[text]["path"])]
    by_key = {each.key: each for each in card.quantities}
    metrics = [
        {"type": key, "name": by_key[key].label, "value": card.cells[key].value}
        for key in RESULTS
        if key in by_key and card.cells[key].known
    ]
    if metrics:
        judged = card.method.harvest(who)["dataset"]
        result = {
            "task": {"type": "feature-extraction"},
            "dataset": {"name": judged, "type": judged},
            "metrics": metrics,
        }
        found["model-index"] = [{"name": who.sae, "results": [result]}]
    return found


class _Quoting(yaml.SafeDumper):
    """YAML with quotes around every text that is more than a plain name."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = re.fullmatch(r"[\w .:/+-]*", text, re.ASCII)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Quoting.add_representer(str, _text)


def _yaml(content: dict[str, Any]) -> str:
    """Front matter without a letter that HTML takes for its own, for readers that know none."""
    found = yaml.dump(content, Dumper=_Quoting, sort_keys=False, width=10**9)
    return found.translate({ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&`"})


def _quantities(card: Card, section: int) -> list[str]:
    rows = []
    for each in card.of_section(section):
        cell = card.cells[each.key]
        if cell.value is None:
            continue
        value = f"{number(cell.value, each.digits)} {each.unit}".strip()
        span = interval(cell.value, cell.lo, cell.hi, each.digits) or "no interval"
        note = f" Measured {cell.note}." if cell.note else ""
        rows.append((each.label, value, span, beside(card, each), each.sentence + note))
    head = ("Quantity", "Value", "95 % interval", "Among comparable SAEs", "What it is")
    parts = [_table(head, rows)] if rows else []
    missing = [
        f"- {', '.join(map(escaped, labels))}: {with_code(why)}"
        for labels, why in not_measured(card, section)
    ]
    return [*parts, *(["\n".join(missing)] if missing else [])]


def _latents(card: Card) -> list[str]:
    if not card.top:
        return ["Error contributions of latents: not measured\\."]
    rows = []
    for row in card.top:
        names = ("error_contribution", "density", "error_lift")
        shown = [number(row[n], 3) if row[n] is not None else "not known" for n in names]
        rows.append((row["latent"], row["name"], *shown))
    head = ("Latent", "Fires on", "Error contribution", "Density", "Error lift")
    return ["### Largest error contributions", _table(head, rows)]


def _curve(card: Card) -> str:
    if len(card.curve) < 2:
        return "Not known: it was not trained in this run."
    (start, first), (end, last) = card.curve[0], card.curve[-1]
    return (
        f"FVU of training batches: {number(first, 3)} after {start:,.0f} tokens, "
        f"{number(last, 3)} after {end:,.0f}."
    )


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head)]
    text = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([*text, *(f"| {' | '.join(map(escaped, row))} |" for row in rows)])


def _pairs(pairs: list[tuple[str, str]]) -> str:
    return _table((" ", " "), pairs)


def _items(lines: list[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)


def _code(language: str, lines: list[str]) -> str:
    """A block of code that no line of it can end."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])
