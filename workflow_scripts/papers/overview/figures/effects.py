"""How much worse Sae(x) is for the model's predictions than random errors of its size, against L0."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.against_l0 import against_l0


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `effects.csv`; the line is an error that is no worse than a random one."""
    figure, panels = against_l0(table, "ratio", "KL over random KL")
    for panel in panels:
        panel.axhline(1, color="grey", linewidth=0.6)
    panels[0].set_ylim(0, 1.08 * max(1, table["ratio"].max()))
    return figure
