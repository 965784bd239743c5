"""Canonical units, Section 5, Fig. 6: what meta-SAEs explain, and what their latents are like."""

from dataclasses import replace

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import fitted_slope
from workflow_scripts.anatomy.claims.measures import chosen, columns, combination, mean_column
from workflow_scripts.anatomy.claims.rule import at_least, between, positive
from workflow_scripts.papers.canonical_units.claims.over_seeds import (
    LATENTS,
    given_l0,
    mean_over_seeds,
    over_seeds,
)
from workflow_scripts.papers.canonical_units.claims.paper import GPT2, OURS

BOTH = "latents and SAEs"
FINAL = "meta_sae_final"
# Architectures are compared where their L0s differ by no more than this factor.
SAME_L0 = 1.15

CONTROL = (
    "against random directions of the same covariance: against isotropic ones, any dictionary of few "
    "directions gains"
)
MATCHED = "tested where both have about k active; each at the best of the learning rates of the configuration"


def _final(column: str, words: str = "", **where: object) -> Measure:
    """Mean over seeds of a column of the final table."""

    def measure(tables: Tables) -> Measurement:
        return mean_column(chosen(tables[FINAL], **where), column, LATENTS)

    named = ", ".join(f"{by} {value}" for by, value in where.items())
    return Measure(f"mean {words or column} of {named} ({FINAL})", measure)


def _against_control(column: str, seen: str) -> Measure:
    """Mean over seeds of what the main meta-SAE has more of than that of rows of the same covariance.

    seen: the column of which that is the difference.
    """

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables[FINAL], part="control")
        own = chosen(tables[FINAL], part="main")[seen]
        control = chosen(table, rows="same_covariance")
        found = mean_over_seeds(control, column, [(1, own), (-1, control[seen])])
        isotropic = table.loc[table["rows"] == "isotropic", column]
        return replace(found, detail=f"{isotropic.mean():.3g} more than of isotropic directions")

    return Measure(f"mean {column} of part control, rows same_covariance ({FINAL})", measure)


def _share_of_k(tables: Tables) -> Measurement:
    table = chosen(tables[FINAL], part="main")
    given_l0(table, "l0_set_on")
    return combination(table, "l0", 1 / table["k"].to_numpy(float) / len(table), LATENTS)


