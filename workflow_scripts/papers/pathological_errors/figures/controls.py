"""Controls beside isotropic random errors, and Sae(x) beside the controls, by layer."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import log_ticks, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.pathological_errors.interventions import BASELINE, CONTRASTS, LABELS


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `controls.csv`; a dot a layer, with 95 % intervals. At the dotted line both are alike."""
    by_random = [pair for pair in CONTRASTS if pair[1] == BASELINE]
    others = [pair for pair in CONTRASTS if pair[1] != BASELINE]
    figure, axes = new_figure(2, 1, "page", 0.95, squeeze=False)
    _draw(axes[0, 0], table, by_random, [LABELS[name] for name, _ in by_random])
    axes[0, 0].set_xlabel(f"KL over that of {LABELS[BASELINE]}")
    names = [f"{LABELS[name]}\nover {LABELS[other]}" for name, other in others]
    _draw(axes[0, 1], table, others, names)
    axes[0, 1].set_xlabel("Ratio of KLs")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=6, title="Layer")
    return figure


def _draw(axes: Axes, table: pd.DataFrame, pairs: list[tuple[str, str]], names: list[str]) -> None:
    from seaborn import color_palette

    layers = sorted(table["layer"].unique())
    named = layers[:: -(-len(layers) // 6)] if layers else []
    shown = []
    for at, (colour, layer) in enumerate(
        zip(color_palette("crest", len(layers)), layers, strict=True)
    ):
        of_layer = table[table["layer"] == layer].set_index(["intervention", "baseline"])
        rows = [(y, of_layer.loc[pair]) for y, pair in enumerate(pairs) if pair in of_layer.index]
        y = np.array([y for y, _ in rows]) + 0.6 * ((at + 0.5) / len(layers) - 0.5)
        value, low, high = (
            np.array([row[f"ratio{end}"] for _, row in rows]) for end in ("", "_lo", "_hi")
        )
        label = f"{layer}" if layer in named else None
        ends = np.clip([value - low, high - value], 0, None)
        axes.errorbar(
            value, y, xerr=ends, fmt="o", color=colour, markersize=3, elinewidth=0.8, label=label
        )
        shown += [*value, *low, *high]
    log_ticks(axes, "x", [each for each in shown if np.isfinite(each)])
    axes.axvline(1, color="black", linewidth=0.7, linestyle=":")
    axes.set_yticks(range(len(pairs)), names)
    axes.set_ylim(len(pairs) - 0.5, -0.5)


def finding(table: pd.DataFrame) -> Finding:
    """How much of the gap is left beside random errors with the covariance of the SAE's."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"controls": table}

    def say(found: Measurement) -> Said:
        share = measurement_of(claim_of(CLAIMS, "anisotropy_is_most_of_the_gap"), tables)
        ratio = f"{written(found)} times the KL of random errors with the covariance of its own"
        return Said(
            f"Beside fair controls nothing is left of the gap: Sae(x) has {ratio}, on average "
            "over layers.",
            f"Beside fair controls, too, Sae(x) is worse: it has {ratio}, on average over layers.",
            "Whether anything is left of the gap beside fair controls is open: Sae(x) has "
            f"{ratio}, on "
            "average over layers.",
            f"The covariance alone accounts for {written(share, 100, '%')} of the gap to "
            "isotropic random "
            "errors, in logarithms.",
        )

    return judged(claim_of(CLAIMS, "anisotropy_is_all_of_the_gap"), tables, say)
