"""Dark matter, Appendix B.2, C.3 and D: estimates of the error's parts where the truth is known."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import contrast
from workflow_scripts.anatomy.claims.counts import mean_over
from workflow_scripts.anatomy.claims.measures import (
    chosen,
    columns,
    combination,
    largest_absolute,
    lowest,
)
from workflow_scripts.anatomy.claims.rule import at_least, at_most, between, negative, positive
from workflow_scripts.papers.dark_matter.claims.paper import MAIN_MODEL, OURS

EQ_18 = (
    "Slip: the sums of Eq. 18 to 20 count feature m twice, and Introduced has the sign turned round; "
    "its variance, which is estimated, does not change with it"
)
IDEAL = {"structure": "orthogonal", "dense_span": "outside", "introduced_kind": "noise"}


def _masked(table: pd.DataFrame) -> pd.DataFrame:
    """The paper's reconstructions: masked codes, where the table has others beside."""
    if "reconstruction" not in table:
        return table
    return chosen(table, reconstruction="masked")


def _noise_correlation(noise: str, estimate: str) -> Measure:
    def measure(tables: Tables) -> Measurement:
        row = chosen(_masked(tables["table1"]), noise=noise, estimate=estimate)
        return Measurement.of((end[0] for end in columns(row, "correlation")), "documents")

    return Measure(f"correlation of {noise} with estimated {estimate} (table1)", measure)


def _largest_departure(tables: Tables) -> Measurement:
    table = _masked(tables["table1"])
    printed = table["paper"].to_numpy(float)
    value, low, high = columns(table, "correlation")
    return largest_absolute((value - printed, low - printed, high - printed), "documents")


def _unevenness(tables: Tables) -> Measurement:
    """Highest minus lowest FVU_nonlinear along a curve over its mean, of the most uneven curve."""
    table = _masked(tables["fig15"])
    table = table[table["noise_sae"] > 0].reset_index(drop=True)
    if table.empty:
        raise NotTestable("table fig15 has no noise on Sae(x')")
    found = []
    for _, curve in table.groupby(["noise_x", "noise_sae"])["fvu_nonlinear"]:
        if len(curve) < 3:
            raise NotTestable("a curve of table fig15 has fewer than three ablated fractions")
        weights = np.zeros(len(table))
        weights[curve.idxmax()] += 1 / curve.mean()
        weights[curve.idxmin()] -= 1 / curve.mean()
        found.append(contrast(weights, *columns(table, "fvu_nonlinear")))
    return Measurement.of((np.max(end) for end in zip(*found, strict=True)), "documents")


def _middle_of_parabola(tables: Tables) -> Measurement:
    """FVU_nonlinear with half of the features ablated minus that of the curve's higher end."""
    table = _random_order(tables)
    fraction = table["ablated_fraction"]
    middle = fraction == fraction[(fraction - 0.5).abs().idxmin()]
    found = []
    for end in (fraction == fraction.min(), fraction == fraction.max()):
        weights = (middle / middle.sum() - end / end.sum()).to_numpy()
        found.append(contrast(weights, *columns(table, "fvu_nonlinear")))
    return Measurement.of((np.min(end) for end in zip(*found, strict=True)), "tokens")


def _peak(tables: Tables) -> Measurement:
    """Where the parabola through FVU_nonlinear is highest, mean over seeds; one that opens upwards is
    so at an end."""
    peaks = []
    for _, curve in _random_order(tables).groupby("seed"):
        if curve["ablated_fraction"].nunique() < 3:
            raise NotTestable("table appendix_d has fewer than three ablated fractions")
        a, b, _ = np.polyfit(curve["ablated_fraction"], curve["fvu_nonlinear"], 2)
        ends = curve["ablated_fraction"].agg(["min", "max"]).to_numpy(float)
        peaks.append(-b / (2 * a) if a < 0 else ends[np.argmax((a * ends + b) * ends)])
    return mean_over(peaks, "seeds")


def _random_order(tables: Tables) -> pd.DataFrame:
    table = tables["appendix_d"]
    return chosen(table, order="random") if "order" in table else table


