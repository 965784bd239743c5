"""Appendix C.1: correlation of linear probes with the squared norm, against the weights' rate."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure

NAMES = {
    "bernoulli": "Bernoulli",
    "poisson": "Poisson",
    "spike_gamma": "Gamma(4) where active",
}
TITLES = {"equal": "equal rates", "power_law": "rates $\\propto 1/i$"}


def draw(table: pd.DataFrame) -> Figure:
    """One panel per rate profile: paper's probe, least squares, Monte Carlo, printed number."""
    figure, axes = new_figure(columns=2, width="page", ratio=0.7, sharey=True)
    for axis, (profile, title) in zip(axes, TITLES.items(), strict=True):
        panel = table[table["rate_profile"] == profile]
        for colour, (distribution, name) in zip(PALETTE, NAMES.items(), strict=False):
            rows = panel[panel["distribution"] == distribution].sort_values("rate")
            rate = rows["rate"]
            axis.plot(rate, rows["rho_closed_form"], color=colour, label=name)
            axis.plot(rate, rows["rho_best_linear"], color=colour, linestyle="--")
            axis.plot(rate, rows["rho_mean_weight"], color=colour, linestyle=":")
            ends = rows["rho_monte_carlo_lo"], rows["rho_monte_carlo_hi"]
            axis.vlines(rate, *ends, colors=[colour])
            axis.plot(rate, rows["rho_monte_carlo"], "o", color=colour)
        printed = panel[panel["rho_paper"].notna() & (panel["distribution"] == "poisson")]
        axis.plot(printed["rate"], printed["rho_paper"], "kx", markersize=6)
        for rate, rho in zip(printed["rate"], printed["rho_paper"], strict=True):
            axis.annotate(
                f"printed in the paper: {rho:g}",
                (rate, rho),
                (-6, -9),
                textcoords="offset points",
                ha="right",
            )
        axis.set(xscale="log", xlabel="mean rate of a weight", title=title)
    axes[0].set_ylabel("correlation with $\\|\\mathbf{x}\\|_2^2$")
    styles = {
        "$b_i = E[w_i^2]/E[w_i]$ (paper)": "-",
        "least squares": "--",
        "$b_i = E[w_i]$ (B.1)": ":",
    }
    for label, style in styles.items():
        axes[0].plot([], [], color="0.3", linestyle=style, label=label)
    axes[0].plot([], [], "o-", color="0.3", label="Monte Carlo, 95 %")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
