"""Canonical units, Appendix A.9, Fig. 24 to 26: sparse probing and targeted probe perturbation.

There is one SAE of each size. What is said of sizes has, beside the documents' error, that of the SAEs: they
scatter about the trend over sizes, as one size trained anew would, and a curve that is no line makes the
scatter larger, never smaller. Where there are too few SAEs to see it, the claim is not testable.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import LEVEL, Columns, fitted_slope
from workflow_scripts.anatomy.claims.measures import BOTH, beside, columns, mean
from workflow_scripts.anatomy.claims.rule import negative, positive

SET = ["model", "site", "dataset"]
CURVE = [*SET, "n_ablated"]
# Two SAEs lie on a line, and leave nothing to judge it by.
FEWEST_SIZES = 3
ONE_SEED = "documents, SAEs of one seed"
MANY = "ends of intervals are widened for the number of comparisons (Bonferroni)"
SIGN = (
    "with A an accuracy, Eq. 12 is low where ablating a class's latents hurts its own probe alone; the suite "
    "that the paper used scores the drop in accuracy, which is the same number with its sign turned round, and "
    "the text does not say which of the two Fig. 26 shows"
)


def _at_once(parts: Columns, error: NDArray | float = 0.0, freedom: NDArray | int = 1) -> Columns:
    """Numbers that are looked through for an extreme one, their intervals widened for how many they are.

    parts: (n,); ends that are not known add nothing.
    error: standard error of each from the spread over SAEs, estimated with so many degrees of freedom.
    """
    from scipy.stats import norm, t

    value, low, high = parts
    level = 1 - (1 - LEVEL) / len(value)
    factor = norm.ppf(level) / norm.ppf(LEVEL)
    spread = t.ppf(level, freedom) * error
    below, above = np.nan_to_num(factor * np.array([value - low, high - value]))
    return value, value - np.hypot(below, spread), value + np.hypot(above, spread)


def _error_of_slope(octaves: NDArray, value: NDArray) -> float:
    """Standard error of the slope of a line through SAEs, from their spread about it."""
    from scipy.stats import t

    n = len(value)
    design, unknown = np.stack([octaves, np.ones(n)], 1), np.full(n, np.nan)
    slope, low, _ = fitted_slope(design, 0, [(1.0, (value, unknown, unknown))])
    return (slope - low) / float(t.ppf(LEVEL, n - 2))


def _with_spread(table: pd.DataFrame, by: list[str], column: str) -> pd.DataFrame:
    """The rows of those curves over sizes that have enough of these, and the spread of SAEs about each.

    New columns: error_trend, standard error of the trend; error_lead, of the difference of two SAEs;
    freedom, with how many degrees these are known.

    Raises
    ------
    NotTestable: there is no such curve.
    """
    parts = []
    for _, part in table.groupby(by, sort=False):
        if part["width"].nunique() >= FEWEST_SIZES:
            octaves = np.log2(part["width"].to_numpy(float))
            error = _error_of_slope(octaves, part[column].to_numpy(float))
            single = error * np.linalg.norm(octaves - octaves.mean())
            about = {"error_trend": error, "error_lead": np.sqrt(2) * single}
            parts.append(part.assign(**about, freedom=len(part) - 2))
    if not parts:
        raise NotTestable(
            f"fewer than {FEWEST_SIZES} sizes of SAEs tell nothing about how much one varies"
        )
    return pd.concat(parts, ignore_index=True)


def _among_sets(tables: Tables) -> pd.DataFrame:
    table = tables["fig24"]
    if len(table.drop_duplicates(SET)) < 2:
        raise NotTestable("table fig24 has a single data set")
    table = _with_spread(table, SET, "accuracy")
    if len(table.drop_duplicates(SET)) < 2:
        raise NotTestable(f"a single data set of fig24 has {FEWEST_SIZES} sizes of SAEs")
    return table


def _extremes(table: pd.DataFrame, what: str) -> Columns:
    """Trends or leads of accuracies of all rows, widened for their number."""
    error, freedom = (table[name].to_numpy() for name in (f"error_{what}", "freedom"))
    return _at_once(columns(table, f"accuracy_{what}"), error, freedom)


def _both_ways(tables: Tables) -> Measurement:
    """The smaller of the largest rise and the largest fall, over data sets."""
    table = _among_sets(tables).drop_duplicates(SET)
    value, low, high = _extremes(table, "trend")
    rise = [part.max() for part in (value, low, high)]
    fall = [(-part).max() for part in (value, high, low)]
    return Measurement.of((min(pair) for pair in zip(rise, fall, strict=True)), BOTH)


def _second_winner(tables: Tables) -> Measurement:
    """Every size's largest lead over all data sets; of these the second largest."""
    table = _among_sets(tables)
    ends = _extremes(table, "lead")
    largest = pd.DataFrame(dict(zip("vlh", ends, strict=True))).groupby(table["width"]).max()
    return Measurement.of((largest[end].nlargest(2).iloc[-1] for end in "vlh"), BOTH)


