"""Figure 4: change in MSE when a latent is added alone, against its maximum decoder cosine."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.canonical_units.figures.pairs import listed, named_pairs, panels


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig4.csv`, without the blend of biases; latents that never fire are not shown.

    The axis of changes is logarithmic on both sides of 0: a few latents that fire everywhere change
    the MSE a thousand times as much as most.
    """
    figure, every = panels(table)
    for axes, name, part in every:
        threshold = part["threshold"].iloc[0]
        part = part[part["activation_frequency"] > 0]
        for novel, label, colour in ((True, "novel", 0), (False, "reconstruction", 1)):
            group = part[part["novel"] == novel]
            helps = 100 * (group["delta_mse_latent"] < 0).mean() if len(group) else 0
            axes.plot(
                group["max_cosine"],
                group["delta_mse_latent"],
                ".",
                color=PALETTE[colour],
                markersize=3,
                alpha=0.6,
                markeredgewidth=0,
                rasterized=True,
                label=f"{label}: {helps:.0f} % of {len(group)} lower MSE",
            )
        axes.axhline(0, color="black", linewidth=0.6)
        axes.axvline(threshold, color="grey", linestyle="--", linewidth=0.8)
        _symmetric_log(axes, part["delta_mse_latent"])
        axes.set_xlabel("Maximum decoder cosine")
        axes.set_ylabel("Change in MSE")
        legend_above(axes, ncols=1, markerscale=2, title=name, title_fontsize=8)
        axes.set_title("")  # the legend has it
    return figure


def _symmetric_log(axes: Axes, changes: pd.Series) -> None:
    """Decades on both sides of 0, from the change that all but a tenth exceed."""
    # Of a pair whose larger SAE never fires there is no change at all.
    changes = changes.dropna() if len(changes.dropna()) else pd.Series([0.0])
    linear = changes.abs().quantile(0.1) or 1.0
    axes.set_yscale("symlog", linthresh=linear, linscale=1)
    low, high = min(changes.min(), -linear), max(changes.max(), linear)
    axes.set_ylim(3 * low, 3 * high)
    decades = 10.0 ** np.arange(np.ceil(np.log10(linear)), np.log10(max(-low, high)) + 0.5)
    step = -(-len(decades) // 4)
    shown = decades[::-1][::step]
    axes.set_yticks(np.concatenate([[0], shown, -shown[shown <= -3 * low]]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def finding(table: pd.DataFrame) -> Finding:
    """Whether latents that a smaller SAE has nothing like lower its error."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig4": table}

    def say(found: Measurement) -> Said:
        other = measurement_of(claim_of(CLAIMS, "reconstruction_latents_hurt"), tables)
        threshold = f"{table['threshold'].iloc[0]:g}"
        novel = int(((table["activation_frequency"] > 0) & table["novel"].astype(bool)).sum())
        latents = "1 novel latent" if novel == 1 else f"{novel:,} novel latents"
        pairs = named_pairs(table)
        if len(pairs) == 1:
            (larger, smaller), among = pairs[0], ""
        else:
            larger, smaller, among = "the larger SAE", "the smaller one", f", in {listed(pairs)}"
        does = (
            f"{written(found, 100, '%')} of {latents} (cosine below {threshold}) of {larger} "
            f"{'lowers' if novel == 1 else 'lower'} the error of {smaller} when added to it"
            f"{', each alone' * (novel != 1)}{among}"
        )
        return Said(
            f"{does}: {'the smaller SAE' if among else smaller} lacks what they say.",
            f"Only {does}, so most of them do harm.",
            f"{does}, which may or may not be most of them.",
            f"Of the latents that have a counterpart {written(other, 100, '%')} raise it.",
        )

    return judged(claim_of(CLAIMS, "novel_latents_help"), tables, say)
