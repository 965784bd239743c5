"""Canonical units, Appendix A.9, Fig. 24 to 26: sparse probing and targeted probe perturbation."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import LEVEL, Columns
from workflow_scripts.anatomy.claims.measures import DOCUMENTS, beside, columns, mean
from workflow_scripts.anatomy.claims.rule import negative, positive

SET = ["model", "site", "dataset"]
MANY = "ends of intervals are widened for the number of comparisons (Bonferroni)"
SIGN = (
    "with A an accuracy, Eq. 12 is low where ablating a class's latents hurts its own probe alone; the suite "
    "that the paper used scores the drop in accuracy, which is the same number with its sign turned round, and "
    "the text does not say which of the two Fig. 26 shows"
)


def _at_once(parts: Columns) -> Columns:
    """Numbers that are looked through for an extreme one, their intervals widened for how many they are.

    Raises
    ------
    NotTestable: there are none.
    """
    from scipy.stats import norm

    known = ~np.isnan(parts[0])
    value, low, high = (part[known] for part in parts)
    if not len(value):
        raise NotTestable("the probes are of SAEs of one size")
    factor = norm.ppf(1 - (1 - LEVEL) / len(value)) / norm.ppf(LEVEL)
    return value, value - factor * (value - low), value + factor * (high - value)


def _both_ways(tables: Tables) -> Measurement:
    """The smaller of the largest rise and the largest fall, over data sets."""
    table = tables["fig24"].drop_duplicates(SET)
    if len(table) < 2:
        raise NotTestable("table fig24 has a single data set")
    value, low, high = _at_once(columns(table, "accuracy_trend"))
    rise = [part.max() for part in (value, low, high)]
    fall = [(-part).max() for part in (value, high, low)]
    return Measurement.of((min(pair) for pair in zip(rise, fall, strict=True)), DOCUMENTS)


def _second_winner(tables: Tables) -> Measurement:
    """Every size's largest lead over all data sets; of these the second largest."""
    table = tables["fig24"]
    if table["width"].nunique() < 2 or len(table.drop_duplicates(SET)) < 2:
        raise NotTestable("table fig24 has a single size of SAEs, or a single data set")
    table = table[table["accuracy_lead"].notna()].reset_index(drop=True)
    ends = _at_once(columns(table, "accuracy_lead"))
    largest = pd.DataFrame(dict(zip("vlh", ends, strict=True))).groupby(table["width"]).max()
    if len(largest) < 2:
        raise NotTestable("table fig24 has a single size of SAEs")
    return Measurement.of((largest[end].nlargest(2).iloc[-1] for end in "vlh"), DOCUMENTS)


def _highest_step(tables: Tables) -> Measurement:
    ends = _at_once(columns(tables["fig26"], "tpp_step"))
    return Measurement.of((end.max() for end in ends), DOCUMENTS)


CLAIMS = [
    Claim(
        "probing_depends_on_data_set",
        "Appendix A.9.1, Fig. 24",
        "Whether larger SAEs have better single latents depends on the data set.",
        "complex and dataset dependent",
        Measure(
            "the smaller of the largest accuracy_trend and the largest -accuracy_trend of a dataset (fig24)",
            _both_ways,
        ),
        positive(),
        note=MANY,
    ),
    Claim(
        "more_latents_probe_better",
        "Appendix A.9.1, Fig. 24, 25",
        "Probes on many latents are better than probes on the best one.",
        "higher accuracies in Fig. 25",
        mean(["fig25"], "over_fewest"),
        positive(),
        note="implied by the figures; Slip: the text says that a single latent is used",
    ),
    Claim(
        "no_size_is_best",
        "Introduction, Section 7, Fig. 24",
        "Which size of SAE has the best single latent differs between data sets.",
        "no single size",
        Measure(
            "the second largest, over sizes, of the largest accuracy_lead of that size on a dataset (fig24)",
            _second_winner,
        ),
        positive(),
        note=MANY,
    ),
    Claim(
        "tpp_falls_with_size",
        "Appendix A.9.2, Fig. 26",
        "Targeted probe perturbation falls with the size of the SAE.",
        "a general downward trend",
        beside(mean(["fig26"], "tpp_trend"), mean(["fig26"], "tpp_drop_trend")),
        negative(),
        note=SIGN,
    ),
    Claim(
        "tpp_not_monotonic",
        "Appendix A.9.2, Fig. 26",
        "But a larger SAE may have a higher score than the next smaller one.",
        "not monotonically decreasing",
        Measure("highest tpp_step (fig26)", _highest_step),
        positive(),
        note=MANY,
    ),
]
