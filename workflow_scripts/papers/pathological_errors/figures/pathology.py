"""KL of many random errors of single tokens with the SAE's among them, and where it is for all tokens."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, WIDTHS
from workflow_scripts.anatomy.figures.token_text import visible
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

COLUMNS, PANELS = 4, 8
# In standard deviations.
FAR = 2


def draw(table: pd.DataFrame, draws: pd.DataFrame) -> Figure:
    """Draw from `pathology.csv` and `pathology_draws.csv`; the tokens of the first contexts have a panel."""
    shown = table.sort_values("context").head(PANELS)
    rows = -(-len(shown) // COLUMNS)
    width = WIDTHS["page"]
    figure = Figure(figsize=(width, 1.35 * (rows + 1.3)), layout="constrained")
    grid = figure.add_gridspec(rows + 1, COLUMNS, height_ratios=[1.0] * rows + [1.15])
    for at, (_, token) in enumerate(shown.iterrows()):
        axes = figure.add_subplot(grid[divmod(at, COLUMNS)])
        _draw_token(axes, token, draws[draws["context"] == token["context"]])
        if at % COLUMNS == 0:
            axes.set_ylabel("Draws")
        if at >= len(shown) - COLUMNS:
            axes.set_xlabel("KL(P || Q), nats")
    _draw_all(figure.add_subplot(grid[rows, :]), table["z"])
    return figure


def _draw_token(axes: Axes, token: pd.Series, draws: pd.DataFrame) -> None:
    axes.hist(draws["kl"], bins=30, color=PALETTE[0], linewidth=0.2)
    axes.axvline(token["kl"], color=PALETTE[3], linewidth=1.4)
    text = visible(token["token"], spaces=True, at_most=12)
    axes.set_title(f"{text}   {token['z']:+.1f} sd", fontsize=7, parse_math=False)
    axes.set_xlim(0, None)
    axes.locator_params(axis="x", nbins=3)


def _draw_all(axes: Axes, z: pd.Series) -> None:
    low, high = min(-FAR - 1, z.min()), max(FAR + 1, z.max())
    axes.hist(z, bins=np.linspace(low, high, 41).tolist(), color=PALETTE[3], linewidth=0.2)
    for end in (-FAR, FAR):
        axes.axvline(end, color="black", linestyle=":", linewidth=0.8)
    share = float((z > FAR).mean())
    axes.set_xlabel("KL under Sae(x), in standard deviations from the mean of the draws")
    axes.set_ylabel("Tokens")
    axes.set_title(f"All {len(z)} tokens: {share:.0%} are more than {FAR} sd above", fontsize=8)


def finding(table: pd.DataFrame, draws: pd.DataFrame) -> Finding:
    """Whether the SAE's error is out on the tail of random errors of the same token."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"pathology": table, "pathology_draws": draws}

    def say(found: Measurement) -> Said:
        far = measurement_of(claim_of(CLAIMS, "many_very_bad"), tables)
        share = f"on {written(found, 100, '%')} of {len(table)} tokens"
        return Said(
            f"Sae(x) does more harm than random errors of the same token, by {FAR} of their "
            "standard deviations "
            f"or more, {share}: most of them.",
            f"Sae(x) does more harm than random errors of the same token, by {FAR} of their "
            "standard deviations "
            f"or more, only {share}.",
            f"Sae(x) does more harm than random errors of the same token, by {FAR} of their "
            "standard deviations "
            f"or more, {share}; whether that is most of them is open.",
            f"By 5 or more it does for {written(far, 100, '%')}.",
        )

    return judged(claim_of(CLAIMS, "comment_always_on_the_tail"), tables, say)
