"""Figure 2: an SAE with a latent per atom, and one with a latent per composition, on coloured shapes."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, WIDTHS

HEIGHT = 4.2  # inches
MARKERS = "os^DP*XvphH"  # circle, square, triangle, …
COLOURS = [PALETTE[at] for at in (3, 2, 0, 1, 4, 8, 5, 9)]  # red, green, blue, …
NONE = -1
KINDS = ("atoms", "compositions")
MEASURES = {
    "l0": "L0",
    "mse": "MSE",
    "atoms_recovered": "Atoms recovered",
    "compositions_recovered": "Compositions recovered",
}


def draw(table: pd.DataFrame, latents: pd.DataFrame) -> Figure:
    """Draw from `fig2.csv` and `fig2_latents.csv`.

    Above: cosines of the first seed's decoder rows with every colour, shape and coloured shape. Below:
    a dot for every seed, and their mean; dotted: how many atoms or compositions there are.
    """
    figure = Figure(figsize=(WIDTHS["page"], HEIGHT), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.7, 1])
    above, below = parts
    sizes = sorted(table["dictionary_size"].unique())
    every = above.subplots(1, len(sizes))
    first = table["seed"].iloc[0]
    for axes, size in zip(every, sizes, strict=True):
        chosen = (latents["seed"] == first) & (latents["dictionary_size"] == size)
        mesh = _cosines(axes, latents[chosen])
        axes.set_title(f"{size} latents")
    above.colorbar(mesh, ax=every, label="Decoder cosine", aspect=25)
    for axes, (column, title) in zip(
        below.subplots(1, len(MEASURES)), MEASURES.items(), strict=True
    ):
        _measure(axes, table, column)
        axes.set_title(title)
    return figure


def _cosines(axes: Axes, latents: pd.DataFrame) -> Any:
    """Latents down, atoms and compositions across; in the order of what they are matched with."""
    latents = latents.fillna({"colour": NONE, "shape": NONE})
    latents["atom"] = latents[["colour", "shape"]].min(axis=1) == NONE
    matched = latents[latents["matched"]]
    # A dictionary is ordered by atoms or by compositions, whichever it is more like.
    like = matched.groupby("atom")["cosine"].mean().idxmax()
    place = matched[matched["atom"] == like].set_index("latent").index
    order = [*place, *sorted(set(latents["latent"]) - set(place))]
    grid = latents.pivot(index="latent", columns=["atom", "colour", "shape"], values="cosine")
    grid = grid.loc[order, sorted(grid.columns, key=_column)]
    mesh = axes.pcolormesh(grid, cmap="RdBu_r", vmin=-1, vmax=1, edgecolors="white", linewidth=0.6)
    axes.axvline(sum(atom for atom, _, _ in grid.columns), color="black", linewidth=1)
    for at, (_, colour, shape) in enumerate(grid.columns):
        _symbol(axes, at + 0.5, int(colour), int(shape))
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_xlabel("Atoms and compositions", labelpad=14)
    axes.set_yticks([at + 0.5 for at in range(len(order))], order)
    axes.set_ylabel("Latent")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return mesh


def _column(name: tuple[bool, float, float]) -> tuple[bool, bool, float, float]:
    """Colours, shapes, compositions: where a column goes."""
    atom, colour, shape = name
    return not atom, colour == NONE, colour, shape


def _symbol(axes: Axes, x: float, colour: int, shape: int) -> None:
    """What a column is: a streak of its colour, the outline of its shape, or a coloured shape."""
    marker = "_" if shape == NONE else MARKERS[shape % len(MARKERS)]
    paint = "black" if colour == NONE else COLOURS[colour % len(COLOURS)]
    axes.plot(
        [x],
        [-0.06],
        marker,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        markersize=6,
        color=paint,
        markerfacecolor="none" if colour == NONE else paint,
        markeredgewidth=4 if shape == NONE else 1,
    )


def _measure(axes: Axes, table: pd.DataFrame, column: str) -> None:
    sizes = sorted(table["dictionary_size"].unique())
    for at, size in enumerate(sizes):
        values = table.loc[table["dictionary_size"] == size, column]
        axes.bar(at, values.mean(), 0.6, color=PALETTE[at], alpha=0.6)
        spread = [at + 0.4 * ((i + 0.5) / len(values) - 0.5) for i in range(len(values))]
        axes.plot(spread, values, "o", color="black", markersize=2)
    kind = column.removesuffix("_recovered")
    if kind in KINDS:
        axes.axhline(table[kind].iloc[0], color="grey", linestyle=":", linewidth=0.8)
    axes.set_xticks(range(len(sizes)), [f"{size} latents" for size in sizes])
