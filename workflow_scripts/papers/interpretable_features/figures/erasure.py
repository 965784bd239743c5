"""What is removed of a capability, against KL at all other tokens; and the ratio of KLs at equal removal."""

from typing import Any

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
    estimate_in,
    extreme,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.interpretable_features.figures.methods import COLOURS, LABELS

# Points from a dot to its number, where paths come near each other.
OFFSETS = {"pca": (3, -7), "random": (-8, 3)}
APART = 0.08  # in decades of KL and shares of the capability


def draw(table: pd.DataFrame, matched: pd.DataFrame) -> Figure:
    """Draw from `erasure.csv` and `erasure_matched.csv`: a path for each method."""
    figure, (left, right) = new_figure(2, 1, "page", 0.8)
    for method in [name for name in LABELS if (table["method"] == name).any()]:
        _path(left, table[table["method"] == method], method)
        _ratios(right, matched[matched["method"] == method], method)
    log_ticks(left, "x", table[["kl_elsewhere_lo", "kl_elsewhere_hi"]].stack())
    for level in (0, 1):
        left.axhline(level, color="0.7", linewidth=0.6, zorder=0)
    left.set(xlabel="KL at all other tokens (nats)", ylabel="Share of the capability removed")
    right.axhline(1, color="0.5", linewidth=0.7, linestyle="--", zorder=0)
    right.set(xlabel="Share of the capability removed", ylabel="KL of SAE ablation over KL of this")
    log_ticks(right, "y", _finite(matched))
    right.set_xticks(sorted(matched["level"].unique()))
    figure.legend(loc="outside upper center", ncols=len(left.get_legend_handles_labels()[1]) or 1)
    return figure


def _path(axes: Axes, part: pd.DataFrame, method: str) -> None:
    part = part.sort_values(["n_ablated", "strength"])
    x, y, colour = part["kl_elsewhere"], part["capability_lost"], COLOURS[method]
    for value, name, fmt in ((x, "kl_elsewhere", "xerr"), (y, "capability_lost", "yerr")):
        ends = [value - part[f"{name}_lo"], part[f"{name}_hi"] - value]
        spread = {fmt: np.clip(ends, 0, None)}
        axes.errorbar(x, y, **spread, fmt="none", ecolor=colour, elinewidth=0.5, alpha=0.5)
    axes.plot(x, y, "o-", color=colour, label=LABELS[method], linewidth=0.9, markersize=3)
    before = (0.0, 0.0)
    for row in part[part["strength"] == 1].itertuples():
        here = (np.log10(row.kl_elsewhere), row.capability_lost)
        # The number of a dot upon the one before would be upon its number.
        if np.hypot(*np.subtract(here, before)) > APART:
            offset, before = OFFSETS.get(method, (2, 3)), here
            where = (row.kl_elsewhere, row.capability_lost)
            look: dict[str, Any] = {"textcoords": "offset points", "fontsize": 5.5, "color": colour}
            axes.annotate(f"{row.n_ablated}", where, offset, **look)


def _ratios(axes: Axes, part: pd.DataFrame, method: str) -> None:
    part = part[np.isfinite(part["log_ratio"])]
    ratio, low, high = (np.exp(part[f"log_ratio{end}"]) for end in ("", "_lo", "_hi"))
    # An infinite end, where one of the two does not remove as much, is drawn beyond the edge.
    ends = [ratio - low.fillna(ratio), np.minimum(high.fillna(ratio), 10 * ratio) - ratio]
    shift = 0.008 * (list(COLOURS).index(method) - 3)
    spread = np.clip(ends, 0, None)
    axes.errorbar(
        part["level"] + shift, ratio, spread, fmt="o-", color=COLOURS[method], elinewidth=0.6
    )


def _finite(matched: pd.DataFrame) -> np.ndarray:
    logs = matched["log_ratio"].to_numpy(float)
    return np.exp(np.append(logs[np.isfinite(logs)], 0.0))


def finding(table: pd.DataFrame, matched: pd.DataFrame) -> Finding:
    """Whether ablating latents disrupts the model less than LEACE, as much being removed."""
    from workflow_scripts.papers.interpretable_features.claims import CLAIMS

    tables = {"erasure": table, "erasure_matched": matched}

    def say(found: Measurement) -> Said:
        ratio = written(_ratio(found))
        most = extreme(table[table["method"] == "sae"], "capability_lost", True)
        removed = written(estimate_in(most, "capability_lost"), 100, "%")
        rivals = {
            LABELS[name]: _ratio(
                measurement_of(claim_of(CLAIMS, f"less_disruption_than_{name}"), tables)
            )
            for name in ("mean_difference", "pca", "random")
        }
        others = ", ".join(
            f"{written(rival)} times that of {label}"
            for label, rival in rivals.items()
            if not np.isnan(rival.value)
        )
        cost = (
            f"until half of the capability is gone, the KL elsewhere is {ratio} times that of LEACE"
        )
        return Said(
            f"Ablating latents disrupts the model less than LEACE: {cost}.",
            f"Ablating latents disrupts the model no less than LEACE: {cost}.",
            f"Whether ablating latents disrupts the model less than LEACE is open: {cost}.",
            (f"In the same way it is {others}. " if others else "")
            + f"At most {removed} of the capability is removed{_fewest(table)}.",
        )

    return judged(claim_of(CLAIMS, "less_disruption_than_leace"), tables, say)


def _fewest(table: pd.DataFrame) -> str:
    """How many latents half of the capability takes, and how much more these remove than random directions."""
    from workflow_scripts.papers.interpretable_features.claims import CLAIMS
    from workflow_scripts.papers.interpretable_features.claims.erasure import fewest_latents

    fewest = fewest_latents(table)
    if fewest is None:
        return ", by no number of latents half of it"
    claim = claim_of(CLAIMS, "latents_carry_a_capability")
    beyond = measurement_of(claim, {"erasure": table})
    latents = f"; half of it takes {fewest} latent{'' if fewest == 1 else 's'}"
    if np.isnan(beyond.value):
        return latents
    points = written(beyond, 100, "points")
    return f"{latents}, which remove {points} more than as many random directions"


def _ratio(found: Measurement) -> Measurement:
    """From its logarithm."""
    with np.errstate(over="ignore"):
        return Measurement.of(np.exp([found.value, found.lo, found.hi]), found.over)
