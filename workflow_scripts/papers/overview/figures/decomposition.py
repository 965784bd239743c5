"""How much of the error of each SAE is linear in the activation, against L0."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Claim, Measurement
from workflow_scripts.anatomy.claims.rule import positive
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, log_ticks, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    estimate_in,
    extreme,
    judged,
    written,
)

PANELS = (
    ("Fraction of variance unexplained", {"fvu": "SAE", "fvu_nonlinear": "SAE and $b^* x$"}),
    ("$R^2$ from the activation", {"error_r2": "error vector", "norm_r2": "error norm"}),
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `decomposition.csv`; one dot per SAE and quantity."""
    figure, axes = new_figure(2, 1, "page", ratio=0.7, sharex=True)
    for panel, (label, quantities) in zip(axes, PANELS, strict=True):
        _dots(panel, table, quantities)
        log_ticks(panel, "x", table["l0"])
        panel.set_ylim(0, None)
        panel.set_xlabel("SAE $L_0$")
        panel.set_ylabel(label)
        legend_above(panel)
    return figure


def _dots(panel: Axes, table: pd.DataFrame, quantities: dict[str, str]) -> None:
    for number, (column, label) in enumerate(quantities.items()):
        value = table[column]
        ends = [value - table[f"{column}_lo"], table[f"{column}_hi"] - value]
        colour = PALETTE[number]
        panel.errorbar(
            table["l0"],
            value,
            yerr=[end.clip(lower=0) for end in ends],
            fmt="o",
            markersize=3,
            color=colour,
            markerfacecolor=colour if number else "white",
            linewidth=0.6,
            label=label,
        )


def finding(table: pd.DataFrame) -> Finding:
    """Whether part of every SAE's error is linear in the activation."""
    from workflow_scripts.anatomy.claims.measures import lowest

    claim = Claim(
        "error_partly_linear",
        "",
        "A linear map of the activation predicts part of the error of every SAE.",
        "",
        lowest(["decomposition"], "error_r2"),
        positive(),
    )

    def say(found: Measurement) -> Said:
        high = written(estimate_in(extreme(table, "error_r2", True), "error_r2"))
        norm = [
            written(estimate_in(extreme(table, "norm_r2", largest), "norm_r2"))
            for largest in (False, True)
        ]
        saes = f"each of {len(table)} SAEs" if len(table) > 1 else "the SAE"
        ends = f"R² from {written(found)} to {high}" if len(table) > 1 else f"R² = {written(found)}"
        return Said(
            f"A linear map of the activation predicts part of the error of {saes}: {ends}.",
            f"A linear map of the activation does not predict the error of {saes}: {ends}.",
            f"Whether a linear map of the activation predicts part of the error of {saes} is "
            f"open: {ends}.",
            f"Of the norm of the error a linear probe predicts R² from {norm[0]} to {norm[1]}.",
        )

    return judged(claim, {"decomposition": table}, say)
