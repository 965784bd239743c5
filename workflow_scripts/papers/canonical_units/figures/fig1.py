"""Figure 1: one latent, the meta-latents that it is taken apart into, and other latents of these."""

import re
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from workflow_scripts.anatomy.figures.style import PALETTE, WIDTHS, new_figure
from workflow_scripts.anatomy.figures.token_text import SPACE, visible
from workflow_scripts.papers.canonical_units.figures.fig1_arcs import routed, straight
from workflow_scripts.papers.canonical_units.figures.fig1_layout import (
    LINE,
    MARGIN,
    SIZE,
    Box,
    arrange,
    box,
)

COLOURS = {"middle": PALETTE[3], "part": PALETTE[1], "member": PALETTE[0]}
THICKEST, THINNEST = 5.0, 0.4  # points
LINES: dict[str, dict[str, Any]] = {
    "shared": {"color": PALETTE[2], "linestyle": (0, (2, 1)), "dash_capstyle": "butt", "zorder": 3},
    "member": {"color": "0.8", "solid_capstyle": "butt", "zorder": 2},
    "part": {"color": "0.55", "solid_capstyle": "butt", "zorder": 1},
}
# The weakest of more meta-latents than these are not drawn.
MOST_PARTS = 8
PREFIX = "fires on: "
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def draw(table: pd.DataFrame, nodes: pd.DataFrame) -> Figure:
    """Draw from `fig1.csv`, the edges, and `fig1_nodes.csv`."""
    if nodes.empty:
        figure, axes = new_figure()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "nothing to show: the table is empty", ha="center", va="center")
        return figure
    strength = table[table["kind"] == "part"].set_index("target")["strength"]
    drawn = _of_kind(nodes, "part").head(MOST_PARTS)
    belongs = _belongs(table, drawn["node"].tolist())
    members = _of_kind(nodes, "member")
    members = members[members["node"].isin(belongs)]
    first = _of_kind(nodes, "middle").iloc[0]
    middle = box("middle", str(first["node"]), _text(first))
    parts = [
        box("part", f"{row.node}: {strength.get(row.node, 0):.2g}", _text(row._asdict()))
        for row in drawn.itertuples()
    ]
    others = [
        (belongs[row.node], box("member", str(row.node), _text(row._asdict())))
        for row in members.itertuples()
    ]
    height, middle, parts, placed = arrange(middle, parts, others)
    figure = Figure(figsize=(WIDTHS["page"], height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTHS["page"]), ylim=(0, height))
    axes.set_axis_off()
    places = {first["node"]: middle}
    places |= dict(zip(drawn["node"], parts, strict=True))
    places |= dict(zip(members["node"], placed, strict=True))
    _edges(axes, table, places, height)
    for name, kind in zip(nodes["node"], nodes["kind"], strict=True):
        if name in places:
            _node(axes, places[name], COLOURS[kind])
    return figure


def _of_kind(nodes: pd.DataFrame, kind: str) -> pd.DataFrame:
    return nodes[nodes["kind"] == kind]


def _belongs(table: pd.DataFrame, parts: list[str]) -> dict[str, int]:
    """The number of the part that each member is drawn beside, the one that is most active on it."""
    edges = table[table["kind"] == "member"].sort_values("strength", ascending=False, kind="stable")
    edges = edges.drop_duplicates("target")
    edges = edges[edges["source"].isin(parts)]
    return {row.target: parts.index(row.source) for row in edges.itertuples()}


def _text(row) -> str:
    explanation = row["explanation"]
    if not isinstance(explanation, str):
        return "not explained"
    if explanation.startswith(PREFIX):
        # Tokens that begin with a space would fall apart between lines.
        explanation = QUOTED.sub(lambda token: token[0].replace(" ", SPACE), explanation)
    return visible(explanation.removeprefix(PREFIX))


def _edges(axes: Axes, table: pd.DataFrame, places: dict[str, Box], height: float) -> None:
    """Lines between boxes, each kind up to the same thickness."""
    shown = table[table["source"].isin(places) & table["target"].isin(places)]
    boxes = list(places.values())
    for kind, edges in shown.groupby("kind", sort=False):
        look = LINES[str(kind)]
        largest = 1.0 if kind == "shared" else edges["strength"].max()
        for edge in edges.itertuples():
            one, other = places[edge.source], places[edge.target]
            if kind == "part":
                line = np.array([(one.x, one.y), (other.x, other.y)])
            elif kind == "member" and (other.x - one.x) * (one.x - WIDTHS["page"] / 2) > 0:
                line = straight(one, other)
            else:
                line = routed(one, other, boxes, height)
            thickness = max(THICKEST * edge.strength / largest, THINNEST)
            axes.plot(*line.T, linewidth=thickness, **look)


def _node(axes: Axes, place: Box, colour: str) -> None:
    left, bottom = place.x - place.width / 2, place.y - place.height / 2
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom),
            place.width,
            place.height,
            boxstyle="round,pad=0,rounding_size=0.05",
            facecolor="white",
            edgecolor=colour,
            linewidth=0.9,
            zorder=4,
        )
    )
    top = place.y + place.height / 2 - MARGIN
    for number, line in enumerate(place.lines):
        axes.text(
            left + MARGIN,
            top - (number + 0.5) * LINE,
            line,
            fontsize=SIZE,
            color=colour if number == 0 else "black",
            va="center_baseline",
            parse_math=False,
            zorder=5,
        )
