"""KL of the model's predictions under each intervention, in groups of bars by layer."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import new_figure
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
from workflow_scripts.papers.pathological_errors.interventions import (
    BASELINE,
    INTERVENTIONS,
    LABELS,
)

# Warm for Sae(x), blue for random errors of its size, grey for what takes everything away.
COLOURS = {
    "sae": "#d55e00",
    "sae_norm_of_x": "#de8f05",
    "epsilon_random": "#0173b2",
    "epsilon_random_norm": "#56b4e9",
    "cosine_random": "#7fcdbb",
    "real_difference": "#029e73",
    "epsilon_errors": "#cc78bc",
    "x_norm_of_sae": "#ece133",
    "mean": "#949494",
    "zero": "#4d4d4d",
}
GROUP = 0.84
# The axis ends at so small a part of the random errors' KL: a change of norm before a layer norm does nothing.
FLOOR = 1e-3


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `interventions.csv`; on a logarithmic axis, with 95 % intervals."""
    figure, axes = new_figure(width="page", ratio=0.42)
    bars(axes, table, [name for name in INTERVENTIONS if (table["intervention"] == name).any()])
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(5, len(labels)))
    axes.set_ylabel("KL(P || Q), nats")
    return figure


def bars(axes: Axes, table: pd.DataFrame, names: list[str]) -> None:
    """Bars of KL, one of every colour at each layer; what is below the axis has none."""
    layers = sorted(table["layer"].unique())
    width = GROUP / max(1, len(names))
    for at, name in enumerate(names):
        part = table[table["intervention"] == name].set_index("layer").reindex(layers)
        x = np.arange(len(layers)) + (at - (len(names) - 1) / 2) * width
        kl = part["kl"].to_numpy()
        axes.bar(x, kl, width, color=COLOURS[name], label=LABELS[name], linewidth=0.3)
        ends = np.stack([kl - part["kl_lo"].clip(lower=0), part["kl_hi"] - kl]).clip(0)
        axes.errorbar(x, kl, ends, fmt="none", ecolor="black", elinewidth=0.6)
    axes.set_yscale("log")
    known = table[table["kl"] > 0]
    random = known.loc[known["intervention"] == BASELINE, "kl"]
    least = 0.0 if random.empty else FLOOR * random.min()
    axes.set_ylim(max(known["kl"].min() / 2, least), None)
    axes.set_xticks(range(len(layers)), [f"{layer}" for layer in layers])
    axes.set_xlabel("Layer")


def finding(table: pd.DataFrame) -> Finding:
    """Whether Sae(x) does more harm than random errors of its size, layer by layer."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"interventions": table}

    def say(found: Measurement) -> Said:
        sae = table[table["intervention"] == "sae"]
        most = written(estimate_in(extreme(sae, "ratio", True), "ratio"))
        layers = sae["layer"].nunique()
        ratio = (
            f"the KL divergence is {written(found)} times that of random errors where that is least"
        )
        where = "its layer" if layers == 1 else f"each of {layers} layers"
        mean = measurement_of(claim_of(CLAIMS, "twice_as_bad_on_average"), tables)
        return Said(
            f"At {where} Sae(x) changes predictions more than random errors of the same size: "
            f"{ratio}, "
            f"and {most} times where it is most.",
            f"Not at {where} does Sae(x) change predictions more than random errors of the same "
            "size: "
            f"{ratio}, and {most} times where it is most.",
            f"Whether at {where} Sae(x) changes predictions more than random errors of the same "
            "size is "
            f"open: {ratio}, and {most} times where it is most.",
            f"On average over layers it is {written(mean)} times as large.",
        )

    return judged(claim_of(CLAIMS, "sae_worse_than_random_at_every_layer"), tables, say)
