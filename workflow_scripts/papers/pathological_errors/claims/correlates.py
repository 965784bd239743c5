"""Post, When do these errors happen: what the KL gap of a token goes with."""

import numpy as np

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import mean_over
from workflow_scripts.anatomy.claims.measures import (
    DOCUMENTS,
    chosen,
    columns,
    combination,
    largest_absolute,
    lowest,
    mean,
)
from workflow_scripts.anatomy.claims.rule import at_most, more_than, negative, positive
from workflow_scripts.papers.pathological_errors.claims.paper import OURS

WHEN = 'Section "When do these errors happen?"'
PEARSON = {"method": "pearson"}
BETWEEN = {"variable": "gap_of_layer"} | PEARSON
# What the post compares the gaps of other layers with.
PROPERTIES = ("cosine", "l0", "position", "log_frequency")


def _largest(variable: str) -> Measure:
    """The largest absolute correlation at any layer."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["correlates"], variable=variable, **PEARSON)
        table = table.dropna(subset=["correlation"])
        if table.empty:
            raise NotTestable(f"{variable} is the same at all tokens")
        return largest_absolute(columns(table, "correlation"), DOCUMENTS)

    return Measure(f"largest absolute Pearson correlation of {variable} (correlates)", measure)


def _strongest(tables: Tables) -> Measurement:
    """Mean correlation between layers less the largest mean correlation of a property, sign aside."""
    table = chosen(tables["correlates"], **PEARSON).dropna(subset=["correlation"])
    table = table.reset_index(drop=True)
    between = (table["variable"] == BETWEEN["variable"]).to_numpy()
    if not between.any():
        raise NotTestable("table correlates has a single layer")
    means = table[~between].groupby("variable")["correlation"].mean()
    means = means.reindex([name for name in PROPERTIES if name in means.index])
    if means.empty:
        raise NotTestable("table correlates has no property to compare with")
    best = means.abs().idxmax()
    other = (table["variable"] == best).to_numpy() * np.sign(means[best])
    weights = between / between.sum() - other / np.abs(other).sum()
    return combination(table, "correlation", weights)


def _spread(tables: Tables) -> Measurement:
    table = chosen(tables["top_tokens"], listed="mean")
    return mean_over(table["sd_gap"] / table["mean_gap"], "tokens, as if independent")


CLAIMS = [
    Claim(
        "gap_grows_with_the_error",
        WHEN,
        "The gap is larger where the cosine of Sae(x) to x is smaller.",
        "a relationship, as expected",
        mean(["correlates"], "correlation", variable="cosine", **PEARSON),
        negative(),
    ),
    Claim(
        "gap_hardly_with_active_latents",
        WHEN,
        "The gap has a small correlation with the number of active latents.",
        "small",
        _largest("l0"),
        at_most(0.3),
        note=f"taken as less than a tenth of the variance: {OURS}",
    ),
    Claim(
        "gap_not_with_frequency",
        WHEN,
        "The gap has no correlation with how frequent the token is.",
        "approximately 0",
        _largest("log_frequency"),
        at_most(0.1),
        note=f"of its logarithm; taken as a hundredth of the variance: {OURS}",
    ),
    Claim(
        "gap_with_position",
        WHEN,
        "The gap has some relationship with the absolute position.",
        "some",
        _largest("position"),
        more_than(0.05),
        note=OURS,
    ),
    Claim(
        "gaps_of_layers_go_together",
        WHEN,
        "Some tokens are consistently harder: gaps of all pairs of layers correlate.",
        "correlated",
        lowest(["correlates"], "correlation", **BETWEEN),
        positive(),
    ),
    Claim(
        "other_layers_strongest",
        WHEN,
        "The strongest correlations of the gap are with the gap of other layers.",
        "strongest",
        Measure(
            "mean correlation of gap_of_layer minus the largest mean correlation, sign aside, of "
            f"{', '.join(PROPERTIES)} (correlates)",
            _strongest,
        ),
        positive(),
    ),
    Claim(
        "top_tokens_vary",
        WHEN,
        "The gaps of the tokens with the largest mean gap vary much between their occurrences.",
        "quite high",
        Measure("mean of sd_gap / mean_gap of the tokens listed by mean (top_tokens)", _spread),
        more_than(0.5),
        note=f"half of the mean: {OURS}. The interval is over the listed tokens, which are taken for "
        "independent and for a sample of such tokens; of what other documents would list and show it says "
        "nothing, and many a listed token is of few documents",
    ),
]
