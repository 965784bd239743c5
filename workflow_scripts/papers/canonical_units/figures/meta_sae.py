"""Section 5: variance of an SAE's decoder directions that meta-SAEs explain, beside its controls."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, log_ticks, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.anatomy.setup.architectures import ARCHITECTURES

ROWS = {
    "decoder": ("decoder directions", PALETTE[0]),
    "same_covariance": ("random, same covariance", PALETTE[1]),
    "isotropic": ("random, isotropic", PALETTE[7]),
}


def draw(table: pd.DataFrame, final: pd.DataFrame) -> Figure:
    """Draw from `meta_sae.csv` and `meta_sae_final.csv`."""
    figure, (left, middle, right) = new_figure(3, 1, "page", ratio=1.1, sharey=True)
    _curves(left, table[table["part"].isin(["main", "control"])], final)
    _architectures(middle, final[final["part"] == "architecture"])
    _levels(middle, final[final["part"] == "control"])
    _widths(right, final[final["part"] == "width"])
    left.set_ylabel("Variance explained")
    left.set_ylim(0, 1)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(handles))
    return figure


def _curves(axes: Axes, curves: pd.DataFrame, final: pd.DataFrame) -> None:
    """Variance explained while training, a line per seed; the last ones are beside the axis."""
    for rows, (label, colour) in ROWS.items():
        part = curves[curves["rows"] == rows]
        for at, (_, line) in enumerate(part.groupby("meta_sae")):
            name = label if at == 0 else None
            axes.plot(line["epoch"], line["variance_explained"], color=colour, label=name)
        ends = final[final["part"].isin(["main", "control"]) & (final["rows"] == rows)]
        if len(ends):
            value, x = ends["variance_explained"].mean(), curves["epoch"].max()
            axes.annotate(f"{value:.2f}", (x, value), (0, 3), textcoords="offset points",
                          ha="right", color=colour, fontsize=7)  # fmt: skip
    axes.set(xlabel="Epoch", title=_titled("While training", final, "main"))


def _architectures(axes: Axes, final: pd.DataFrame) -> None:
    """A dot per seed and architecture, with the L0 that it has."""
    shown = [name for name in ARCHITECTURES if (final["architecture"] == name).any()]
    for at, name in enumerate(shown):
        part = final[final["architecture"] == name]
        places = at + np.linspace(-0.12, 0.12, len(part)) if len(part) > 1 else np.array([at])
        _dots(axes, places, part, ROWS["decoder"][1])
        axes.annotate(
            f"{part['l0'].mean():.2f}",
            (at, part["variance_explained_hi"].max()),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=6,
        )
    labels = [ARCHITECTURES[name].label for name in shown]
    axes.set_xticks(range(len(shown)), labels, rotation=30)
    axes.set(xlim=(-0.6, len(shown) - 0.4), title="By architecture, with $L_0$")


def _levels(axes: Axes, controls: pd.DataFrame) -> None:
    """What the main meta-SAEs explain of random directions."""
    for rows, part in controls.groupby("rows"):
        level = part["variance_explained"].mean()
        axes.axhline(level, color=ROWS[rows][1], linestyle="--", linewidth=0.8)


def _widths(axes: Axes, final: pd.DataFrame) -> None:
    """Against the width of the SAE taken apart, as many directions a meta-latent at each."""
    for at, rows in enumerate(("decoder", "same_covariance")):
        part = final[final["rows"] == rows].sort_values("width")
        _dots(axes, part["width"] * (1 + 0.03 * (2 * at - 1)), part, ROWS[rows][1])
        means = part.groupby("width")["variance_explained"].mean()
        axes.plot(
            means.index * (1 + 0.03 * (2 * at - 1)), means, color=ROWS[rows][1], linewidth=0.8
        )
    if len(final):
        log_ticks(axes, "x", final["width"])
        shown = sorted(final["width"].unique())[:: -(-final["width"].nunique() // 4)]
        axes.set_xticks(shown, [str(width) for width in shown])
    axes.set(xlabel="Width of the SAE taken apart", title=_titled("By width", final, "width"))


def _titled(title: str, final: pd.DataFrame, part: str) -> str:
    """A title with the number of meta-latents."""
    found = final.loc[final["part"] == part, "meta_width"]
    return f"{title}, {found.iloc[0]} meta-latents" if len(found) else title


def _dots(axes: Axes, places: "np.ndarray | pd.Series", part: pd.DataFrame, colour: str) -> None:
    value = part["variance_explained"]
    ends = [value - part["variance_explained_lo"], part["variance_explained_hi"] - value]
    axes.errorbar(places, value, yerr=ends, fmt="o", color=colour, linewidth=0.8)


def finding(table: pd.DataFrame, final: pd.DataFrame) -> Finding:
    """Whether latents decompose, against random directions of their covariance."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"meta_sae": table, "meta_sae_final": final}

    def say(found: Measurement) -> Said:
        main = measurement_of(claim_of(CLAIMS, "meta_sae_explains_by"), tables)
        width = measurement_of(claim_of(CLAIMS, "larger_saes_less_atomic_than_random"), tables)
        gap = f"{written(found, 100)} points of variance"
        return Said(
            f"Latents decompose: of their directions a meta-SAE explains {gap} more than of "
            "random ones of "
            "the same covariance.",
            "Latents do not decompose better than chance: against random directions of the same "
            "covariance "
            f"a meta-SAE explains {gap} more.",
            "Whether latents decompose better than random directions of the same covariance is "
            "open: the "
            f"difference is {gap}.",
            f"In all it explains {written(main, 100, '%')}. Per doubling of the width of the SAE "
            "taken apart "
            f"the difference changes by {written(width, 100)} points.",
        )

    return judged(claim_of(CLAIMS, "latents_decompose"), tables, say)
