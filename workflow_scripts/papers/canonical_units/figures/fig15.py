"""Figure 15: how many connected components of each kind there are, and some of them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from seaborn import color_palette

from workflow_scripts.anatomy.figures.style import PALETTE, WIDTHS, legend_above
from workflow_scripts.papers.canonical_units.figures.pairs import by_pair

KINDS = ("1-1", "1-n", "n-1", "n-m")
HEIGHT = 3.8  # inches


def draw(table: pd.DataFrame, edges: pd.DataFrame) -> Figure:
    """Draw from `fig15.csv` and `fig15_edges.csv`: counts for all pairs, components of the first.

    Latents of the smaller SAE are above, and numbers are latents.
    """
    figure = Figure(figsize=(WIDTHS["page"], HEIGHT), layout="constrained")
    counts, *examples = figure.subplot_mosaic([["counts"] * 4, list(KINDS)]).values()
    pairs = by_pair(table)
    height = 0.8 / max(2, len(pairs))
    for number, ((name, part), colour) in enumerate(
        zip(pairs, color_palette("crest", len(pairs)), strict=True)
    ):
        found = part["kind"].value_counts().reindex(KINDS, fill_value=0)
        bars = counts.bar(
            np.arange(4) + (number - (len(pairs) - 1) / 2) * height,
            found,
            height * 0.95,
            color=colour,
            label=name,
        )
        counts.bar_label(bars, fontsize=6)
    counts.set_yscale("symlog", linthresh=1)
    counts.set_xticks(range(4), KINDS)
    counts.set_xlabel("Kind of component, smaller SAE to larger SAE")
    counts.set_ylabel("Components")
    if len(pairs):
        legend_above(counts, ncols=4)
    first = by_pair(edges)[0][1] if len(edges) else edges
    for axes, kind in zip(examples, KINDS, strict=True):
        axes.set_axis_off()
        axes.set_title(_title(kind, pairs))
        _draw_components(axes, first[first["kind"] == kind])
    return figure


def _title(kind: str, pairs: list[tuple[str, pd.DataFrame]]) -> str:
    """The kind, and how large the first pair's largest component of it is, which is seldom drawn."""
    found = [part[part["kind"] == kind] for _, part in pairs[:1]]
    if kind == KINDS[0] or not found or found[0].empty:
        return kind
    sizes = found[0]["n_small"] + found[0]["n_large"]
    largest = found[0].loc[sizes.idxmax()]
    return f"{kind}\nlargest: {largest['n_small']} to {largest['n_large']}"


def _draw_components(axes: Axes, edges: pd.DataFrame) -> None:
    at = 0.0
    for _, part in edges.groupby("component"):
        sides = [sorted(part[f"latent_{size}"].unique()) for size in ("small", "large")]
        span = max(len(latents) for latents in sides)
        places = [
            {latent: at + (i + 0.5) * span / len(latents) for i, latent in enumerate(latents)}
            for latents in sides
        ]
        for edge in part.itertuples():
            axes.plot(
                [places[0][edge.latent_small], places[1][edge.latent_large]],
                [1, 0],
                color="grey",
                linewidth=0.4 + 1.2 * edge.cosine,
                zorder=1,
            )
        for height, latents in ((1, places[0]), (0, places[1])):
            x = list(latents.values())
            axes.scatter(x, [height] * len(x), s=14, color=PALETTE[0 if height else 1], zorder=2)
            for latent, place in latents.items():
                axes.annotate(
                    f"{latent}",
                    (place, height),
                    (0, 5 if height else -5),
                    textcoords="offset points",
                    rotation=90,
                    ha="center",
                    va="bottom" if height else "top",
                    fontsize=5,
                )
        at += span + 0.6
    axes.set_xlim(min(0, (at - 4) / 2), max(4, at))
    axes.set_ylim(-0.6, 1.6)
