"""Figure 9b: R^2 of predicting the parts of an SAE's error from SAEs of what feeds its site."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure

SOURCES = {
    "resid": "Sae(x)",
    "resid_previous": "residual before",
    "mlp_out": "MLP output",
    "attn_out": "attention output",
}
TARGETS = {"error": "SaeError", "linear_error": "LinearError", "nonlinear_error": "NonlinearError"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig9b.csv`; groups of bars are targets, colours are sources."""
    figure, axes = new_figure(ratio=0.85)
    step = 0.8 / len(SOURCES)
    for number, (source, name) in enumerate(SOURCES.items()):
        part = table[table["source"] == source].set_index("target").reindex(list(TARGETS))
        spread = np.abs([part["r2"] - part["r2_lo"], part["r2_hi"] - part["r2"]])
        place = np.arange(len(TARGETS)) + (number - (len(SOURCES) - 1) / 2) * step
        axes.bar(
            place,
            part["r2"],
            step,
            yerr=spread,
            color=PALETTE[number],
            label=name,
            error_kw={"lw": 0.6},
        )
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set_xticks(range(len(TARGETS)), TARGETS.values())
    axes.set_ylabel("$R^2$")
    legend_above(axes, title="SAE reconstruction of")
    return figure
