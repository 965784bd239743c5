"""FVU against L0 for every SAE."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.against_l0 import against_l0


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `summary.csv`."""
    figure, panels = against_l0(table, "fvu", "FVU")
    # Panels share their axes.
    panels[0].set_ylim(0, 1.08 * table["fvu"].max())
    return figure
