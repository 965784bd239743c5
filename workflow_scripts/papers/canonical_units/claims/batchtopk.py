"""Canonical units, Section 6, Appendix A.3: BatchTopK against TopK and JumpReLU."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.measures import SAE, chosen
from workflow_scripts.anatomy.claims.rule import (
    at_least,
    at_most,
    negative,
    positive,
)
from workflow_scripts.papers.canonical_units.claims.advantage import (
    larger_part_advantage,
    pareto_advantage,
    worst_advantage,
)
from workflow_scripts.papers.canonical_units.claims.paper import OURS

NAMES = {"nmse": "normalised MSE", "ce_degradation": "cross-entropy degradation"}
OTHERS = {"topk": "TopK", "jumprelu": "JumpReLU"}

LARGELY = (
    "Section 6 claims it for a fixed L0 of 32 without the caption's largely; here both the mean and the "
    "median over sizes have to be better, so that one size does not make up for most others"
)
ALL = "the worst SAE decides, so with more of them it gets harder"
EQ_7 = "Slip: Eq. 7 has one closing bracket too many; without it the decoder's bias is added and not taken off"
GEMMA_SIZE = "Slip: Section 6 has a dictionary size of 12288 for both models here, Appendix A.3 has 16384 for Gemma"
THRESHOLD = (
    "The paper's threshold is that of Eq. 8. The table does not say which one the SAEs have, so Eq. 8 is not "
    "judged here: with threshold: quantile of the configuration, the default, it is chosen to give k, and "
    "the departure is that from the calibration sample to the tokens of the table"
)
MATCHED = (
    "Appendix A.2 objects to comparisons of JumpReLU SAEs at differing L0s; jumprelu_l0_matched says "
    "how alike they are here"
)


def _sparsest(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["k"] == table["k"].min()]


def _denser(table: pd.DataFrame) -> pd.DataFrame:
    kept = table[table["k"] > table["k"].min()]
    if kept.empty:
        raise NotTestable("one k only")
    return kept


def _l0_departure(architecture: str) -> Measure:
    """Largest relative difference of the L0 in use from k."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["fig7"], architecture=architecture).drop_duplicates(SAE)
        off = np.abs((table["l0"] / table["k"] - 1).to_numpy(float))
        return Measurement(float(off.max()), detail=f"mean {float(off.mean()):.3g}")

    return Measure(f"largest relative difference of l0 from k of {architecture} (fig7)", measure)


CLAIMS = [
    Claim(
        "pareto_improvement_over_topk",
        "Introduction",
        "BatchTopK is at least as good as TopK at every sparsity and size by either measure.",
        "Pareto improvement",
        pareto_advantage("fig7", tuple(NAMES), "topk"),
        at_least(0),
        note=ALL,
    ),
    *(
        Claim(
            f"batchtopk_{column}_at_sizes",
            "Section 6, Fig. 7 left",
            f"At a fixed number of active latents BatchTopK has a lower {words} than TopK, over the sizes.",
            "largely better",
            larger_part_advantage("fig7", "size", column, "topk"),
            positive(),
            note=LARGELY,
        )
        for column, words in NAMES.items()
    ),
    *(
        Claim(
            f"batchtopk_{column}_than_{other}",
            "Section 6, Fig. 7 right",
            f"At a fixed size BatchTopK has a lower {words} than {architecture} at every sparsity.",
            "better at all k",
            worst_advantage("fig7", "sparsity", column, other),
            positive(),
            note=MATCHED if other == "jumprelu" else ALL,
        )
        for other, architecture in OTHERS.items()
        for column, words in NAMES.items()
    ),
    *(
        Claim(
            f"second_batchtopk_{column}_than_topk",
            "Section 6, Appendix A.3, Fig. 8",
            f"At the second model, too, BatchTopK has a lower {words} than TopK at every sparsity.",
            "better at all k",
            worst_advantage("fig8", "sparsity", column, "topk"),
            positive(),
            note=GEMMA_SIZE,
        )
        for column, words in NAMES.items()
    ),
    Claim(
        "second_batchtopk_nmse_than_jumprelu",
        "Section 6, Appendix A.3, Fig. 8 left",
        "At the second model, too, BatchTopK has a lower normalised MSE than JumpReLU at every sparsity.",
        "better at all k",
        worst_advantage("fig8", "sparsity", "nmse", "jumprelu"),
        positive(),
        note=GEMMA_SIZE,
    ),
    Claim(
        "second_batchtopk_ce_than_jumprelu_sparsest",
        "Section 6, Appendix A.3, Fig. 8 right",
        "There BatchTopK has a lower cross-entropy degradation than JumpReLU where it is sparsest.",
        "better at k = 16",
        worst_advantage("fig8", "sparsity", "ce_degradation", "jumprelu", _sparsest, "smallest k"),
        positive(),
    ),
    Claim(
        "second_batchtopk_ce_than_jumprelu_denser",
        "Section 6, Appendix A.3, Fig. 8 right",
        "There BatchTopK does not have a lower cross-entropy degradation than JumpReLU at larger k.",
        "only at k = 16",
        worst_advantage(
            "fig8", "sparsity", "ce_degradation", "jumprelu", _denser, "larger k", highest=True
        ),
        negative(),
    ),
    Claim(
        "batchtopk_average_l0",
        "Section 6",
        "A BatchTopK SAE with the threshold of this run has the wanted number of active latents on average.",
        "fixed average sparsity",
        _l0_departure("batchtopk"),
        at_most(0.1),
        note=f"{OURS}. {THRESHOLD}. {EQ_7}",
    ),
    Claim(
        "jumprelu_l0_matched",
        "Appendix A.3",
        "The JumpReLU SAEs have about the L0 of the SAEs that they are compared with.",
        "match k",
        _l0_departure("jumprelu"),
        at_most(0.1),
        note=OURS,
    ),
]
