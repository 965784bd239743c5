"""Figure 14: MSE of both SAEs on tokens where a novel latent is active, and on the others."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.canonical_units.figures.boxes import boxes
from workflow_scripts.papers.canonical_units.figures.pairs import panels

SIZES = ("small", "large")
STATES = {False: "inactive", True: "active"}
WIDTH = 0.3


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig14.csv`: boxes over novel latents, without outliers; diamonds are means."""
    figure, every = panels(table, sharey=True)
    for axes, name, part in every:
        handles = []
        for at, size in enumerate(SIZES):
            values = [part.loc[part["active"] == state, f"mse_{size}"] for state in STATES]
            places = np.arange(len(STATES)) + WIDTH * (at - 0.5)
            boxes(axes, values, places, WIDTH, PALETTE[at])
            latents = f"{part[f'width_{size}'].iloc[0]} latents"
            handles.append(Patch(color=PALETTE[at], label=latents))
        axes.set_xticks(range(len(STATES)), STATES.values())
        axes.set_xlim(-0.6, len(STATES) - 0.4)
        axes.set_xlabel("Novel latent of the larger SAE")
        axes.set_ylabel("MSE")
        legend_above(axes, handles=handles, title=name, title_fontsize=8)
        axes.set_title("")  # the legend has it
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether a smaller SAE loses more where a novel latent is active."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig14": table}

    def say(found: Measurement) -> Said:
        gap = f"the difference in MSE is {written(found)} on average"
        return Said(
            "Where a novel latent is active the smaller SAE gets worse by more than the larger "
            f"one: {gap}.",
            "Where a novel latent is active the smaller SAE gets worse by no more than the "
            f"larger one: {gap}.",
            "Whether the smaller SAE gets worse by more where a novel latent is active is open: "
            f"{gap}.",
        )

    return judged(claim_of(CLAIMS, "smaller_sae_more_worse_where_novel"), tables, say)
