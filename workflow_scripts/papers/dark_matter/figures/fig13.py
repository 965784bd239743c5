"""Figure 13: R^2 of predicting the error norm, by layer, for every regressor."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written

NAMES = {
    "activation": "activation",
    "token": "token identity",
    "l0": "SAE $L_0$",
    "activation_norm": "activation norm",
    "loss": "model loss",
    "position": "position",
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig13.csv`; one panel per model."""
    models = list(table.groupby("model", sort=False))
    figure, axes = new_figure(1, len(models), squeeze=False)
    for panel, (model, part) in zip(axes[:, 0], models, strict=True):
        for colour, (regressor, name) in zip(PALETTE, NAMES.items(), strict=False):
            line = part[part["regressor"] == regressor].sort_values("layer")
            if line.empty:
                continue
            panel.plot(line["layer"], line["r2"], "o-", color=colour, label=name)
            panel.fill_between(
                line["layer"], line["r2_lo"], line["r2_hi"], color=colour, alpha=0.15, linewidth=0
            )
        panel.axhline(0, color="grey", linewidth=0.5)
        panel.set_ylim(min(-0.05, part["r2"].min() - 0.05), 1)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_xlabel("Layer")
        panel.set_ylabel("Error norm $R^2$")
        panel.set_title(model)
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, fontsize=6)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether the activation tells more of the error norm than the token does."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig13": table}

    def say(found: Measurement) -> Said:
        gap = f"by an R² of {written(found)}"
        return Said(
            "At later layers the activation predicts the error norm better than the token's "
            f"identity does, {gap}.",
            "At later layers the activation predicts the error norm no better than the token's "
            f"identity does: {gap}.",
            "Whether the activation predicts the error norm better than the token's identity at "
            f"later layers is open: {gap}.",
        )

    return judged(claim_of(CLAIMS, "activation_beats_token"), tables, say)
