"""Figure 5: MSE and L0 on the way from the smallest SAE to the largest."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator
from seaborn import color_palette

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.canonical_units.figures.pairs import by_pair, listed, named_pairs

STYLES = {"insert": "-", "swap": "--", "remove": ":"}
NAMES = {
    "insert": "add novel latents",
    "swap": "swap components",
    "remove": "remove the unmatched",
}
# An axis is logarithmic where the way goes so many times higher than its ends.
LOGARITHMIC = 4


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig5.csv`; grey lines are the SAEs' own levels. Bands: 95 % intervals."""
    pairs = by_pair(table)
    figure, both = new_figure(1, 2, ratio=0.75, sharex=True)
    colours = color_palette("viridis", len(pairs) + 1)
    for axes, column, label in zip(both, ("mse", "l0"), ("MSE", "L0"), strict=True):
        levels = [part[column].iloc[0] for _, part in pairs] + [table[column].iloc[-1]]
        for level in levels:
            axes.axhline(level, color="lightgrey", linewidth=0.7, zorder=0)
        for colour, (_, part) in zip(colours, pairs, strict=False):
            _draw_path(axes, part.reset_index(drop=True), column, colour)
        axes.set_ylabel(label)
        if table[column].max() > LOGARITHMIC * max(levels):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
    both[1].set_xlabel("Latents in the stitched SAE")
    handles = [Line2D([], [], color=c) for c, _ in zip(colours, pairs, strict=False)]
    handles += [Line2D([], [], color="black", linestyle=style) for style in STYLES.values()]
    names = [name for name, _ in pairs] + list(NAMES.values())
    figure.legend(handles, names, loc="outside upper center", ncols=2)
    return figure


def _draw_path(axes, part: pd.DataFrame, column: str, colour) -> None:
    for phase, style in STYLES.items():
        at = part.index[part["phase"] == phase]
        if len(at) == 0:
            continue
        # A phase is drawn from the last point before it.
        points = part.loc[at[0] - 1 : at[-1]]
        axes.plot(points["n_latents"], points[column], style, color=colour, linewidth=1)
        axes.fill_between(
            points["n_latents"],
            points[f"{column}_lo"],
            points[f"{column}_hi"],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )


def finding(table: pd.DataFrame) -> Finding:
    """What adding the novel latents and swapping the others does, on the way to a larger SAE."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig5": table}

    def say(found: Measurement) -> Said:
        l0 = measurement_of(claim_of(CLAIMS, "insertions_raise_l0"), tables)
        swapped = measurement_of(claim_of(CLAIMS, "swaps_lower_l0"), tables)
        change = f"by {written(found, 100, '%')}"
        # Others are not among those that the change is a mean of.
        pairs = named_pairs(table[table["phase"] == "insert"])
        if len(pairs) == 1:
            (larger, smaller), among, mse = pairs[0], "", "its MSE"
        else:
            larger, smaller, among = "the larger SAE", "the smaller one", f", in {listed(pairs)}"
            mse, change = "the MSE", f"{change} on average"
        added = f"With all novel latents of {larger} added to {smaller}{among},"
        return Said(
            f"{added} {mse} changes {change}, so what they add was missing.",
            f"{added} {mse} does not fall: it changes {change}.",
            f"{added} {mse} may or may not fall: it changes {change}.",
            f"The L0 changes by {written(l0, 100, '%')} as they are added, and by "
            f"{written(swapped, 100, '%')} as the others are swapped.",
        )

    return judged(claim_of(CLAIMS, "insertions_lower_mse"), tables, say)
