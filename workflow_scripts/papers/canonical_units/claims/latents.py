"""Canonical units, Appendix A.4, Fig. 10, 11 and 14: latents with and without a counterpart."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import (
    PAIR,
    histogram_skewness,
    mean_of,
    share,
)
from workflow_scripts.anatomy.claims.measures import chosen, columns, lowest
from workflow_scripts.anatomy.claims.rule import (
    at_least,
    at_most,
    between,
    more_than,
    negative,
    positive,
)
from workflow_scripts.papers.canonical_units.claims.paper import (
    GPT2,
    LARGER_WIDTH,
    NOVEL_LATENT,
    NOVEL_LATENTS,
    OURS,
)
from workflow_scripts.papers.canonical_units.claims.slips import example_differences, example_note

LATENTS = "latents, as if independent"
BOTH = "documents and latents"

BIN = 0.02
HIGH = 0.9

FEATURES = "Slip: Section 4.2 says that these use more features for a lower sparsity; what gets lower is the L0"


def _first_pair(tables: Tables, name: str) -> pd.DataFrame:
    table = tables[name]
    first = table[PAIR].iloc[0]
    return table[(table[PAIR] == first).all(axis=1)].reset_index(drop=True)


def _novel(tables: Tables) -> tuple[int, int]:
    """Novel latents of the larger SAE, and all of its latents, of those that fire."""
    table = _first_pair(tables, "fig10")
    novel, of = int(table["novel_latents"].iloc[0]), int(table["count"].sum())
    if novel > of:
        raise NotTestable("the histogram of table fig10 has fewer latents than are novel")
    return novel, of


def _reconstruction_share(tables: Tables) -> Measurement:
    novel, of = _novel(tables)
    return share(of - novel, of, LATENTS)


def _rarer_kind(tables: Tables) -> Measurement:
    novel, of = _novel(tables)
    return share(min(novel, of - novel), of, LATENTS)


def _novel_latents(tables: Tables) -> Measurement:
    table = chosen(tables["fig10"], width_small=768, width_large=LARGER_WIDTH, threshold=0.7)
    return Measurement(float(table["novel_latents"].iloc[0]))


def _cluster(tables: Tables) -> Measurement:
    """Of latents with a cosine above 0.8, the share above 0.9; bins are named by their lower edges."""
    table = _first_pair(tables, "fig10")
    edge, count = table["max_cosine"] + BIN / 2, table["count"]
    near, nearest = int(count[edge > 2 * HIGH - 1].sum()), int(count[edge > HIGH].sum())
    if near == 0:
        raise NotTestable("no maximum cosine of table fig10 is above 0.8")
    return share(nearest, near, LATENTS)


def _skewness(tables: Tables) -> Measurement:
    table = _first_pair(tables, "fig10")
    middle = table["max_cosine"].to_numpy(float) + BIN / 2
    return histogram_skewness(middle, table["count"].to_numpy(int), tables.seed, LATENTS)


def _sides(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of Fig. 14 where each novel latent is inactive, and where it is active, in one order."""
    active, inactive = (
        table[table["active"] == active].set_index([*PAIR, "latent"]) for active in (True, False)
    )
    both = active.index.intersection(inactive.index, sort=False)
    if both.empty:
        raise NotTestable(
            "table fig14 has no latent that is active on some tokens and not on others"
        )
    return inactive.loc[both], active.loc[both]


def _mean_over_novel(column: str, words: str) -> Measure:
    """Mean of what is in both rows of a novel latent."""

    def measure(tables: Tables) -> Measurement:
        _, active = _sides(tables["fig14"])
        return mean_of(columns(active, column), BOTH)

    return Measure(f"mean over novel latents of {column}, {words} (fig14)", measure)


def _mean_increase(size: str) -> Measure:
    return _mean_over_novel(
        f"increase_{size}", f"mse_{size} where the latent is active minus where it is not"
    )


def _example_latent(tables: Tables) -> Measurement:
    """How far the novel latent nearest to A.4's example is from its four MSEs, the worst of them."""
    table = chosen(tables["fig14"], width_small=768, width_large=LARGER_WIDTH)
    off = [
        (side[f"mse_{size}"] / mse - 1).abs()
        for size, printed in NOVEL_LATENT.items()
        for side, mse in zip(_sides(table), printed, strict=True)
    ]
    return Measurement(float(np.max(off, axis=0).min()))


