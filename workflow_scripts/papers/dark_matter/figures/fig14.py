"""Figure 14: the norm probe's dot product with each latent against its average activation."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written

WINDOW = 10


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig14.csv`: latents, their smoothed line, and equality."""
    table = table.sort_values("average_activation")
    figure, axes = new_figure()
    axes.plot(
        table["average_activation"],
        table["probe_dot"],
        ".",
        color=PALETTE[0],
        markersize=1.5,
        alpha=0.5,
        label="latents",
    )
    smooth = table[["average_activation", "probe_dot"]].rolling(WINDOW, center=True).mean()
    axes.plot(
        smooth["average_activation"],
        smooth["probe_dot"],
        color=PALETTE[3],
        label=f"mean of {WINDOW}",
    )
    ends = np.quantile(table["average_activation"], [0, 0.995])
    axes.plot(ends, ends, ":", color="black", label="equal")
    axes.set_xlim(0, ends[1])
    low, high = np.quantile(table["probe_dot"], [0.005, 0.995])
    axes.set_ylim(min(0, low), max(high, ends[1]))
    axes.set_xlabel("Average activation of the latent")
    axes.set_ylabel(r"$(a^*)^T \cdot$ latent")
    legend_above(axes, ncols=3)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether the probe for the norm weighs latents by their activation."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig14": table}

    def say(found: Measurement) -> Said:
        how = f"the correlation is {written(found)} over {len(table)} latents"
        return Said(
            f"The probe for the norm of Sae(x) weighs latents by their average activation: {how}.",
            "The probe for the norm of Sae(x) does not weigh latents by their average "
            f"activation: {how}.",
            "Whether the probe for the norm of Sae(x) weighs latents by their average activation "
            f"is open: {how}.",
        )

    return judged(claim_of(CLAIMS, "probe_tracks_activation"), tables, say)
