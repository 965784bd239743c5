"""Figures 12 and 13: dashboards of latents, two in a row, after those of Neuronpedia."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, WIDTHS, new_figure
from workflow_scripts.anatomy.figures.token_text import visible

# A panel is a sheet of columns and lines, a character of a monospaced font each.
SIZE = 5.2  # points
ADVANCE = 0.602 * SIZE  # points from one character to the next
LINE = 1.55 * SIZE
MARGIN, GAP, TITLE = 6.0, 14.0, 23.0  # points
SHOWN_TOKENS, SHOWN_CONTEXTS = 8, 12
THIRDS = 3
NUMBER, STRONG = 6, 5.5  # columns of the number behind a token, and before a context
AFTER = 0.32  # of a line of context, from the strongest token on
GREEN, BLUE, RED, GREY = PALETTE[2], PALETTE[0], PALETTE[3], "#555555"
PALE = 0.72  # of a colour, at its fullest
SIDES = {"suppressed": RED, "promoted": BLUE}
LIKENESS = {
    "activation_cosine": "Activation cosine",
    "top_overlap": "Top-context overlap",
    "logit_correlation": "Logit correlation",
}
LIKENESS_HEIGHT = 118.0  # points
KINDS = {"matched": ("like pairs", PALETTE[0]), "random": ("random pairs", PALETTE[7])}


def draw(
    table: pd.DataFrame,
    tokens: pd.DataFrame,
    latents: pd.DataFrame,
    histogram: pd.DataFrame,
    pairs: pd.DataFrame | None = None,
) -> Figure:
    """Draw from the tables of figure 12 or 13; pairs, which figure 12 has: one dot each, below."""
    if latents.empty:
        figure, axes = new_figure()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "nothing to show: no latent qualifies", ha="center", va="center")
        return figure
    pairs = pd.DataFrame() if pairs is None else pairs
    below = 0.0 if pairs.empty else LIKENESS_HEIGHT
    lines = 1 + SHOWN_TOKENS + 1.5 + SHOWN_CONTEXTS
    height = TITLE + lines * LINE + GAP
    rows = -(-len(latents) // 2)
    page = rows * height + below + MARGIN - GAP / 2
    figure = Figure(figsize=(WIDTHS["page"], page / 72))
    width = (72 * WIDTHS["page"] - 2 * MARGIN - GAP) / 2
    for at, (_, latent) in enumerate(latents.iterrows()):
        left = MARGIN + at % 2 * (width + GAP)
        bottom = page - MARGIN - (at // 2 + 1) * height + GAP
        box = (left, bottom, width, height - GAP)
        axes = _axes(figure, box)
        axes.set_axis_off()
        axes.set(xlim=(0, width / ADVANCE), ylim=(lines, -TITLE / LINE))
        own = partial(_of, latent)
        _title(axes, latent)
        _logit_weights(axes, own(tokens))
        _activations(axes, own(histogram))
        _contexts(axes, own(table))
    if below:
        _likeness(figure, pairs, below)
    return figure


def _axes(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Axes with their left and lower end, width and height in points."""
    width, height = 72 * figure.get_size_inches()
    left, bottom, across, up = box
    return figure.add_axes((left / width, bottom / height, across / width, up / height))


def _of(latent: pd.Series, table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["sae"] == latent["sae"]) & (table["latent"] == latent["latent"])]


def _title(axes: Axes, latent: pd.Series) -> None:
    """Which latent it is and how often it fires."""
    numbers = [100 * latent[f"frequency{end}"] for end in ("", "_lo", "_hi")]
    often, low, high = (f"{number:.2g}" for number in numbers)
    right, top = axes.get_xlim()[1], -TITLE / LINE
    at_most = "novel, cosine at most" if latent["role"] == "novel" else "cosine"
    small: dict[str, Any] = {"fontsize": 6, "color": GREY, "va": "top"}
    name = f"Latent {latent['latent']} of {latent['width']}"
    axes.text(0, top, name, fontsize=8, weight="bold", va="top")
    axes.text(right, top, f"fires on {often} % ({low} to {high} %)", ha="right", **small)
    axes.text(0, 0.52 * top, latent["sae"], **small)
    axes.text(right, 0.52 * top, f"{at_most} {latent['cosine']:.3g}", ha="right", **small)


def _write(axes: Axes, x: float, line: float, text: str, **kwargs) -> None:
    style: dict[str, Any] = {"family": "monospace", "fontsize": SIZE, "va": "center"}
    axes.text(x, line + 0.5, text, parse_math=False, **(style | kwargs))


def _heading(axes: Axes, x: float, line: float, text: str) -> None:
    axes.text(x, line + 0.5, text, fontsize=6, color=GREY, va="center")


def _pale(colour: str, share: float) -> tuple[float, ...]:
    """A colour on white, so pale that text can be read on it."""
    return tuple(1 - PALE * share * (1 - part) for part in to_rgb(colour))


