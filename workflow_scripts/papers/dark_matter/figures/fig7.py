"""Figure 7: automated interpretability of the SAEs trained on linear and on nonlinear error."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.interpretability.scores import QUANTILE_NAMES

LABELS = {
    "linear_error": "Linear error SAE",
    "nonlinear_error": "Nonlinear error SAE",
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig7.csv`: component, quantile, accuracy, accuracy_lo, accuracy_hi, latents."""
    figure, axes = new_figure()
    for at, (component, part) in enumerate(table.groupby("component", sort=False)):
        part = part.set_index("quantile").reindex(QUANTILE_NAMES)
        # Side by side, so that the intervals of two components do not cover each other.
        x = pd.Series(range(len(part)), part.index) + 0.16 * (at - 0.5)
        below = part["accuracy"] - part["accuracy_lo"]
        above = part["accuracy_hi"] - part["accuracy"]
        style = {"color": PALETTE[at], "fmt": "os^D"[at % 4], "capsize": 1.5, "elinewidth": 0.8}
        label = f"{LABELS.get(component, component)} ({part['latents'].max():.0f} latents)"
        axes.errorbar(x, part["accuracy"], [below, above], label=label, **style)
        # Silent contexts are no decile, so no line joins them to the deciles.
        axes.plot(x[1:], part["accuracy"][1:], color=PALETTE[at], linewidth=0.7, alpha=0.6)
    axes.axvline(0.5, color="0.8", linewidth=0.6, linestyle=":")
    axes.set_xticks(range(len(QUANTILE_NAMES)), QUANTILE_NAMES)
    axes.set_ylim(0, 1)
    axes.set_xlabel("Activation decile (Not: the latent is silent)")
    axes.set_ylabel("Detection accuracy")
    legend_above(axes, ncols=1)
    return figure
