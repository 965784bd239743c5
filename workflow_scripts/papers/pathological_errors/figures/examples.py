"""The most probable next tokens at a few tokens: of the model, under Sae(x), under a random error."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.figures.token_text import visible
from workflow_scripts.papers.pathological_errors.figures.interventions import COLOURS
from workflow_scripts.papers.pathological_errors.interventions import LABELS

NAMES = {"none": "model as it is"} | LABELS


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `examples.csv`, a panel for each token; the text above it ends with that token."""
    examples = sorted(table["example"].unique())
    figure, axes = new_figure(1, len(examples), "page", 0.33, squeeze=False)
    for example, panel in zip(examples, axes[:, 0], strict=True):
        _draw_example(panel, table[table["example"] == example])
    return figure


def _draw_example(axes: Axes, part: pd.DataFrame) -> None:
    tokens = part.drop_duplicates("rank").sort_values("rank")
    for name, its in part.groupby("intervention", sort=False):
        its = its.sort_values("rank")
        label = NAMES[str(name)]
        if name != "none":
            label += f": KL {its['kl'].iloc[0]:.3g}"
        colour = COLOURS.get(str(name), "black")
        axes.plot(its["rank"], its["log_prob"], "o-", color=colour, label=label, markersize=2.5)
    shown = [visible(token, spaces=True, at_most=10) for token in tokens["token"]]
    axes.set_xticks(tokens["rank"], shown, rotation=90, family="monospace", fontsize=6)
    for tick in axes.get_xticklabels():
        tick.set_parse_math(False)
    axes.set_ylabel("Log-probability")
    text = visible(part["text"].iloc[0], at_most=90)
    axes.set_title(text, fontsize=6, family="monospace", loc="left", parse_math=False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
