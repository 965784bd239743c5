"""KL by position in the context, a panel a layer."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.panels import small_multiples
from workflow_scripts.anatomy.figures.style import log_ticks
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.pathological_errors.figures.interventions import COLOURS
from workflow_scripts.papers.pathological_errors.interventions import LABELS


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `position.csv`; on a logarithmic axis, bands are 95 % intervals."""
    ordered = table.sort_values(["layer", "position"], kind="stable")
    figure, panels = small_multiples(ordered, ["layer"], 0.75, "Position", "KL(P || Q), nats")
    first = None
    for axes, (layer,), part in panels:
        for name, its in part.groupby("intervention", sort=False):
            colour = COLOURS[str(name)]
            axes.plot(its["position"], its["kl"], color=colour, label=LABELS[str(name)])
            low = its["kl_lo"].clip(lower=1e-9)
            axes.fill_between(its["position"], low, its["kl_hi"], color=colour, alpha=0.2, lw=0)
        axes.set_title(f"Layer {layer}")
        # Beside panels with numbers on their axis, too, where another one is below.
        axes.tick_params(axis="x", labelbottom=True)
        first = axes if first is None else first
    if first is not None:
        shown = ordered.loc[ordered["kl"] > 0, "kl"]
        log_ticks(first, "y", shown)
        handles, labels = first.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether Sae(x) does more harm than random errors all along the context."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"position": table}

    def say(found: Measurement) -> Said:
        ratio = f"{written(found)} times as much where it is least"
        return Said(
            "At every position of the context, and every layer, Sae(x) does more harm than "
            f"random errors: {ratio}.",
            "Not at every position of the context does Sae(x) do more harm than random errors: "
            f"{ratio}.",
            "Whether Sae(x) does more harm than random errors at every position of the context "
            f"is open: {ratio}.",
        )

    return judged(claim_of(CLAIMS, "higher_at_every_position"), tables, say)
