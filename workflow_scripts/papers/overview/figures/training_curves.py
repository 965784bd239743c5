"""FVU and dead latents against training tokens, for every SAE trained in the run."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure

PANELS = (("fvu", "FVU on training batches"), ("dead_latents", "Dead latents"))


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `training_curves.csv`; one line per SAE, coloured by width."""
    table = table.assign(
        sae=table["site"] + "/" + table["sae"], width=table["sae"].str.extract(r"-w(\d+)-")[0]
    )
    table["width"] = table["width"].astype(int)
    figure, axes = new_figure(2, 1, "page", ratio=0.62)
    for panel, (column, label) in zip(axes, PANELS, strict=True):
        seaborn.lineplot(
            table, x="tokens", y=column, hue="width", units="sae", estimator=None, palette="crest",
            hue_norm=_log_norm(table["width"]), linewidth=0.8, ax=panel, legend="full" if column == "fvu" else False,
        )  # fmt: skip
        panel.set_xlabel("Training tokens")
        panel.set_ylabel(label)
        panel.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
    axes[0].set_yscale("log")
    axes[0].legend(title="Width", loc="upper right")
    return figure


def _log_norm(widths: pd.Series):
    from matplotlib.colors import LogNorm

    return LogNorm(widths.min() / 2, widths.max())
