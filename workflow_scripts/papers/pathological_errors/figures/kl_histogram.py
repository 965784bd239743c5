"""Distributions of KL, or of the increase in loss, over tokens, a panel a layer."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.rule import positive
from workflow_scripts.anatomy.figures.line_ends import label_ends
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.pathological_errors.figures.interventions import COLOURS
from workflow_scripts.papers.pathological_errors.interventions import BASELINE, LABELS

SHOWN = ("sae", BASELINE)


def draw(table: pd.DataFrame, quantiles: pd.DataFrame | None = None) -> Figure:
    """Draw from `kl_histogram.csv` and `kl_quantiles.csv`, or from `ce_histogram.csv` alone."""
    layers = sorted(table["layer"].unique())
    of_ce = bool((table["left"] < 0).any())
    panels = len(layers) + (quantiles is not None)
    columns = min(panels, 4 if panels % 4 == 0 else 3)
    rows = -(-panels // columns)
    figure, axes = new_figure(columns, rows, "page", 0.3 * columns, squeeze=False)
    for panel in axes.flat[panels:]:
        panel.set_axis_off()
    for layer, panel in zip(layers, axes.flat, strict=False):
        _draw_layer(panel, table[table["layer"] == layer], layer, of_ce)
        panel.set_xlabel("Increase in loss, nats" if of_ce else "KL(P || Q), nats")
    for panel in axes[:, 0]:
        panel.set_ylabel("Share of tokens")
    if quantiles is not None:
        _draw_quantiles(axes.flat[len(layers)], quantiles)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _draw_layer(axes: Axes, part: pd.DataFrame, layer: int, of_ce: bool) -> None:
    numbers, smallest = [], [1.0]
    for name in SHOWN:
        its = part[part["intervention"] == name]
        if its.empty:
            continue
        edges = [*its["left"], its["right"].iloc[-1]]
        colour = COLOURS[name]
        share = its["count"] / max(1, its["count"].sum())
        axes.stairs(share, edges, color=colour, label=LABELS[name], fill=True, alpha=0.25)
        axes.stairs(share, edges, color=colour, linewidth=0.9)
        smallest.append(1 / max(1, its["count"].sum()))
        numbers.append(f"{its['mean' if of_ce else 'p999'].iloc[0]:.3g}")
    axes.set_yscale("log")
    # Half a token at the bottom.
    axes.set_ylim(min(smallest) / 2, 1)
    said = "mean" if of_ce else "99.9th percentile"
    axes.set_title(f"Layer {layer}\n{said} {' | '.join(numbers)}", fontsize=7)


def _draw_quantiles(axes: Axes, quantiles: pd.DataFrame) -> None:
    """How many times larger each quantile of KL is under Sae(x)."""
    from seaborn import color_palette

    layers = sorted(quantiles["layer"].unique())
    places = sorted(quantiles["quantile"].unique())
    last = []
    for colour, layer in zip(color_palette("crest", len(layers)), layers, strict=True):
        part = quantiles[quantiles["layer"] == layer]
        at = [places.index(each) for each in part["quantile"]]
        ends = [part["ratio"] - part["ratio_lo"], part["ratio_hi"] - part["ratio"]]
        axes.errorbar(at, part["ratio"], ends, fmt="o-", color=colour, elinewidth=0.5, markersize=2)
        last.append((at[-1], part["ratio"].iloc[-1], f"{layer}", colour))
    axes.axhline(1, color="black", linewidth=0.6, linestyle=":")
    axes.set_xticks(range(len(places)), [f"{100 * each:g}" for each in places], rotation=90)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="Percentile of KL", ylabel="Ratio of percentiles")
    axes.set_title("Sae(x) over ε-random,\nby layer", fontsize=7)
    label_ends(axes, last)


def finding(table: pd.DataFrame, quantiles: pd.DataFrame | None = None) -> Finding:
    """Whether the whole distribution is shifted; without its quantiles, whether its mean is."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    if quantiles is None:
        return _of_means(table)

    def say(found: Measurement) -> Said:
        ratio = f"{written(found)} times that of random errors where that is least"
        return Said(
            "The whole distribution is shifted: every quantile of the KL under Sae(x) is higher, "
            f"{ratio}.",
            f"Not the whole distribution is shifted: a quantile of the KL under Sae(x) is {ratio}.",
            "Whether the whole distribution is shifted is open: a quantile of the KL under "
            f"Sae(x) is {ratio}.",
        )

    return judged(claim_of(CLAIMS, "whole_distribution_shifted"), {"kl_quantiles": quantiles}, say)


def _of_means(table: pd.DataFrame) -> Finding:
    """Whether Sae(x) raises the loss more than random errors at every layer, by the means alone."""

    def least(tables: Tables) -> Measurement:
        means = tables["ce_histogram"].groupby(["layer", "intervention"])["mean"].first().unstack()
        if not {"sae", "epsilon_random"} <= set(means):
            raise NotTestable("table ce_histogram lacks Sae(x) or random errors")
        return Measurement(float((means["sae"] - means["epsilon_random"]).min()))

    claim = Claim(
        "loss_rises_more",
        "",
        "At every layer Sae(x) raises the loss of single tokens more than random errors of its "
        "size.",
        "",
        Measure("least mean of sae minus epsilon_random (ce_histogram)", least),
        positive(),
    )

    def say(found: Measurement) -> Said:
        more = f"{written(found)} nats a token where that is least"
        return Said(
            "At every layer Sae(x) raises the loss more than random errors do, on average by "
            f"{more}.",
            f"Not at every layer does Sae(x) raise the loss more than random errors do: by {more}.",
            f"Whether Sae(x) raises the loss more at every layer is open: by {more}.",
        )

    return judged(claim, {"ce_histogram": table}, say)