def _mean_trend(name: str) -> Measure:
    """Mean trend of the curves of Fig. 26 that have all sizes, with the spread of SAEs about it.

    The curves are of the same SAEs, so that a good one may lie high in all of them: what counts is how
    the means over curves scatter, one number for each SAE.
    """

    def measure(tables: Tables) -> Measurement:
        table = tables["fig26"]
        rows = table.groupby(CURVE)["width"].transform("nunique")
        sizes = table.groupby(["model", "site"])["width"].transform("nunique")
        table = table[rows == sizes].reset_index(drop=True)
        over_curves = table.groupby(["model", "site", "width"], as_index=False)[name].mean()
        at_sites = _with_spread(over_curves, ["model", "site"], name)
        at_sites = at_sites.drop_duplicates(["model", "site"])
        found = []
        for site in at_sites.itertuples():
            mine = table[(table["model"] == site.model) & (table["site"] == site.site)]
            of_curves = mine.drop_duplicates(CURVE)
            value, low, high = (part[None].mean(1) for part in columns(of_curves, f"{name}_trend"))
            found.append(_at_once((value, low, high), site.error_trend, site.freedom))
        # Errors of sites add up, as their documents are the same.
        return Measurement.of(np.mean(found, axis=(0, 2)), BOTH)

    return Measure(f"mean {name}_trend (fig26)", measure)


def _falling_step(name: str) -> Measure:
    """Whether a curve of Fig. 26 that falls has a step up: both have to be certain of one and the same curve."""

    def measure(tables: Tables) -> Measurement:
        table = tables["fig26"]
        table = table[table[f"{name}_step"].notna()].reset_index(drop=True)
        if table.empty:
            raise NotTestable("table fig26 has a single size of SAEs")
        step, low, high = _at_once(columns(table, f"{name}_step"))
        table = table.assign(step=step, step_lo=low, step_hi=high)
        curves = table.groupby(CURVE, sort=False)
        highest = columns(curves[["step", "step_lo", "step_hi"]].max(), "step")
        trend, low, high = _at_once(columns(curves.first(), f"{name}_trend"))
        falls = trend < 0
        if not falls.any():
            raise NotTestable(f"no curve of {name} falls")
        both = [
            np.minimum(up, down)[falls].max()
            for up, down in zip(highest, (-trend, -high, -low), strict=True)
        ]
        certain = f"{(high < 0).sum()} of {len(curves)} curves fall for certain"
        return replace(Measurement.of(both, ONE_SEED), detail=certain)

    what = f"the smaller of the highest {name}_step and -{name}_trend of a curve that falls"
    return Measure(f"largest, over curves, of {what} (fig26)", measure)


def _either_sign(measure: Measure, other: Measure) -> Measure:
    """As `beside`, but the value of the other one is also in the reason why the first cannot be measured."""

    def measured(tables: Tables) -> Measurement:
        try:
            return beside(measure, other)(tables)
        except NotTestable as reason:
            try:
                value = f"{other(tables).value:.4g}"
            except NotTestable:
                raise reason from None
            raise NotTestable(f"{reason}; {other.text}: {value}") from reason

    return Measure(measure.text, measured)


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
        beside(_mean_trend("tpp"), _mean_trend("tpp_drop")),
        negative(),
        note=SIGN,
    ),
    Claim(
        "tpp_not_monotonic",
        "Appendix A.9.2, Fig. 26",
        "But a larger SAE may have a higher score than the next smaller one.",
        "not monotonically decreasing",
        _either_sign(_falling_step("tpp"), _falling_step("tpp_drop")),
        positive(),
        note=f"of the SAEs at hand: a step may come of their size or of their training; {MANY}; {SIGN}",
    ),
]
