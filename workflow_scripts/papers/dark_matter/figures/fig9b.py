"""Figure 9b: R^2 of predicting the parts of an SAE's error from SAEs of what feeds its site."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written

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


def finding(table: pd.DataFrame) -> Finding:
    """Whether an SAE's own reconstruction tells its nonlinear error better than what feeds its site."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig9b": table}

    def say(found: Measurement) -> Said:
        gap = f"by an R² of {written(found)}"
        return Said(
            "An SAE's own reconstruction predicts its nonlinear error better than those of what "
            f"feeds its site do, {gap}.",
            "Reconstructions of what feeds the site predict the nonlinear error at least as well "
            f"as the SAE's own: that is better {gap}.",
            "Whether an SAE's own reconstruction predicts its nonlinear error best is open: it "
            f"is better {gap}.",
        )

    return judged(claim_of(CLAIMS, "own_reconstruction_predicts_best"), tables, say)
