"""Figure 11: cosine of activations against cosine of decoder directions, pair by pair of latents."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.canonical_units.figures.pairs import panels


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig11.csv`; pairs with a latent that never fires are not shown."""
    figure, every = panels(table)
    for axes, name, part in every:
        shown = part.dropna(subset=["activation_cosine"])
        axes.plot(
            shown["decoder_cosine"],
            shown["activation_cosine"],
            ".",
            color=PALETTE[0],
            markersize=2.5,
            alpha=0.5,
            markeredgewidth=0,
            rasterized=True,
        )
        above, r2 = part["above"].iloc[0], part["r2"].iloc[0]
        axes.axvline(above, color="grey", linestyle="--", linewidth=0.8)
        axes.set_title(f"{name}, $R^2$ above {above:g}: {r2:.2f}")
        axes.set_xlabel("Decoder cosine")
        axes.set_ylabel("Activation cosine")
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether decoder cosines tell how alike activations are."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig11": table}

    def say(found: Measurement) -> Said:
        r2 = f"R² is {written(found)} for the pair where it is lowest"
        return Said(
            f"Where decoders are alike, their cosine tells how alike the activations are: {r2}.",
            "Where decoders are alike, their cosine does not tell how alike the activations are: "
            f"{r2}.",
            f"Whether the cosine of decoders tells how alike the activations are is open: {r2}.",
        )

    return judged(claim_of(CLAIMS, "similarities_agree"), tables, say)
