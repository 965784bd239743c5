"""Canonical units, Section 5, Fig. 6 and 23: what meta-SAEs explain, and what their latents are like."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import fitted_slope
from workflow_scripts.anatomy.claims.measures import chosen, columns, combination, mean_column
from workflow_scripts.anatomy.claims.rule import at_least, at_most, between, positive
from workflow_scripts.papers.canonical_units.claims.paper import GPT2, OURS

LATENTS = "latents"
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


def _gain(tables: Tables) -> Measurement:
    table = chosen(tables[FINAL], part="control")
    found = mean_column(chosen(table, rows="same_covariance"), "gap", LATENTS)
    isotropic = table.loc[table["rows"] == "isotropic", "gap"]
    return replace(found, detail=f"{isotropic.mean():.3g} more than of isotropic directions")


def _share_of_k(tables: Tables) -> Measurement:
    table = chosen(tables[FINAL], part="main")
    return combination(table, "l0", 1 / table["k"].to_numpy(float) / len(table), LATENTS)


def _by_width(column: str, rows: str) -> Measure:
    """Change per doubling of the width of the SAE taken apart."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables[FINAL], part="width", rows=rows)
        design = np.stack([np.log2(table["width"].to_numpy(float)), np.ones(len(table))], 1)
        return Measurement.of(fitted_slope(design, 0, [(1.0, columns(table, column))]), BOTH)

    return Measure(
        f"change of {column} per doubling of width, part width, rows {rows} ({FINAL})", measure
    )


def _behind(architecture: str) -> Measure:
    """By how much BatchTopK explains more than another architecture of the same L0."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables[FINAL], part="architecture", architecture=architecture)
        if table["gap"].isna().any():
            raise NotTestable("there is no BatchTopK meta-SAE beside it")
        l0, k = table["l0"].mean(), table["k"].mean()
        if not k / SAME_L0 <= l0 <= k * SAME_L0:
            raise NotTestable(f"its L0 is {l0:.2g} where k is {k:g}; give other coefficients")
        return replace(mean_column(table, "gap", LATENTS), detail=f"at an L0 of {l0:.3g}")

    return Measure(f"mean variance explained of batchtopk minus {architecture} ({FINAL})", measure)


def _spread(tables: Tables) -> Measurement:
    table = chosen(tables[FINAL], part="main")
    low, high = table["active_q05"].to_numpy(float), table["active_q95"].to_numpy(float)
    with np.errstate(divide="ignore"):
        return Measurement(float((high / low).min()))


def _nearest_width(table: pd.DataFrame, widths: Sequence[int]) -> int:
    """Of some widths the one nearest the number of meta-latents, as a ratio."""
    meta_width = table["meta_width"].iloc[0]
    return min(widths, key=lambda width: abs(np.log(width / meta_width)))


def _at_nearest(tables: Tables) -> pd.DataFrame:
    table = tables["fig6_summary"]
    return chosen(table, width=_nearest_width(table, sorted(table["width"].unique())))


def _more_alike(tables: Tables) -> Measurement:
    """Median largest cosine of meta-latents minus that of the control that is most alike."""
    table = _at_nearest(tables)
    kinds = [table["directions"] == kind for kind in ("meta_latents", "same_covariance", "random")]
    if not all(kind.any() for kind in kinds):
        raise NotTestable("table fig6_summary lacks meta-latents or a control")
    own, *controls = (kind.to_numpy() / kind.sum() for kind in kinds)
    gaps = [combination(table, "median_max_cosine", own - each, LATENTS) for each in controls]
    return min(gaps, key=lambda gap: gap.value)


def _share_alike(tables: Tables) -> Measurement:
    table = chosen(_at_nearest(tables), directions="meta_latents")
    return mean_column(table, "share_above", LATENTS)


def _replaced(tables: Tables) -> tuple[pd.DataFrame, str]:
    """Fig. 23's table, and which directions of it are an SAE's of the most similar size."""
    table = tables["fig23"]
    names = table["replaced"].astype(str)
    widths = [int(name.split("_")[1]) for name in names if name.startswith("nearest_")]
    for kept in ("none", "random"):
        chosen(table, replaced=kept)
    if not widths:
        raise NotTestable("table fig23 has no directions of an SAE")
    own = table[~names.str.startswith("pursuit")]
    return table, f"nearest_{_nearest_width(own, widths)}"


def _mean_difference(table: pd.DataFrame, first: str, second: str) -> Measurement:
    sides = [(table["replaced"] == name).to_numpy() for name in (first, second)]
    weights = sides[0] / sides[0].sum() - sides[1] / sides[1].sum()
    return combination(table, "variance_explained", weights, LATENTS)


def _lost(tables: Tables) -> Measurement:
    table, nearest = _replaced(tables)
    if _mean_difference(table, "none", "random").value <= 0:
        raise NotTestable("random directions explain as much as the meta-SAE's own")
    return mean_column(chosen(table, replaced=nearest), "share_lost", LATENTS)


def _over_random(tables: Tables) -> Measurement:
    table, nearest = _replaced(tables)
    return _mean_difference(table, nearest, "random")


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
        Measure(f"mean gap of part control, rows same_covariance ({FINAL})", _gain),
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
        note="of 2304 meta-latents in the paper; within a tenth",
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
        "The number of meta-latents that are active on a latent varies.",
        "small, variable number",
        Measure(f"smallest active_q95 / active_q05 of part main ({FINAL})", _spread),
        at_least(2),
        note=OURS,
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
    Claim(
        "replaced_directions_lose_little",
        "Section 5.2, Appendix A.8, Fig. 23",
        "With the most similar directions of an SAE in place of its own a meta-SAE explains little less.",
        "only a small decrease",
        Measure(
            "mean share_lost of replaced nearest_<width>, at the width nearest the meta width (fig23)",
            _lost,
        ),
        at_most(0.25),
        note=f"of what its own directions explain more than random ones: {OURS}",
    ),
    Claim(
        "larger_saes_composed_of_smaller",
        "Section 5.2",
        "Latents of a larger SAE are composed of those of a smaller one: these explain more than random ones.",
        "composed of latents from smaller SAEs",
        Measure(
            "mean variance_explained of replaced nearest_<width> minus random (fig23)", _over_random
        ),
        positive(),
    ),
]
