"""Figure 9a: the breakdown of figure 1 for codes from gradient pursuit, beside the SAE's own points."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
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
