"""Figure 8: per cent of the loss increase recovered by either part of the error, and predictions."""

import numpy as np
import pandas as pd
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

NAMES = {"linear_error": "LinearError", "nonlinear_error": "NonlinearError"}
AXES = {"width": "SAE width (latents)", "l0": "SAE $L_0$"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig8.csv`: columns are components, rows the axis along which SAEs vary."""
    # An axis along which no SAEs vary has no panels.
    shown = [axis for axis in AXES if (table["axis"] == axis).any()] or list(AXES)[:1]
    figure, axes = new_figure(2, len(shown), "page", ratio=0.68, sharey=True, squeeze=False)
    for row, axis in zip(axes, shown, strict=True):
        for panel, (component, name) in zip(row, NAMES.items(), strict=True):
            part = table[(table["axis"] == axis) & (table["component"] == component)]
            spread = [
                part["ce_recovered"] - part["ce_recovered_lo"],
                part["ce_recovered_hi"] - part["ce_recovered"],
            ]
            panel.errorbar(
                part[axis], part["ce_recovered"], np.abs(spread), fmt="o-", color=PALETTE[0], capsize=2,
                label="Loss recovered",
            )  # fmt: skip
            panel.plot(
                part[axis], part["norm_share"], "s--", color=PALETTE[1], label="Predicted by norm"
            )
            panel.plot(
                part[axis],
                part["variance_share"],
                "^--",
                color=PALETTE[2],
                label="Predicted by variance",
            )
            if axis == "width":
                panel.set_xscale("log", base=2)
            else:
                log_ticks(panel, "x", part[axis])
            panel.set_xlabel(AXES[axis])
            panel.set_title(f"Sae(x) + {name}(x)")
            panel.axhline(0, color="grey", linewidth=0.5)
        row[0].set_ylabel("Loss increase recovered (%)")
    handles = axes[0, 1].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether giving the linear error back recovers loss."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    def say(found: Measurement) -> Said:
        other = measurement_of(claim_of(CLAIMS, "nonlinear_error_recovers_loss"), {"fig8": table})
        shares = table[table["component"] == "linear_error"]
        share = written(Measurement(shares["variance_share"].mean()), unit="%")
        recovered = f"{written(found, unit='%')} of the loss that the SAE costs"
        return Said(
            f"Linear error given back to the SAE recovers {recovered}.",
            f"Linear error given back to the SAE recovers nothing: the change is {recovered}.",
            f"Whether linear error given back recovers loss is open: it is {recovered}.",
            f"Its share of the error's variance is {share}; nonlinear error recovers "
            f"{written(other, unit='%')}.",
        )

    return judged(claim_of(CLAIMS, "linear_error_recovers_loss"), {"fig8": table}, say)