def _by_width(column: str, rows: str) -> Measure:
    """Change per doubling of the width of the SAE taken apart; every SAE counts once, as the mean over seeds."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables[FINAL], part="width", rows=rows)
        numbers = ["width", *(f"{column}{end}" for end in ("", "_lo", "_hi"))]
        table = table.groupby("sae", sort=False)[numbers].mean()
        design = np.stack([np.log2(table["width"].to_numpy(float)), np.ones(len(table))], 1)
        return Measurement.of(fitted_slope(design, 0, [(1.0, columns(table, column))]), BOTH)

    words = f"change of {column}, mean over seeds, per doubling of width, part width, rows {rows}"
    return Measure(f"{words} ({FINAL})", measure)


def _behind(architecture: str) -> Measure:
    """By how much BatchTopK explains more than another architecture of the same L0."""

    def measure(tables: Tables) -> Measurement:
        every = chosen(tables[FINAL], part="architecture")
        table = chosen(every, architecture=architecture)
        if table["gap"].isna().any():
            raise NotTestable("there is no BatchTopK meta-SAE beside it")
        l0, k = table["l0"].mean(), table["k"].mean()
        if not k / SAME_L0 <= l0 <= k * SAME_L0:
            raise NotTestable(f"its L0 is {l0:.2g} where k is {k:g}; give other coefficients")
        beside = every.loc[every["architecture"] == "batchtopk", "variance_explained"]
        sides = [(1, beside), (-1, table["variance_explained"])]
        return replace(mean_over_seeds(table, "gap", sides), detail=f"at an L0 of {l0:.3g}")

    return Measure(f"mean variance explained of batchtopk minus {architecture} ({FINAL})", measure)


def nearest_width(table: pd.DataFrame, widths: list[int]) -> int:
    """Of some widths the one nearest the number of meta-latents, as a ratio."""
    meta_width = table["meta_width"].iloc[0]
    return min(widths, key=lambda width: abs(np.log(width / meta_width)))


def _at_nearest(tables: Tables) -> pd.DataFrame:
    table = tables["fig6_summary"]
    return chosen(table, width=nearest_width(table, sorted(table["width"].unique())))


def _more_alike(tables: Tables) -> Measurement:
    """Median largest cosine of meta-latents minus that of the control that is most alike."""
    table = _at_nearest(tables)
    kinds = [table["directions"] == kind for kind in ("meta_latents", "same_covariance", "random")]
    if not all(kind.any() for kind in kinds):
        raise NotTestable("table fig6_summary lacks meta-latents or a control")
    own, *controls = kinds
    gaps = []
    for control in controls:
        weights = own / own.sum() - control / control.sum()
        found = combination(table, "median_max_cosine", weights.to_numpy(), LATENTS)
        median = table["median_max_cosine"]
        gaps.append(over_seeds(found, [(1, median[own]), (-1, median[control])]))
    return min(gaps, key=lambda gap: gap.value)


def _share_alike(tables: Tables) -> Measurement:
    table = chosen(_at_nearest(tables), directions="meta_latents")
    return mean_over_seeds(table, "share_above", [(1, table["share_above"])])


CLAIMS = [
    Claim(
        "meta_sae_explains_by",
        "Section 5",
        "A meta-SAE with 2304 latents explains this share of the variance of the decoder directions.",
        "55.47 %",
        _final("variance_explained", part="main"),
        between(0.545, 0.565),
        GPT2,
    ),
    Claim(
        "latents_decompose",
        "Abstract, Section 5, Section 7",
        "Latents decompose: a meta-SAE explains more of decoder directions than of random ones.",
        "often decompose",
        _against_control("gap", "variance_explained"),
        positive(),
        note=CONTROL,
    ),
    Claim(
        "few_meta_latents_a_latent",
        "Section 5",
        "As many meta-latents are active on a latent on average as were asked for.",
        "4",
        Measure(f"mean l0 / k of part main ({FINAL})", _share_of_k),
        between(0.9, 1.1),
        note="of 2304 meta-latents in the paper; within a tenth. Tested on meta-SAEs whose threshold comes from "
        "other directions alone",
    ),
    Claim(
        "larger_saes_less_atomic",
        "Introduction",
        "A meta-SAE explains more of the decoder directions of a larger SAE.",
        "especially in larger SAEs",
        _by_width("variance_explained", "decoder"),
        positive(),
        note="as many directions and meta-latents at every width",
    ),
    Claim(
        "larger_saes_less_atomic_than_random",
        "Introduction",
        "The larger the SAE, the more is explained beyond what is of random directions of its covariance.",
        "especially in larger SAEs",
        _by_width("gap", "same_covariance"),
        positive(),
        note="without the control, directions that fill fewer dimensions would do",
    ),
    *(
        Claim(
            f"meta_batchtopk_better_than_{other}",
            "Introduction, Section 6",
            f"With so few active latents BatchTopK explains more of the directions than {label}.",
            "JumpReLU performs poorly",
            _behind(other),
            positive(),
            note=MATCHED,
        )
        for other, label in (("jumprelu", "JumpReLU"), ("standard", "ReLU with an L1 penalty"))
    ),
    Claim(
        "meta_batchtopk_no_worse_than_topk",
        "Section 6",
        "BatchTopK explains at least as much of the directions as TopK.",
        "used instead of TopK",
        _behind("topk"),
        at_least(0),
        note=MATCHED,
    ),
    Claim(
        "meta_latents_vary_in_number",
        "Introduction, Section 6",
        "The number of active meta-latents varies more between latents than between random directions.",
        "small, variable number",
        _against_control("active_sd_gap", "active_sd"),
        positive(),
        note="the number varies with BatchTopK whatever is taken apart, so that its standard deviation is compared "
        f"with that on random directions of the same covariance; {OURS}",
    ),
    Claim(
        "meta_latents_like_latents_of_their_size",
        "Section 5, Section 5.2, Fig. 6",
        "Meta-latents are like latents of an SAE of comparable size, more than other directions are.",
        "similar directions",
        Measure(
            "median_max_cosine of meta_latents minus the larger one of same_covariance and random, at the "
            "width nearest the meta width (fig6_summary)",
            _more_alike,
        ),
        positive(),
        note="same_covariance: meta-latents learnt from random directions",
    ),
    Claim(
        "meta_latents_have_counterparts",
        "Section 5.2, Fig. 6",
        "The largest cosines to latents of the SAE of nearest size are high.",
        "high",
        Measure(
            "share_above of meta_latents at the width nearest the meta width (fig6_summary)",
            _share_alike,
        ),
        at_least(0.5),
        note=f"high is the threshold for stitching, reached by half: {OURS}",
    ),
]
