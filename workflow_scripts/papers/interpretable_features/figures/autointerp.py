"""Scores of SAE latents and of other directions: a violin for each kind, and its mean."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.rule import positive
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    estimate_in,
    extreme,
    judged,
    written,
)
from workflow_scripts.papers.interpretable_features.figures.methods import COLOURS, LABELS

CHANCE = 0.5
WIDTH = 0.8


def draw(table: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """Draw from `autointerp.csv` and `autointerp_means.csv`."""
    figure, axes = new_figure()
    shown = [name for name in LABELS if (means["method"] == name).any()]
    for place, method in enumerate(shown):
        scores = table.loc[table["method"] == method, "score"].dropna()
        if scores.nunique() > 1:
            (body,) = axes.violinplot([scores], [place], widths=WIDTH, showextrema=False)["bodies"]
            body.set(facecolor=COLOURS[method], edgecolor="none", alpha=0.45)
        of_method = means[means["method"] == method].iloc[0]
        mean = of_method["score"]
        ends = np.abs([[of_method["score_lo"] - mean], [of_method["score_hi"] - mean]])
        axes.errorbar([place], [mean], ends, fmt="o", color="0.15", capsize=2, zorder=3)
    axes.axhline(CHANCE, color="0.5", linewidth=0.7, linestyle="--", zorder=0)
    axes.set_xticks(range(len(shown)), [LABELS[name].replace(" ", "\n") for name in shown])
    axes.set_ylabel("Interpretability (balanced accuracy)")
    return figure


def finding(table: pd.DataFrame, means: pd.DataFrame) -> Finding:
    """Whether SAE latents are easier to explain than every other kind of direction."""
    rivals = means[(means["method"] != "sae") & means["advantage"].notna()]

    def least(tables: Tables) -> Measurement:
        shown = tables["autointerp_means"]
        shown = shown[(shown["method"] != "sae") & shown["advantage"].notna()]
        if shown.empty:
            raise NotTestable("no other directions were scored")
        ends = (shown[f"advantage{end}"].min() for end in ("", "_lo", "_hi"))
        return Measurement.of(ends, "directions")

    claim = Claim(
        "more_interpretable_than_all",
        "Abstract",
        "SAE latents are more interpretable than every other kind of direction.",
        "more",
        Measure("least advantage (autointerp_means)", least),
        positive(),
    )

    def say(found: Measurement) -> Said:
        own = written(estimate_in(means[means["method"] == "sae"].iloc[0], "score"))
        nearest = extreme(rivals, "advantage", False)
        name = LABELS.get(nearest["method"], nearest["method"])
        both = (
            f"{own} against {written(estimate_in(nearest, 'score'))} of the nearest rival, "
            f"{name}, a lead of "
            f"{written(found)}"
        )
        rest = [
            f"{LABELS.get(row['method'], row['method'])} {written(estimate_in(row, 'score'))}"
            for _, row in rivals.iterrows()
            if row["method"] != nearest["method"]
        ]
        return Said(
            f"Explanations predict SAE latents better than every other kind of direction: {both}.",
            "Explanations do not predict SAE latents better than every other kind of direction: "
            f"{both}.",
            "Whether explanations predict SAE latents better than every other kind of direction "
            "is open: "
            f"{both}.",
            f"The others score: {'; '.join(rest)}. Chance is {CHANCE:g}." if rest else "",
        )

    if not (means["method"] == "sae").any():
        means = means.iloc[:0]
    return judged(claim, {"autointerp": table, "autointerp_means": means}, say)
