"""Post, Layerwise Results, Single Token Results, How pathological: over tokens, positions and draws."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import share
from workflow_scripts.anatomy.claims.measures import (
    DOCUMENTS,
    columns,
    combination,
    lowest,
)
from workflow_scripts.anatomy.claims.rule import at_least, at_most, less_than, more_than
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.papers.pathological_errors.claims.factors import factor, rows
from workflow_scripts.papers.pathological_errors.claims.paper import COMMENT, OURS

LAYERWISE, SINGLE = (
    'Section "Layerwise Intervention Results in More Detail"',
    'Section "Single Token Intervention Results"',
)
PATHOLOGICAL = 'Section "How pathological are the errors?"'
# Resampled here, from the tokens of a table; not those of a column's own interval.
RESAMPLED = "documents of the tokens"
DRAWS = 1000
# In standard deviations of the draws: around their mean, and far out.
NEAR, FAR = 2, 5


def _at_next_token(tables: Tables) -> Measurement:
    """The lowest ratio at the next position of any layer but the last that reaches that position.

    What is put in place of a stream after the last block changes no other position. The post replaces
    the streams before the blocks, so the one that it excepts is before the last block.
    """
    table = tables["single_token"].dropna(subset=["ratio"])
    part = table[(table["intervention"] == "sae") & (table["offset"] == 1)]
    part = part[part["layer"] < part.groupby("model")["layer"].transform("max")]
    if part.empty:
        raise NotTestable("table single_token has no layer but the last")
    return Measurement.of((np.min(end) for end in columns(part, "ratio")), DOCUMENTS)


def _afterwards(tables: Tables) -> Measurement:
    """Mean ratio at the positions after the one that is replaced."""
    table = tables["single_token"]
    part = table[(table["intervention"] == "sae") & (table["offset"] > 0)]
    # After the last layer nothing reaches the positions that follow.
    part = part.dropna(subset=["ratio"]).reset_index(drop=True)
    if part.empty:
        raise NotTestable("table single_token has nothing at the positions that follow")
    return combination(part, "ratio", np.full(len(part), 1 / len(part)))


def _share(of: str, counted: str) -> Measure:
    """Share of tokens for which a condition on z holds.

    The interval is no narrower than the exact one of as many independent tokens: where all tokens, or
    all but a few, are on one side, resamples hardly differ, and yet others may.
    """

    def measure(tables: Tables) -> Measurement:
        table = tables["pathology"].dropna(subset=["z"])
        if table.empty:
            raise NotTestable("table pathology has no token whose draws differ")
        holds = table.eval(counted)
        found = _over_documents(holds.astype(float), table["unit"], tables.seed)
        exact = share(int(holds.sum()), len(table), RESAMPLED)
        ends = min(found.lo, exact.lo), max(found.hi, exact.hi)
        return Measurement(found.value, *ends, found.over)

    return Measure(f"share of tokens with {of} (pathology)", measure)


def _spread(tables: Tables) -> Measurement:
    table: pd.DataFrame = tables["pathology"]
    return _over_documents(table["kl_sd"] / table["kl_mean"], table["unit"], tables.seed)


def _over_documents(values: pd.Series, units: pd.Series, seed: int) -> Measurement:
    """Mean over tokens, with its interval over the documents that they are of.

    Raises
    ------
    NotTestable: there are fewer than two documents.
    """
    codes, documents = pd.factorize(units)
    if len(documents) < 2:
        raise NotTestable("tokens of a single document tell nothing about others")
    sums = {"values": np.bincount(codes, values), "tokens": np.bincount(codes)}
    found = document_interval(lambda of: of["values"] / of["tokens"], sums, DRAWS, seed)
    return Measurement.of(found, RESAMPLED)


CLAIMS = [
    Claim(
        "whole_distribution_shifted",
        LAYERWISE,
        "The whole distribution of KL is shifted: every quantile is higher under Sae(x), at every layer.",
        "not a few outliers",
        lowest(["kl_quantiles"], "ratio"),
        more_than(1),
    ),
    Claim(
        "higher_at_every_position",
        LAYERWISE,
        "At every position of the context, and every layer, Sae(x) does more than random errors.",
        "a breakdown by position",
        lowest(["position"], "ratio", intervention="sae"),
        more_than(1),
        note="the post shows this in a figure and says nothing about it",
    ),
    Claim(
        "gap_at_a_single_token",
        SINGLE,
        "With one position replaced, KL there is at every layer more than twice that of random errors.",
        "always more than 2",
        lowest(["single_token"], "ratio", intervention="sae", offset=0),
        more_than(2),
    ),
    Claim(
        "gap_at_the_next_token",
        SINGLE,
        "The same at the position after it, but for the last layer.",
        "always more than 2",
        Measure(
            "lowest ratio of sae at offset 1, the last layer that reaches it left out (single_token)",
            _at_next_token,
        ),
        more_than(2),
    ),
    Claim(
        "gap_persists",
        SINGLE,
        "With one position replaced, the gap persists at the positions that follow.",
        "persists",
        Measure("mean ratio of sae at offsets above 0 (single_token)", _afterwards),
        more_than(1),
    ),
    Claim(
        "single_token_does_less",
        SINGLE,
        "With one position replaced, KL there is lower than with all of them replaced.",
        "lower overall",
        factor(
            "kl",
            [rows("single_token", intervention="sae", offset=0)],
            [rows("interventions", intervention="sae")],
        ),
        less_than(1),
        note="beside the mean over all positions, not over this one",
    ),
    Claim(
        "many_around_the_expectation",
        PATHOLOGICAL,
        "Of many tokens the KL under Sae(x) is around that of random errors.",
        "many",
        _share(f"|z| up to {NEAR}", f"abs(z) <= {NEAR}"),
        at_least(0.1),
        note=f"a tenth within {NEAR} standard deviations: {OURS}",
    ),
    Claim(
        "many_very_bad",
        PATHOLOGICAL,
        "Of many tokens the KL under Sae(x) is very far above that of random errors.",
        "many",
        _share(f"z above {FAR}", f"z > {FAR}"),
        at_least(0.1),
        note=f"a tenth more than {FAR} standard deviations above: {OURS}",
    ),
    Claim(
        "comment_always_on_the_tail",
        'Section "Comments" (wesg, of what jake_mendel\'s theory implies)',
        "If errors along true directions are the reason, Sae(x) is out on the tail.",
        "always",
        _share(f"z above {NEAR}", f"z > {NEAR}"),
        at_least(0.5),
        note=f"{COMMENT}; of most tokens, {NEAR} standard deviations above: {OURS}. That it is not so of all of "
        "them is what many_around_the_expectation says",
    ),
    Claim(
        "comment_random_errors_alike",
        'Section "Comments" (wesg, of what jake_mendel\'s theory implies)',
        "If errors along true directions are the reason, random errors of one token do about the same.",
        "low variance",
        Measure("mean of kl_sd / kl_mean (pathology)", _spread),
        at_most(0.5),
        note=f"{COMMENT}; half of the mean: {OURS}",
    ),
]
