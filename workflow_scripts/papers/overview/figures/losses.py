"""How much of the model's loss every SAE keeps, against L0."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.against_l0 import against_l0


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `losses.csv`; the line is a harmless reconstruction."""
    figure, panels = against_l0(table, "celr_mean", "CE recovered")
    for panel in panels:
        panel.axhline(1, color="grey", linewidth=0.6)
    return figure
