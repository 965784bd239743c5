"""Panels and names for figures about pairs of SAEs, each a smaller one with the next wider."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import empty_figure, new_figure

NAMED = 4  # of more pairs a sentence names so many


def by_pair(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each pair, in the table's order, named by their widths."""
    return [
        (f"{part['width_small'].iloc[0]} → {part['width_large'].iloc[0]}", part)
        for _, part in table.groupby(["sae_small", "sae_large"], sort=False)
    ]


def panels(
    table: pd.DataFrame, **kwargs
) -> tuple[Figure, Iterator[tuple[Axes, str, pd.DataFrame]]]:
    """A figure with one titled panel per pair, two or three in a row; and panel, name, rows of each."""
    pairs = by_pair(table)
    if not pairs:
        # No latent is novel, say.
        return empty_figure(**kwargs), iter(())
    columns = {1: 1, 2: 2, 4: 2}.get(len(pairs), 3)
    rows = -(-len(pairs) // columns)
    width = "column" if columns == 1 else "page"
    figure, axes = new_figure(columns, rows, width, squeeze=False, **kwargs)
    for axis in axes.flat[len(pairs) :]:
        axis.set_axis_off()
    for axis, (name, _) in zip(axes.flat, pairs, strict=False):
        axis.set_title(name)
    return figure, ((axis, *pair) for axis, pair in zip(axes.flat, pairs, strict=False))


def named_pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs of SAEs that a table is about, the larger and the smaller one, in its order.

    A name mostly says what the SAE is, as relu-w512 does; where the table has an architecture, that is said too.
    """
    found = table[["sae_large", "sae_small"]].astype(str)
    if "architecture" in table:
        found["sae_large"] += " (" + table["architecture"].astype(str) + ")"
    return list(dict.fromkeys(zip(found["sae_large"], found["sae_small"], strict=True)))


def listed(pairs: list[tuple[str, str]]) -> str:
    """How many pairs there are, two or more, and which: "2 pairs (a beside b; c beside d)"."""
    names = "; ".join(f"{larger} beside {smaller}" for larger, smaller in pairs[:NAMED])
    more = f"; and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
    return f"{len(pairs)} pairs ({names}{more})"