def _third(axes: Axes, at: int) -> tuple[float, float]:
    """Where a third of the panel begins, and how many columns it has."""
    whole = axes.get_xlim()[1]
    return at * (whole + 2) / THIRDS, (whole + 2) / THIRDS - 2


def _logit_weights(axes: Axes, tokens: pd.DataFrame) -> None:
    """Tokens on bars of the length of their logit weights, the longest of both sides a third."""
    longest = tokens["logit_weight"].abs().max()
    for at, (side, colour) in enumerate(SIDES.items()):
        left, columns = _third(axes, at)
        _heading(axes, left, 0, f"{side} tokens")
        rows = tokens[tokens["side"] == side].nsmallest(SHOWN_TOKENS, "rank")
        if rows.empty:
            _heading(axes, left, 2, "no logit weights at this hook point")
        for line, (token, weight) in enumerate(
            zip(rows["token"], rows["logit_weight"], strict=True), 1
        ):
            length = (columns - NUMBER) * abs(weight) / longest if longest else 0.0
            axes.barh(line + 0.5, length, 0.86, left, color=_pale(colour, 0.8), linewidth=0)
            _write(axes, left + 0.5, line, visible(token, True, int(columns - NUMBER) - 1))
            _write(axes, left + columns, line, f"{weight:.2f}", ha="right", color=GREY)


def _activations(axes: Axes, histogram: pd.DataFrame) -> None:
    """How many tokens have activations of which size, as bars."""
    left, columns = _third(axes, 2)
    _heading(axes, left, 0, "activations")
    most, foot = histogram["count"].max(), SHOWN_TOKENS - 0.1
    height = (SHOWN_TOKENS - 1.6) * histogram["count"] / (most or 1)
    step = columns / max(1, len(histogram))
    places = left + step * (0.5 + pd.RangeIndex(len(histogram)).to_numpy())
    axes.bar(places, -height, 0.86 * step, foot, color=_pale(GREEN, 1), linewidth=0)
    axes.plot([left, left + columns], [foot, foot], color=GREY, linewidth=0.5)
    for x, text, side in (
        (0, "0", "left"),
        (columns, f"{histogram['activation_end'].max():.3g}", "right"),
    ):
        _write(axes, left + x, SHOWN_TOKENS, text, ha=side, color=GREY)
    tallest = int(histogram["count"].to_numpy().argmax())
    at_right = tallest < len(histogram) / 2
    beside = left + step * (tallest + (1.3 if at_right else -0.3))
    side = "left" if at_right else "right"
    _write(axes, beside, 1, f"{most} tokens", ha=side, color=GREY)


def _contexts(axes: Axes, table: pd.DataFrame) -> None:
    """The strongest contexts, a line each, the strongest tokens below one another."""
    first = 1 + SHOWN_TOKENS + 0.5
    _heading(axes, 0, first, "strongest contexts")
    right = axes.get_xlim()[1]
    centre = STRONG + round((1 - AFTER) * (right - STRONG))
    strongest = table["activation"].max()
    for rank, window in table[table["rank"] < SHOWN_CONTEXTS].groupby("rank"):
        line = first + 1 + rank
        peak = window[window["peak"]]["activation"].max()
        _write(axes, STRONG - 1, line, f"{peak:#.3g}", ha="right", color=GREY)
        for x, text, activation in _laid_out(window, STRONG, centre, right):
            if activation > 0:
                colour = _pale(GREEN, activation / strongest)
                axes.barh(line + 0.5, len(text), 0.9, x, color=colour, linewidth=0)
            _write(axes, x, line, text)


def _laid_out(
    window: pd.DataFrame, left: float, centre: float, right: float
) -> Iterator[tuple[float, str, float]]:
    """Place, text and activation of the tokens of a window that are between two columns, in part or whole;
    the strongest begins at `centre`."""
    texts = [visible(token) for token in window["token"]]
    before = sum(map(len, texts[: int(window["peak"].to_numpy().argmax())]))
    x = centre - before
    for text, activation in zip(texts, window["activation"], strict=True):
        start, end = max(x, left), min(x + len(text), right)
        shown = text[int(start - x) : int(end - x)] if end > start else ""
        if shown:
            yield start, shown, activation
        x += len(text)


def _likeness(figure: Figure, pairs: pd.DataFrame, height: float) -> None:
    """How alike pairs of latents are, against the cosine of their decoder directions."""
    width = (72 * WIDTHS["page"] - 2 * MARGIN) / len(LIKENESS)
    for at, (column, label) in enumerate(LIKENESS.items()):
        box = (MARGIN + at * width + 30, 26, width - 42, height - 46)
        axes = _axes(figure, box)
        for kind, (name, colour) in KINDS.items():
            part = pairs[pairs["kind"] == kind]
            axes.plot(
                part["decoder_cosine"], part[column], "o", color=colour, markersize=2, label=name
            )
        axes.set_xlabel("Decoder cosine", fontsize=7)
        axes.set_ylabel(label, fontsize=7)
        axes.set_ylim(top=1.07)
        if at == 1:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
