"""Figure 6: violins of the norm prediction test for five vectors, over all SAEs."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written

LABELS = {
    "x": "x",
    "sae": "Sae(x)",
    "error": "SaeError(x)",
    "linear_error": "Linear\nError(x)",
    "nonlinear_error": "Nonlinear\nError(x)",
}

JITTER = 0.12


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig6.csv`; SAEs with R^2 of 0 or less are left out, as in the paper."""
    shown = table[table["r2"] > 0].assign(vector=lambda t: t["vector"].map(LABELS))
    figure, axes = new_figure(ratio=0.8)
    order = list(LABELS.values())
    seaborn.violinplot(
        shown, x="vector", y="r2", order=order, ax=axes, color=PALETTE[0], inner=None, cut=0, linewidth=0.6,
        density_norm="width", alpha=0.5,
    )  # fmt: skip
    # Of its own generator: the same table is to give the same figure.
    jitter = np.random.default_rng(0).uniform(-JITTER, JITTER, len(shown))
    places = shown["vector"].map(order.index).to_numpy(float) + jitter
    axes.plot(places, shown["r2"], "o", color="black", markersize=1.5, markeredgewidth=0)
    axes.set_ylim(0, 1)
    axes.set_xlabel("")
    axes.set_ylabel("Norm prediction $R^2$")
    count = len(table[["model", "site", "sae"]].drop_duplicates())
    left_out = len(table) - len(shown)
    note = f", {left_out} values ≤ 0 left out" if left_out else ""
    axes.set_title(f"{count} SAEs{note}")
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether the nonlinear error's norm is harder to predict than that of the whole error."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    def say(found: Measurement) -> Said:
        means = table.groupby("vector")["r2"].mean()
        of = {name: written(Measurement(means.get(name, float("nan")))) for name in LABELS}
        both = f"mean R² {of['nonlinear_error']} against {of['error']}, a difference of {written(found)}"
        return Said(
            "The norm of nonlinear error is harder to predict than that of the whole error: "
            f"{both}.",
            "The norm of nonlinear error is no harder to predict than that of the whole error: "
            f"{both}.",
            f"Whether the norm of nonlinear error is harder to predict is open: {both}.",
            f"For the activation it is {of['x']}, for Sae(x) {of['sae']}, for linear error "
            f"{of['linear_error']}.",
        )

    return judged(claim_of(CLAIMS, "error_norm_above_nonlinear"), {"fig6": table}, say)
