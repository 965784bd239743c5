"""Figure 9a: the breakdown of figure 1 for codes from gradient pursuit, beside the SAE's own points."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.dark_matter.figures.fig1 import draw_points, draw_regions, finish

POINTS = (
    ("fvu", "Sae(x)", PALETTE[7], "o"),
    ("fvu_pursuit", "Pursuit(x)", PALETTE[0], "^"),
    ("fvu_nonlinear", "Sae(x) + b*x", PALETTE[7], "s"),
    ("fvu_nonlinear_pursuit", "Pursuit(x) + b*x", PALETTE[1], "v"),
)


def draw(table: pd.DataFrame, fit: pd.DataFrame) -> Figure:
    """Draw from `fig9a.csv` and `fig9a_fit.csv`."""
    figure, axes = new_figure(width="page", ratio=0.55)
    law = fit.set_index("codes").loc["pursuit"]
    draw_regions(axes, table["width"], law, [law["horizontal"]])
    draw_points(axes, table, POINTS)
    finish(axes, table)
    return figure


def finding(table: pd.DataFrame, fit: pd.DataFrame) -> Finding:
    """Whether better codes on the same decoder leave less unexplained."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig9a": table}

    def say(found: Measurement) -> Said:
        change = written(found, 100, "%")
        nonlinear = measurement_of(claim_of(CLAIMS, "pursuit_leaves_nonlinear"), tables)
        return Said(
            f"Gradient pursuit on the same decoder, with the same L0, lowers FVU by {change}.",
            "Gradient pursuit on the same decoder, with the same L0, does not lower FVU: it "
            f"falls by {change}.",
            "Whether gradient pursuit on the same decoder lowers FVU is open: it falls by "
            f"{change}.",
            f"The nonlinear part falls by {written(nonlinear, 100, '%')}.",
        )

    return judged(claim_of(CLAIMS, "pursuit_lowers_fvu"), tables, say)
