"""Parts of the SAE's error, pursuit codes and a stitched SAE, beside random errors of the same size."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

SUBJECTS = {
    "sae": "Sae(x)",
    "linear_error": "linear error alone",
    "nonlinear_error": "nonlinear error alone",
    "pursuit": "codes by pursuit",
    "stitched": "stitched",
}
BASELINES = {"ratio": "isotropic", "ratio_errors": "with the covariance of the errors"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `by_component.csv`, a row for each store, with 95 % intervals."""
    figure, axes = new_figure(width="page", ratio=0.12 + 0.055 * len(table))
    y = np.arange(len(table))
    for at, (column, label) in enumerate(BASELINES.items()):
        value = table[column]
        ends = np.clip([value - table[f"{column}_lo"], table[f"{column}_hi"] - value], 0, None)
        axes.errorbar(
            value, y + 0.16 * (2 * at - 1), xerr=ends, fmt="o", color=PALETTE[at], label=label
        )
    axes.axvline(1, color="black", linewidth=0.7, linestyle=":")
    names = [f"{SUBJECTS[row.subject]} ({row.sae})" for row in table.itertuples()]
    axes.set_yticks(y, names)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel("KL over that of random errors of the same size")
    figure.legend(loc="outside upper center", ncols=2, title="Random errors")
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether better activations of the same latents are less pathological."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"by_component": table}

    def say(found: Measurement) -> Said:
        stitched = measurement_of(claim_of(CLAIMS, "latents_of_a_larger_sae_help"), tables)
        factor = f"the ratio to random errors is {written(found)} times that of the SAE's own"
        return Said(
            f"With activations that pursuit chooses the errors are less pathological: {factor}.",
            f"With activations that pursuit chooses the errors are no less pathological: {factor}.",
            "Whether activations that pursuit chooses make the errors less pathological is open: "
            f"{factor}.",
            f"With the latents of a larger SAE that it lacks it is {written(stitched)} times."
            if stitched.value == stitched.value
            else "",
        )

    return judged(claim_of(CLAIMS, "best_activations_help"), tables, say)
