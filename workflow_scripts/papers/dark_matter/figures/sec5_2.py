"""Section 5.2: FVU of SAEs trained on the linear and on the nonlinear error, as they are trained."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

NAMES = {"linear_error": "LinearError(x)", "nonlinear_error": "NonlinearError(x)"}
COLOURS = {"linear_error": PALETTE[2], "nonlinear_error": PALETTE[3]}


def draw(table: pd.DataFrame, final: pd.DataFrame) -> Figure:
    """Draw from `sec5_2.csv` and `sec5_2_final.csv`: curves on training, dashes on held-out tokens."""
    figure, axes = new_figure()
    for component, name in NAMES.items():
        held_out = final.loc[final["component"] == component, "fvu_held_out"]
        label: str | None = f"{name}, held out {held_out.mean():.2f}"
        for _, curve in table[table["component"] == component].groupby("seed"):
            axes.plot(
                curve["tokens"], curve["fvu"], color=COLOURS[component], linewidth=0.8, label=label
            )
            label = None
        for value in held_out:
            axes.axhline(value, color=COLOURS[component], linestyle="--", linewidth=0.7)
    axes.set_ylim(0, 1)
    axes.set_xlabel("Training tokens")
    axes.set_ylabel("FVU of the SAE on the error")
    axes.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
    legend_above(axes, ncols=1)
    return figure


def finding(table: pd.DataFrame, final: pd.DataFrame) -> Finding:
    """Whether nonlinear error is harder for an SAE than linear error."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"sec5_2": table, "sec5_2_final": final}

    def say(found: Measurement) -> Said:
        ends = {
            name: measurement_of(claim_of(CLAIMS, claim), tables)
            for name, claim in (("linear", "linear_sae_fvu"), ("nonlinear", "nonlinear_sae_fvu"))
        }
        both = f"{written(ends['nonlinear'])} against {written(ends['linear'])}"
        return Said(
            "An SAE trained on nonlinear error leaves more of it unexplained than one trained on "
            "linear "
            f"error: FVU {both} on held-out tokens.",
            "An SAE trained on nonlinear error leaves no more of it unexplained than one trained "
            "on "
            f"linear error: FVU {both} on held-out tokens.",
            "Which part of the error an SAE learns better is open: FVU of nonlinear error "
            f"{both} of linear error.",
            f"The difference is {written(found)}.",
        )

    return judged(claim_of(CLAIMS, "nonlinear_sae_converges_higher"), tables, say)
