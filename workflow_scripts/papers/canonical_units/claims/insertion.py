"""Canonical units, Section 4.2, Fig. 4, 16, 18 and 21: what adding latents of a larger SAE does."""

import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import (
    mean_of,
    mean_over,
    negated,
    share,
    share_below_zero,
)
from workflow_scripts.anatomy.claims.measures import (
    DOCUMENTS,
    beside,
    chosen,
    columns,
    lowest,
    mean_column,
    said,
)
from workflow_scripts.anatomy.claims.rule import at_least, between, more_than, negative
from workflow_scripts.papers.canonical_units.claims.paper import GEMMA, GPT2, OURS
from workflow_scripts.papers.canonical_units.claims.slips import swaps_note

BOTH = "documents and latents"
CHANCE = 0.025

TEND = "Slip: for a cosine equal to the threshold the paper has no group; here it is a reconstruction latent"
EQ_4 = (
    "Slip: the sum of Eq. 4 goes from 0 to d and so has d + 1 latents of d; Section 2 gives W_enc as n x m "
    "and W_dec as m x n, where Eq. 1 and 2 need m x n and n x m"
)
AT_MOST = "Slip: the caption of Fig. 18 counts a cosine of 0.7 itself as novel, Eq. 6 does not"


def _firing(tables: Tables, name: str, **where: object) -> pd.DataFrame:
    """Latents that fire at all: the others change nothing but the bias."""
    table = chosen(tables[name], **where)
    table = table[table["activation_frequency"] > 0].reset_index(drop=True)
    if table.empty:
        raise NotTestable(f"no latent of table {name} fires")
    return table


def _helping(name: str, novel: bool, lowers: bool, **where: object) -> Measure:
    """Share of novel or of reconstruction latents that lower or that raise the MSE when added."""

    def measure(tables: Tables) -> Measurement:
        parts = columns(chosen(_firing(tables, name, **where), novel=novel), "delta_mse_latent")
        return share_below_zero(parts if lowers else negated(parts), BOTH)

    which, sign = ("novel" if novel else "reconstruction"), ("below" if lowers else "above")
    return Measure(
        f"share of {which} latents with a delta_mse_latent {sign} 0 ({said(name, **where)})",
        measure,
    )


def _mean_change(name: str, novel: bool) -> Measure:
    def measure(tables: Tables) -> Measurement:
        table = chosen(_firing(tables, name), novel=novel)
        return mean_of(columns(table, "delta_mse_latent"), BOTH)

    which = "novel" if novel else "reconstruction"
    return Measure(f"mean delta_mse_latent of {which} latents ({name})", measure)


def _surely_missing(tables: Tables) -> Measurement:
    """Share of novel latents whose whole interval is below 0; those across 0 may or may not help."""
    table = chosen(_firing(tables, "fig4"), novel=True)
    surely = int((table["delta_mse_latent_hi"] < 0).sum())
    surely_not = int((table["delta_mse_latent_lo"] >= 0).sum())
    least, most = (share(n, len(table), BOTH) for n in (surely, len(table) - surely_not))
    return Measurement(least.value, least.lo, most.hi, BOTH)


