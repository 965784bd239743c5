"""Dark matter, Sections 5.1 and 5.3: how linear and nonlinear error differ."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, Tables
from workflow_scripts.anatomy.claims.measures import (
    DOCUMENTS,
    chosen,
    combination,
    difference,
    label_gap,
    mean,
)
from workflow_scripts.anatomy.claims.paired import drawn, paired
from workflow_scripts.anatomy.claims.rule import Rule, at_least, at_most, between, positive
from workflow_scripts.papers.dark_matter.claims.paper import LINEAR, MAIN_MODEL, NONLINEAR, OURS

BARS = "Slip: the text calls the Sae(x) bar a summary of Fig. 2; that is the SaeError(x) bar"
EQ_15 = "Slip: Eq. 15 ends in SaeError(x) - b*; it must be SaeError(x) - b* x, as Eq. 14 has it"
NORM_OF = (
    "Slip: the text relates a component's norm to that of Sae(x); a share of the loss that is to be "
    "recovered can only follow from its share of the error"
)


def _vector_gap(first: str, second: str) -> Measure:
    return label_gap("fig6", "r2", "vector", first, second)


def _failed_regressions(tables: Tables) -> Measurement:
    table = tables["fig6"]
    # Not `<= 0`: a number that is not there has failed, too.
    failed = table[~(table["r2"] > 0)]
    return Measurement(float(failed[["model", "site", "sae"]].drop_duplicates().shape[0]))


def _interventions(tables: Tables, component: str) -> pd.DataFrame:
    """Rows of Fig. 8 of one component, every SAE once, although it may be on both axes."""
    table = chosen(tables["fig8"], component=component)
    return table.drop_duplicates(["model", "site", "sae"], ignore_index=True)


def _recovered(component: str) -> Measure:
    def measure(tables: Tables) -> Measurement:
        table = _interventions(tables, component)
        return combination(table, "ce_recovered", np.full(len(table), 1 / len(table)))

    return Measure(f"mean ce_recovered of {component}, in per cent (fig8)", measure)


def _apart(component: str, share: str) -> Measure:
    """Mean over SAEs of the distance between the two, so that too much and too little do not cancel."""

    def measure(tables: Tables) -> Measurement:
        table = _interventions(tables, component)
        signs = np.sign((table["ce_recovered"] - table[share]).to_numpy(float))
        return difference(table, "ce_recovered", share, signs)

    return Measure(
        f"mean absolute ce_recovered - {share} of {component}, in per cent (fig8)", measure
    )


def _beyond(component: str, share: str) -> Measure:
    """Mean of what a component recovers minus what its share predicts."""

    def measure(tables: Tables) -> Measurement:
        return difference(_interventions(tables, component), "ce_recovered", share)

    return Measure(f"mean ce_recovered - {share} of {component}, in per cent (fig8)", measure)


def _size_ratio(tables: Tables) -> Measurement:
    """Norm share of linear over nonlinear error, of the SAE that is on both axes of Fig. 8."""
    reference = chosen(tables["fig8"], axis="l0")["width"].iloc[0]
    on_both = chosen(tables["fig8"], axis="width", width=reference)
    rows = [chosen(on_both, component=component).head(1) for component in (LINEAR, NONLINEAR)]
    linear, nonlinear = (row["norm_share"].iloc[0] for row in rows)
    both = drawn(pd.concat(rows, ignore_index=True), "norm_share")
    return paired((float(linear / nonlinear), np.nan, np.nan), both[0] / both[1], DOCUMENTS)


CLAIMS = [
    Claim(
        "norm_of_x",
        "Section 5.1, Fig. 6",
        "The squared norm of the activation itself is predicted almost perfectly.",
        "almost perfectly",
        mean(["fig6"], "r2", vector="x"),
        at_least(0.95),
        note=f"{OURS}. {BARS}",
    ),
    Claim(
        "linear_norm_above_nonlinear",
        "Section 5.1, Fig. 6",
        "The norm of linear error is more predictable than that of nonlinear error.",
        "notably lower for nonlinear",
        _vector_gap(LINEAR, NONLINEAR),
        positive(),
        note=EQ_15,
    ),
    Claim(
        "linear_norm_above_error",
        "Section 5.1, Fig. 6",
        "The norm of linear error is more predictable than that of the whole error.",
        "notably lower for the whole error",
        _vector_gap(LINEAR, "error"),
        positive(),
        note=BARS,
    ),
    *(
        Claim(
            f"{vector}_norm_above_nonlinear",
            "Section 5, item 1",
            f"The norm of nonlinear error is less predictable than that of {words}.",
            "less predictable than other components",
            _vector_gap(vector, NONLINEAR),
            positive(),
        )
        for vector, words in (("sae", "the reconstruction"), ("error", "the whole error"))
    ),
    Claim(
        "no_failed_regressions",
        "Section 5.1",
        "SAEs with an R^2 of 0 or less come from the numerics of the regression, so float64 has none.",
        "one or two of 329, left out of the plot",
        Measure(
            "number of SAEs with an r2 of 0 or less for any vector (fig6)", _failed_regressions
        ),
        at_most(0),
    ),
    Claim(
        "components_of_equal_size",
        "Section 5.2",
        "The two components of the chosen SAE's error are about equal in norm, a fair comparison.",
        "approximately equal",
        Measure(
            "norm_share of linear over nonlinear error of the reference SAE (fig8)", _size_ratio
        ),
        between(0.8, 1.25),
        MAIN_MODEL,
        OURS,
    ),
    *(
        Claim(
            f"{component}_recovers_loss",
            "Section 5.3, Fig. 8",
            f"Adding {words} to the reconstruction recovers cross-entropy loss.",
            "recovers in proportion",
            _recovered(component),
            positive(),
        )
        for component, words in ((LINEAR, "linear error"), (NONLINEAR, "nonlinear error"))
    ),
    *(
        Claim(
            f"{component}_recovers_its_{share}",
            "Section 5.3, Fig. 8",
            f"What {words} recovers of the loss is about its share of {of}.",
            "proportional, for the most part",
            _apart(component, share),
            at_most(15),
            note=f"{OURS}. {NORM_OF}" if share == "norm_share" else OURS,
        )
        for component, words in ((LINEAR, "linear error"), (NONLINEAR, "nonlinear error"))
        for share, of in (("norm_share", "the norm"), ("variance_share", "the variance"))
    ),
    Claim(
        "linear_recovers_more_than_its_share",
        "Section 5.3, Fig. 8",
        "Linear error recovers perhaps slightly more of the loss than its share of the variance.",
        "possibly slightly higher",
        _beyond(LINEAR, "variance_share"),
        Rule(0, 15, strict=True),
        note=f"slightly is read as less than 15: {OURS}",
    ),
]
