"""Section 5.1: how often a latent is recognised by its meta-latents, and how well these are explained."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

CHANCE = 0.2
# (left out, control) -> what it is called, and its colour.
ASKED = {
    ("options", "real"): ("explained without the five latents", PALETTE[0]),
    ("nothing", "real"): ("explained with them", PALETTE[1]),
    ("options", "shuffled"): ("another latent's meta-latents", PALETTE[7]),
    ("nothing", "shuffled"): ("another latent's, explained with the five", PALETTE[7]),
}
CONTROLS = (("options", "shuffled"), ("nothing", "shuffled"))
KINDS = {
    "meta_latent": ("meta-latents", PALETTE[1]),
    "shuffled": ("random groups of latents", PALETTE[7]),
    "latent": ("latents", PALETTE[0]),
}
# A number of meta-latents is shown that so many questions have.
FEWEST = 10
ALL = "all"


def draw(table: pd.DataFrame, shares: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Draw from `mcq_shares.csv` and `mcq_scores.csv`; `mcq.csv` has the single questions."""
    figure, (left, right) = new_figure(2, 1, "page", 0.72)
    _draw_shares(left, shares[shares["questions"] >= FEWEST])
    _draw_scores(right, scores.dropna(subset="score"))
    return figure


def _draw_shares(axes: Axes, shares: pd.DataFrame) -> None:
    numbers = shares["n_meta_latents"].astype(str)
    order = [ALL, *sorted(set(numbers) - {ALL}, key=int)]
    present = [key for key in ASKED if _of(shares, key).any()]
    # One control is enough: with latents of its own it cannot tell anything either.
    present = [key for key in present if key != CONTROLS[1] or CONTROLS[0] not in present]
    for at, key in enumerate(present):
        part = shares[_of(shares, key)]
        place = np.array([order.index(number) for number in numbers[part.index]], float)
        place += 0.18 * (at - (len(present) - 1) / 2)
        ends = [part["share"] - part["share_lo"], part["share_hi"] - part["share"]]
        label, colour = ASKED[key]
        style: dict[str, Any] = {
            "fmt": "os^D"[at],
            "capsize": 1.5,
            "elinewidth": 0.8,
            "markersize": 3,
        }
        axes.errorbar(place, part["share"], ends, color=colour, label=label, **style)
    axes.axhline(CHANCE, color="0.5", linestyle="--", linewidth=0.8)
    axes.axvline(0.5, color="0.8", linestyle=":", linewidth=0.6)
    axes.set_xticks(range(len(order)), order)
    axes.set_xlim(-0.5, len(order) - 0.5)
    axes.set_ylim(0, 1.04)
    axes.set_xlabel("Meta-latents that are explained in the question")
    axes.set_ylabel("Share of right answers")
    if present:
        legend_above(axes, ncols=1)


def _draw_scores(axes: Axes, scores: pd.DataFrame) -> None:
    edges = np.linspace(0, 1, 41).tolist()
    for kind, (name, colour) in KINDS.items():
        values = scores.loc[scores["kind"] == kind, "score"]
        if values.empty:
            continue
        label = f"{len(values)} {name}, mean {values.mean():.2f}"
        weights = np.full(len(values), 1 / len(values))
        axes.hist(values, edges, weights=weights, histtype="step", color=colour, label=label)
    axes.axvline(0.5, color="0.5", linestyle="--", linewidth=0.8)
    lowest = scores["score"].min() if len(scores) else 0.5
    axes.set_xlim(min(0.4, lowest - 0.05), 1)
    axes.set_xlabel("Balanced accuracy of the explanation")
    axes.set_ylabel("Share of latents")
    if len(axes.patches):
        legend_above(axes, ncols=1)


def _of(shares: pd.DataFrame, key: tuple[str, str]) -> pd.Series:
    return (shares["left_out"] == key[0]) & (shares["control"] == key[1])


def finding(table: pd.DataFrame, shares: pd.DataFrame, scores: pd.DataFrame) -> Finding:
    """Whether the explanations of its meta-latents tell a latent from others."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"mcq": table, "mcq_shares": shares, "mcq_scores": scores}

    def say(found: Measurement) -> Said:
        share = f"{written(found, 100, '%')} of the answers are right, against 20 % by chance"
        shuffled = measurement_of(
            claim_of(CLAIMS, "another_latents_meta_latents_tell_nothing"), tables
        )
        return Said(
            "Explanations of its meta-latents tell a latent from four others better than chance: "
            f"{share}.",
            "Explanations of its meta-latents tell a latent from four others no better than "
            f"chance: {share}.",
            "Whether explanations of its meta-latents tell a latent from four others is open: "
            f"{share}.",
            f"With the meta-latents of another latent {written(shuffled, 100, '%')} are.",
        )

    return judged(claim_of(CLAIMS, "meta_latents_tell_the_latent"), tables, say)
