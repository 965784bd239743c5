"""KL at a position that is replaced alone and at those after it; below, bars for it and the next."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.line_ends import label_ends
from workflow_scripts.anatomy.figures.style import WIDTHS
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.pathological_errors.figures.interventions import COLOURS, bars
from workflow_scripts.papers.pathological_errors.interventions import BASELINE

STYLES = {"sae": "-", BASELINE: "--"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `single_token.csv`."""
    from seaborn import color_palette

    figure = Figure(figsize=(WIDTHS["page"], 1.1 * WIDTHS["page"]), layout="constrained")
    grid = figure.add_gridspec(3, 1, height_ratios=[1.25, 1, 1])
    lines = figure.add_subplot(grid[0])
    layers = sorted(table["layer"].unique())
    last = []
    for colour, layer in zip(color_palette("crest", len(layers)), layers, strict=True):
        for name, style in STYLES.items():
            part = table[(table["layer"] == layer) & (table["intervention"] == name)]
            # After the last layer nothing reaches the positions that follow.
            part = part[part["kl"] > 0].sort_values("offset")
            lines.plot(part["offset"], part["kl"], style, color=colour)
            low = part["kl_lo"].clip(lower=1e-9)
            lines.fill_between(part["offset"], low, part["kl_hi"], color=colour, alpha=0.15, lw=0)
        end = table[
            (table["layer"] == layer) & (table["intervention"] == "sae") & (table["kl"] > 0)
        ]
        if len(end):
            end = end.sort_values("offset").iloc[-1]
            last.append((end["offset"], end["kl"], f"{layer}", colour))
    lines.set_yscale("log")
    shown = table.loc[table["intervention"].isin(STYLES) & (table["kl"] > 0), "kl"]
    lines.set_ylim(shown.min() / 2, 2 * shown.max())
    label_ends(lines, last)
    position = table["position"].iloc[0]
    lines.set(xlabel=f"Positions after position {position}, which alone is replaced")
    lines.set_ylabel("KL(P || Q), nats")
    names = [name for name in COLOURS if (table["intervention"] == name).any()]
    for row, offset in enumerate((0, 1), start=1):
        axes = figure.add_subplot(grid[row])
        bars(axes, table[table["offset"] == offset], names)
        axes.set_ylabel(f"KL at {position + offset}, nats")
    handles, labels = figure.axes[1].get_legend_handles_labels()
    solid = [Line2D([], [], color="black", linestyle=style) for style in STYLES.values()]
    lines.legend(
        solid, ["Sae(x), by layer", "ε-random"], loc="lower right", bbox_to_anchor=(1, 1), ncols=2
    )
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether the gap is there with a single position replaced."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"single_token": table}

    def say(found: Measurement) -> Said:
        ratio = f"{written(found)} times as much where it is least"
        later = measurement_of(claim_of(CLAIMS, "gap_persists"), tables)
        return Said(
            "With one position replaced, too, KL there is more than twice that of random errors "
            f"at every layer: {ratio}.",
            "With one position replaced, KL there is not at every layer more than twice that of "
            f"random errors: {ratio}.",
            "Whether with one position replaced KL there is more than twice that of random "
            "errors at every layer is open: "
            f"{ratio}.",
            f"At the positions that follow it is {written(later)} times.",
        )

    return judged(claim_of(CLAIMS, "gap_at_a_single_token"), tables, say)