CLAIMS = [
    Claim(
        "both_kinds_of_latents",
        "Abstract, Section 4.2",
        "A larger SAE has latents like those of a smaller one, and latents that are unlike all of them.",
        "novel and reconstruction latents",
        Measure(
            "share of the rarer kind among novel and reconstruction latents (fig10)", _rarer_kind
        ),
        at_least(0.05),
        note=OURS,
    ),
    Claim(
        "many_latents_have_a_counterpart",
        "Appendix A.4, Fig. 10",
        "Many latents of the larger SAE are very like one of the smaller SAE.",
        "many",
        Measure("share of latents that are not novel (fig10)", _reconstruction_share),
        at_least(0.25),
        note=f"{OURS}; the paper's own count leaves {LARGER_WIDTH - NOVEL_LATENTS} of {LARGER_WIDTH}",
    ),
    Claim(
        "cluster_of_high_cosines",
        "Appendix A.4, Fig. 10",
        "The highest maximum cosines form a cluster.",
        "cluster on the right-hand side",
        Measure("of latents with a max_cosine above 0.8, the share above 0.9 (fig10)", _cluster),
        more_than(0.5),
        note="a cluster is read as more latents in the last tenth of the axis than in the one before it",
    ),
    Claim(
        "long_tail_of_novel_latents",
        "Appendix A.4, Fig. 10",
        "The distribution of maximum cosines has a long tail towards low ones.",
        "long tail",
        Measure("skewness of max_cosine (fig10)", _skewness),
        negative(),
    ),
    Claim(
        "number_of_novel_latents",
        "Appendix A.4",
        "So many of the 1536 latents of GPT2-1536 are novel to GPT2-768.",
        f"{NOVEL_LATENTS}",
        Measure("novel_latents from 768 to 1536 latents at threshold 0.7 (fig10)", _novel_latents),
        between(NOVEL_LATENTS - 15, NOVEL_LATENTS + 15),
        GPT2,
        "one per cent of the latents to either side; whether the paper leaves out latents that never "
        "fire it does not say",
    ),
    Claim(
        "similarities_agree",
        "Appendix A.4, Fig. 11",
        "Where decoders are alike, their cosine says how alike the activations are.",
        "high correlation",
        lowest(["fig11"], "r2"),
        at_least(0.5),
        note=OURS,
    ),
    Claim(
        "similarities_agree_by",
        "Appendix A.4, Fig. 11",
        "From a decoder cosine of 0.5 the two similarities have this coefficient of determination.",
        "0.87",
        lowest(["fig11"], "r2", width_small=768, width_large=LARGER_WIDTH, above=0.5),
        between(0.84, 0.9),
        GPT2,
    ),
    Claim(
        "smaller_sae_worse_where_novel",
        "Appendix A.4, Fig. 14",
        "The smaller SAE is worse on tokens where a novel latent of the larger one is active.",
        "considerably worse",
        _mean_increase("small"),
        positive(),
        note=example_note,
    ),
    Claim(
        "larger_sae_worse_where_novel",
        "Appendix A.4, Fig. 14",
        "The larger SAE, too, is worse where one of its novel latents is active.",
        "2.518 against 2.225",
        _mean_increase("large"),
        positive(),
        note="printed for one latent; the mean is said to be similar",
    ),
    Claim(
        "smaller_sae_more_worse_where_novel",
        "Appendix A.4, Fig. 14",
        "It is the smaller SAE that loses more where a novel latent is active.",
        "0.589 against 0.293",
        _mean_over_novel("increase_gap", "the increase of mse_small minus that of mse_large"),
        positive(),
        note=lambda: (
            "the printed differences are right: "
            + " and ".join(f"{difference:.3f}" for difference in example_differences())
        ),
    ),
    Claim(
        "example_of_a_novel_latent",
        "Appendix A.4",
        "A novel latent of GPT2-1536 has these MSEs: smaller SAE inactive, active; larger SAE the same.",
        "2.703, 3.292; 2.225, 2.518",
        Measure(
            "largest relative difference from the four printed MSEs, of the nearest novel latent (fig14)",
            _example_latent,
        ),
        at_most(0.02),
        GPT2,
        example_note,
    ),
]
