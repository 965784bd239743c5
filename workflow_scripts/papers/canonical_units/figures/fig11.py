"""Figure 11: cosine of activations against cosine of decoder directions, pair by pair of latents."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE
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