def _largest_effects(tables: Tables) -> Measurement:
    """Mean maximum cosine of the hundredth of latents with the largest effects, at least two."""
    table = _firing(tables, "fig4")
    if len(table) < 20:
        raise NotTestable("table fig4 has fewer than 20 latents that fire")
    order = table["delta_mse_latent"].abs().sort_values(ascending=False).index
    outliers = table.loc[order[: max(2, len(table) // 100)], "max_cosine"]
    return mean_over(outliers, "latents, as if independent")


def _all_added(**where: object) -> Measure:
    """MSE with all novel latents added, relative to the smaller SAE's; no order of adding matters."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["fig18"], **where)
        table = chosen(table, n_added=table["n_added"].max())
        return mean_column(table, "mse_change", DOCUMENTS)

    return Measure(
        f"mse_change with all novel latents added, in per cent ({said('fig18', **where)})", measure
    )


CLAIMS = [
    Claim(
        "novel_latents_help",
        "Abstract, Section 4.2, Fig. 4",
        "Adding a latent that the smaller SAE has nothing like tends to lower its MSE.",
        "tend to improve MSE",
        beside(_helping("fig4", True, True), _mean_change("fig4", True)),
        more_than(0.5),
        note=f"tending is read as more than half of the latents. {EQ_4}",
    ),
    Claim(
        "reconstruction_latents_hurt",
        "Section 4.2, Fig. 4",
        "Adding a latent like one that the smaller SAE has tends to raise its MSE.",
        "tend to hurt performance",
        beside(_helping("fig4", False, False), _mean_change("fig4", False)),
        more_than(0.5),
        note=TEND,
    ),
    Claim(
        "largest_effects_at_high_cosine",
        "Fig. 4 in Section 4.1",
        "The few extreme changes of the MSE belong to latents of very high cosine.",
        "very high cosine similarity",
        Measure(
            "mean max_cosine of the hundredth of latents with the largest absolute delta_mse_latent (fig4)",
            _largest_effects,
        ),
        at_least(0.9),
        note=OURS,
    ),
    Claim(
        "smaller_saes_miss_information",
        "Abstract, Section 4.2, Section 7",
        "There are novel latents that add what the smaller SAE misses, so that SAE is incomplete.",
        "novel latents exist",
        Measure(
            "share of novel latents that lower the MSE for certain, their interval below 0 (fig4)",
            _surely_missing,
        ),
        more_than(CHANCE),
        note="2.5 % would seem to by chance alone if none did",
    ),
    Claim(
        "second_novel_latents_help",
        "Appendix A.7, Fig. 21",
        "At the second model or site, too, adding novel latents tends to lower the MSE.",
        "tend to improve MSE",
        beside(_helping("fig21", True, True), _mean_change("fig21", True)),
        more_than(0.5),
    ),
    Claim(
        "second_reconstruction_latents_hurt",
        "Appendix A.7, Fig. 21",
        "At the second model or site, too, adding reconstruction latents tends to raise the MSE.",
        "hurt performance",
        beside(_helping("fig21", False, False), _mean_change("fig21", False)),
        more_than(0.5),
    ),
    Claim(
        "gpt2_threshold_novel",
        "Section 4.2, Fig. 4",
        "On GPT-2 SAEs novel means a cosine below 0.7: these latents tend to lower the MSE.",
        "0.7",
        _helping("fig4", True, True, threshold=0.7),
        more_than(0.5),
        GPT2,
    ),
    Claim(
        "gpt2_threshold_reconstruction",
        "Section 4.2, Fig. 4",
        "On GPT-2 SAEs latents with a cosine of 0.7 or more tend to raise the MSE.",
        "0.7",
        _helping("fig4", False, False, threshold=0.7),
        more_than(0.5),
        GPT2,
    ),
    Claim(
        "gemma_threshold_novel",
        "Section 4.2, Appendix A.7, Fig. 21",
        "On Gemma Scope SAEs novel means a cosine below 0.4: these latents tend to lower the MSE.",
        "0.4",
        _helping("fig21", True, True, threshold=0.4),
        more_than(0.5),
        GEMMA,
    ),
    Claim(
        "gemma_threshold_reconstruction",
        "Section 4.2, Appendix A.7, Fig. 21",
        "On Gemma Scope SAEs latents with a cosine of 0.4 or more tend to raise the MSE.",
        "0.4",
        _helping("fig21", False, False, threshold=0.4),
        more_than(0.5),
        GEMMA,
    ),
    Claim(
        "cosine_predicts_effect",
        "Section 4.2, Appendix A.7, Fig. 16",
        "The maximum cosine tells better than chance whether adding a latent lowers the MSE.",
        "ROC above the diagonal",
        lowest(["fig16"], "auc"),
        more_than(0.5),
    ),
    Claim(
        "all_novel_latents_lower_mse",
        "Appendix A.7, Fig. 18",
        "With all novel latents added the smaller SAE has a lower MSE than before.",
        "lower",
        _all_added(),
        negative(),
        note=AT_MOST,
    ),
    Claim(
        "all_novel_latents_lower_mse_by",
        "Appendix A.7, Fig. 18",
        "Adding all novel latents of GPT2-1536 to GPT2-768 changes the MSE by this much.",
        "almost -10 %",
        _all_added(width_small=768, width_large=1536),
        between(-10.5, -8.5),
        GPT2,
        swaps_note,
    ),
]
