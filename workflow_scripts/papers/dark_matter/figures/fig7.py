"""Figure 7: automated interpretability of the SAEs trained on linear and on nonlinear error."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.interpretability.scores import QUANTILE_NAMES
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

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


def finding(table: pd.DataFrame) -> Finding:
    """Whether latents of linear error are easier to explain than those of nonlinear error."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    def say(found: Measurement) -> Said:
        more = f"detection is more accurate by {written(found)}, over the deciles of the activation"
        least = measurement_of(claim_of(CLAIMS, "linear_latents_every_decile"), {"fig7": table})
        return Said(
            "Latents of the SAE on linear error are easier to explain than those on nonlinear "
            f"error: {more}.",
            "Latents of the SAE on linear error are not easier to explain than those on nonlinear "
            "error: "
            f"the difference in accuracy is {written(found)}.",
            "Which latents are easier to explain, those of linear or of nonlinear error, is open: "
            "the "
            f"difference in accuracy is {written(found)}.",
            f"In the decile where it is least the difference is {written(least)}.",
        )

    return judged(claim_of(CLAIMS, "linear_latents_more_interpretable"), {"fig7": table}, say)
