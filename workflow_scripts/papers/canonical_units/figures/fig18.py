"""Figure 18: change of MSE while novel latents are added in random order."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.canonical_units.figures.pairs import panels


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig18.csv`: one line per order. Bands: 95 % intervals over documents."""
    figure, every = panels(table)
    for axes, _, part in every:
        for order, line in part.groupby("order"):
            colour = PALETTE[order % len(PALETTE)]
            axes.plot(line["n_added"], line["mse_change"], color=colour, linewidth=0.9)
            axes.fill_between(
                line["n_added"],
                line["mse_change_lo"],
                line["mse_change_hi"],
                color=colour,
                alpha=0.1,
                linewidth=0,
            )
        axes.axhline(0, color="grey", linewidth=0.6)
        axes.set_xlabel("Novel latents added")
        axes.set_ylabel("Change in MSE (%)")
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether all novel latents together lower the error."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    def say(found: Measurement) -> Said:
        change = f"by {written(found, unit='%')}"
        return Said(
            f"All novel latents together change the smaller SAE's MSE {change}, for the better.",
            "All novel latents together do not lower the smaller SAE's MSE: they change it "
            f"{change}.",
            "Whether all novel latents together lower the smaller SAE's MSE is open: they change "
            f"it {change}.",
        )

    return judged(claim_of(CLAIMS, "all_novel_latents_lower_mse"), {"fig18": table}, say)
