"""Canonical units, Section 6, Appendix A.3, Fig. 9: active latents per token."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.measures import SAE, chosen
from workflow_scripts.anatomy.claims.rule import at_least, at_most, less_than, more_than
from workflow_scripts.papers.canonical_units.claims.paper import GPT2, OURS


def _distributions(tables: Tables, architecture: str) -> list[pd.DataFrame]:
    """Tokens by number of active latents, of each SAE of an architecture."""
    table = chosen(tables["fig9"], architecture=architecture)
    table = table[table["count"] > 0]
    return [part.sort_values("active_latents") for _, part in table.groupby(SAE, sort=False)]


def _active(part: pd.DataFrame) -> tuple[NDArray, NDArray]:
    """Numbers of active latents, ascending, and the tokens that have so many."""
    counts = part.groupby("active_latents")["count"].sum()
    return counts.index.to_numpy(float), counts.to_numpy(float)


def _quantile_ratio(tables: Tables) -> Measurement:
    ratios = []
    for part in _distributions(tables, "batchtopk"):
        latents, tokens = _active(part)
        below = np.cumsum(tokens) / tokens.sum()
        low, high = (latents[np.searchsorted(below, level)] for level in (0.05, 0.95))
        ratios.append(high / max(low, 1))
    return Measurement(float(np.min(ratios)))


def _fewest(tables: Tables) -> Measurement:
    """Of tokens on which some latent is active."""
    active = [_active(part)[0] for part in _distributions(tables, "batchtopk")]
    some = np.concatenate(active)
    if not (some > 0).any():
        raise NotTestable("no latent of table fig9 is active")
    return Measurement(float(some[some > 0].min()))


def _most(tables: Tables) -> Measurement:
    return Measurement(max(_active(part)[0][-1] for part in _distributions(tables, "batchtopk")))


def _at_the_mode(tables: Tables) -> Measurement:
    shares = []
    for part in _distributions(tables, "topk"):
        tokens = _active(part)[1]
        shares.append(tokens.max() / tokens.sum())
    return Measurement(float(np.min(shares)))


def _bos(part: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    bos = part["bos"].astype(bool)
    if not bos.any() or bos.all():
        raise NotTestable("table fig9 has no BOS tokens beside others")
    return part[bos], part[~bos]


def _bos_gap(tables: Tables) -> Measurement:
    """Mean active latents on BOS over that on other tokens, of the SAE where it is largest."""
    ratios = []
    for part in _distributions(tables, "batchtopk"):
        bos, rest = (
            np.average(side["active_latents"], weights=side["count"]) for side in _bos(part)
        )
        ratios.append(bos / rest)
    return Measurement(float(np.max(ratios)))


def _bos_peak(tables: Tables) -> Measurement:
    """Of the tokens with as many active latents as most BOS tokens have, the share that is BOS; 0 where
    these are not fewer than other tokens have on average, as that peak is not on the left."""
    shares = []
    for part in _distributions(tables, "batchtopk"):
        bos, rest = _bos(part)
        peak = bos.loc[bos["count"].idxmax()]
        if peak["active_latents"] >= np.average(rest["active_latents"], weights=rest["count"]):
            return Measurement(0.0)
        tokens = part.loc[part["active_latents"] == peak["active_latents"], "count"].sum()
        shares.append(peak["count"] / tokens)
    return Measurement(float(np.min(shares)))


CLAIMS = [
    Claim(
        "topk_is_rigid",
        "Section 6, Appendix A.2, A.3",
        "A TopK SAE has the same number of active latents on every token.",
        "fixed number",
        Measure(
            "smallest share of tokens at the commonest active_latents of topk (fig9)", _at_the_mode
        ),
        at_least(0.99),
        note=f"{OURS}; fewer than k are active where fewer are above 0",
    ),
    Claim(
        "batchtopk_is_flexible",
        "Appendix A.3, Fig. 9",
        "A BatchTopK SAE has a widely varying number of active latents.",
        "wide range",
        Measure(
            "smallest ratio of the 95 % to the 5 % quantile of active_latents of batchtopk (fig9)",
            _quantile_ratio,
        ),
        at_least(2),
        note=OURS,
    ),
    Claim(
        "batchtopk_fewest_active",
        "Appendix A.3, Fig. 9",
        "On some tokens a single latent of the BatchTopK SAE is active.",
        "1",
        Measure("smallest active_latents above 0 of batchtopk (fig9)", _fewest),
        at_most(1),
        GPT2,
        "the paper does not say which k Fig. 9 has",
    ),
    Claim(
        "batchtopk_most_active",
        "Appendix A.3, Fig. 9",
        "On some tokens more than this many latents of the BatchTopK SAE are active.",
        "80",
        Measure("largest active_latents of batchtopk (fig9)", _most),
        more_than(80),
        GPT2,
        "the paper does not say which k Fig. 9 has",
    ),
    Claim(
        "bos_has_few_active",
        "Appendix A.3, Fig. 9",
        "Fewer latents are active on BOS than on other tokens, as it holds little information.",
        "peak on the left",
        Measure(
            "mean active_latents on bos over that on other tokens, of batchtopk, largest (fig9)",
            _bos_gap,
        ),
        less_than(1),
    ),
    Claim(
        "left_peak_is_bos",
        "Appendix A.3, Fig. 9",
        "The peak at few active latents is made of BOS tokens.",
        "BOS (text); likely BOS (caption)",
        Measure(
            "share of bos among tokens with the active_latents of most bos, if these are few, of batchtopk, "
            "smallest (fig9)",
            _bos_peak,
        ),
        more_than(0.5),
        note="half of them is our reading; the text is certain of what the caption calls likely",
    ),
]