def _ideal_bias(component: str, asymptote: str) -> Measure:
    """Largest absolute bias where features are orthogonal, and Dense is outside of their span."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["planted_truth"], component=component, asymptote=asymptote, **IDEAL)
        return largest_absolute(columns(table, "bias"), "tokens")

    return Measure(
        f"largest absolute bias of {component}, orthogonal features, Dense outside their span, "
        f"Introduced as noise, {asymptote} asymptote (planted_truth)",
        measure,
    )


def _shrinkage_effect(component: str) -> Measure:
    """Mean bias where Introduced is linear in the features minus where it is noise, same data."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["planted_truth"], component=component, asymptote="complete")
        table = table[table["planted_introduced"] > 0].reset_index(drop=True)
        sides = [(table["introduced_kind"] == kind).to_numpy() for kind in ("shrinkage", "noise")]
        if not all(side.any() for side in sides):
            raise NotTestable("table planted_truth lacks a kind of Introduced")
        weights = sides[0] / sides[0].sum() - sides[1] / sides[1].sum()
        return combination(table, "bias", weights, "tokens")

    words = f"mean bias of {component}, Introduced as shrinkage minus Introduced as noise"
    return Measure(f"{words} (planted_truth)", measure)


CLAIMS = [
    *(
        Claim(
            f"{noise}_against_{estimate}",
            "Appendix B.2, Table 1",
            f"Noise on {where} correlates {words} with the estimate of {estimate.capitalize()}.",
            paper_value,
            _noise_correlation(noise, estimate),
            rule,
            note=OURS,
        )
        for noise, where, estimate, words, paper_value, rule in (
            ("noise_x", "x'", "dense", "highly", "0.9842", at_least(0.9)),
            ("noise_sae", "Sae(x')", "introduced", "highly", "0.9036", at_least(0.8)),
            ("noise_x", "x'", "introduced", "slightly", "0.1417", between(0, 0.3)),
            ("noise_sae", "Sae(x')", "dense", "hardly", "0.0988", between(-0.3, 0.3)),
        )
    ),
    Claim(
        "noise_correlations_as_printed",
        "Appendix B.2, Table 1",
        "The four correlations have the printed values.",
        "0.9842, 0.1417, 0.0988, 0.9036",
        Measure("largest absolute difference from the printed table (table1)", _largest_departure),
        at_most(0.05),
        MAIN_MODEL,
    ),
    Claim(
        "noise_nonlinear_horizontal",
        "Appendix C.3, Fig. 15 top",
        "With noise on Sae(x'), FVU_nonlinear is a horizontal line over the ablated fraction.",
        "horizontal",
        Measure(
            "highest minus lowest fvu_nonlinear of a curve over its mean, of the most uneven curve with "
            "noise on Sae(x') (fig15)",
            _unevenness,
        ),
        at_most(0.2),
        note=f"{OURS}. Slip: C.3 has Sae(x) + a x for the vector Sae(x) + b* x",
    ),
    Claim(
        "random_directions_middle",
        "Appendix D",
        "On sums of random directions least variance is explained with part of the features ablated.",
        "minimum in the middle",
        Measure(
            "fvu_nonlinear with half of the features ablated minus the higher end of the curve (appendix_d)",
            _middle_of_parabola,
        ),
        positive(),
    ),
    Claim(
        "random_directions_peak",
        "Appendix D",
        "Against the ablated features this is a parabola with its extreme in the middle region.",
        "parabola",
        Measure(
            "ablated fraction at the peak of the parabola, mean over seeds (appendix_d)", _peak
        ),
        between(0.25, 0.75),
        note=OURS,
    ),
    Claim(
        "introduced_upper_bound",
        "Appendix B.2",
        "FVU_nonlinear bounds Introduced from above, where that is no linear function of x.",
        "upper bound",
        lowest(
            ["planted_truth"], "bias", "tokens", component="introduced", introduced_kind="noise"
        ),
        at_least(-0.005),
        note=f"half a per cent of the variance is left to sampling. {EQ_18}",
    ),
    Claim(
        "introduced_exact_in_the_ideal_case",
        "Appendix B.2",
        "Where the rest is orthogonal to the known features, what b* leaves is Introduced exactly.",
        "equal",
        _ideal_bias("introduced", "complete"),
        at_most(0.01),
        note="Slip: Eq. 17 asks that the L1 norm of w be small; sparse weights have a small L0",
    ),
    Claim(
        "dense_recovered_in_the_ideal_case",
        "Appendix B.2",
        "There, FVU minus FVU_nonlinear tends to Dense as the SAE grows.",
        "approaches Dense",
        _ideal_bias("dense", "complete"),
        at_most(0.01),
    ),
    Claim(
        "linear_introduced_underestimated",
        "Appendix B.2",
        "What of Introduced is linear in x is missing from its estimate.",
        "Introduced is underestimated",
        _shrinkage_effect("introduced"),
        negative(),
    ),
    Claim(
        "linear_introduced_counts_as_dense",
        "Appendix B.2",
        "What of Introduced is linear in x is taken for Dense.",
        "Dense is overestimated",
        _shrinkage_effect("dense"),
        positive(),
    ),
]
