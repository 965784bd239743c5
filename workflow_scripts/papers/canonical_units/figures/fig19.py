"""Figure 19: share of reconstruction latents between seeds of one size, and between sizes."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

TITLES = {"seeds": "Seeds of {width} latents", "sizes": "Sizes"}
LABELS = {"seeds": "seed", "sizes": "width"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig19.csv`: rows are the SAEs whose latents are counted, columns those compared with.

    Without several seeds there is one panel.
    """
    shown = [name for name in TITLES if (table["comparison"] == name).any()]
    width = "page" if len(shown) > 1 else "column"
    figure, every = new_figure(len(shown), 1, width, ratio=0.95, squeeze=False)
    for axes, comparison in zip(every[0], shown, strict=True):
        part = table[table["comparison"] == comparison]
        key = LABELS[comparison].replace("width", "width_large").replace("seed", "seed_large")
        other = key.replace("large", "small")
        both = [part[["sae_large", key]].to_numpy(), part[["sae_small", other]].to_numpy()]
        named = pd.Series(dict(np.concatenate(both))).sort_values()
        grid = part.pivot(index="sae_large", columns="sae_small", values="reconstruction_share")
        seaborn.heatmap(
            grid.reindex(index=named.index, columns=named.index),
            ax=axes,
            annot=True,
            fmt=".2f",
            cmap="viridis",
            vmin=0,
            vmax=1,
            annot_kws={"size": 6},
            cbar=False,
            square=True,
            linewidths=0.5,
            xticklabels=list(named),
            yticklabels=list(named),
        )
        axes.set_facecolor("0.9")  # an SAE against itself
        axes.set_title(TITLES[comparison].format(width=part["width_large"].iloc[0]))
        axes.set_xlabel(f"Compared with ({LABELS[comparison]})")
        axes.set_ylabel(f"Latents of ({LABELS[comparison]})")
        axes.tick_params(axis="y", rotation=0)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether SAEs that differ in their seed share their latents."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig19": table}

    def say(found: Measurement) -> Said:
        sizes = measurement_of(claim_of(CLAIMS, "same_size_more_alike_than_sizes"), tables)
        share = f"{written(found, 100, '%')} of the firing latents"
        return Said(
            f"Between SAEs that differ in their seed alone {share} have a counterpart, most of "
            "them.",
            f"Between SAEs that differ in their seed alone only {share} have a counterpart.",
            f"Between SAEs that differ in their seed alone {share} have a counterpart, perhaps "
            "half of them.",
            f"That is {written(sizes, 100)} points more than from a smaller SAE to a larger one.",
        )

    return judged(claim_of(CLAIMS, "seeds_share_latents"), tables, say)
