"""Post, Summary, Intervention Types, Layerwise Results, Attention: Sae(x) beside errors of its size."""

from workflow_scripts.anatomy.claims.claim import Claim
from workflow_scripts.anatomy.claims.measures import highest, lowest, mean
from workflow_scripts.anatomy.claims.rule import (
    at_least,
    at_most,
    between,
    less_than,
    more_than,
)
from workflow_scripts.papers.pathological_errors.claims.clusters import apart
from workflow_scripts.papers.pathological_errors.claims.factors import factor, rows
from workflow_scripts.papers.pathological_errors.claims.paper import CLUSTERS, GPT2, OURS

SAE = {"intervention": "sae"}
SUMMARY, TYPES = 'Section "Summary"', 'Section "Intervention Types"'
LAYERWISE, ATTENTION = (
    'Section "Layerwise Intervention Results in More Detail"',
    'Section "Replication with Attention SAEs"',
)
_NORM = [rows("attention", intervention="x_norm_of_sae"), rows("interventions", **SAE)]
_NORM_IN_STREAM = [rows("attention", **SAE), rows("interventions", intervention="x_norm_of_sae")]

CLAIMS = [
    Claim(
        "sae_worse_than_random_at_every_layer",
        SUMMARY,
        "At every layer Sae(x) changes predictions more than a random point at the same distance.",
        "all layers",
        lowest(["interventions"], "ratio", **SAE),
        more_than(1),
    ),
    Claim(
        "twice_as_bad_on_average",
        SUMMARY,
        "Sae(x) does at least twice the harm of a random point at the same distance, over layers.",
        "about 2 to about 4.5",
        mean(["interventions"], "ratio", **SAE),
        at_least(2),
    ),
    Claim(
        "smallest_ratio",
        'Section "Introduction"',
        "The KL is 2.2 times that of random errors where that is least.",
        "2.2",
        lowest(["interventions"], "ratio", **SAE),
        between(1.9, 2.5),
        models=GPT2,
        note="within an eighth or so of the number: the tolerance is ours",
    ),
    Claim(
        "largest_ratio",
        'Section "Introduction"',
        "The KL is 4.5 times that of random errors where that is most.",
        "4.5",
        highest(["interventions"], "ratio", **SAE),
        between(3.9, 5.1),
        models=GPT2,
        note="within an eighth or so of the number: the tolerance is ours",
    ),
    Claim(
        "loss_worse_at_every_layer",
        LAYERWISE,
        "At every layer Sae(x) raises the loss more than a random point at the same distance.",
        "all layers",
        lowest(["interventions"], "ce_ratio", **SAE),
        more_than(1),
    ),
    Claim(
        "loss_twice_as_bad_on_average",
        LAYERWISE,
        "The mean increase of the loss is 2 to 4 times that of random errors; here over layers.",
        "2 to 4",
        mean(["interventions"], "ce_ratio", **SAE),
        between(2, 4),
    ),
    Claim(
        "loss_ratio_within",
        LAYERWISE,
        "The mean increase of the loss is at no layer more than 4 times that of random errors.",
        "4",
        highest(["interventions"], "ce_ratio", **SAE),
        at_most(4.5),
        models=GPT2,
        note="the number with half a unit for rounding",
    ),
    Claim(
        "three_clusters",
        TYPES,
        "The interventions come in three clusters of KL.",
        "3 clusters",
        apart("interventions"),
        more_than(1),
        note=CLUSTERS,
    ),
    Claim(
        "not_shrinkage",
        SUMMARY,
        "The gap is not shrinkage: at the norm of x Sae(x) is about as bad at every layer.",
        "not caused by shrinkage",
        lowest(["controls"], "ratio", intervention="sae_norm_of_x", baseline="sae"),
        at_least(0.8),
        note=f"a fifth less would be shrinkage's: {OURS}",
    ),
    Claim(
        "norm_alone_does_little",
        SUMMARY,
        "The change of norm alone does less than a random error of the size of the SAE's.",
        "not caused by shrinkage",
        highest(["interventions"], "ratio", intervention="x_norm_of_sae"),
        less_than(1),
        note=CLUSTERS,
    ),
    Claim(
        "attention_ratio_not_below",
        ATTENTION,
        "Of attention SAEs the KL is at no layer much less than that of random errors.",
        "0.9",
        lowest(["attention"], "ratio", **SAE),
        at_least(0.85),
        models=GPT2,
        note="the number rounded",
    ),
    Claim(
        "attention_ratio_not_above",
        ATTENTION,
        "Of attention SAEs the KL is at no layer more than 1.7 times that of random errors.",
        "1.7",
        highest(["attention"], "ratio", **SAE),
        at_most(1.75),
        models=GPT2,
        note="the number rounded",
    ),
    Claim(
        "attention_gap_smaller",
        ATTENTION,
        "The ratio to random errors is smaller for attention SAEs than for those of the residual stream.",
        "smaller",
        factor("ratio", [rows("attention", **SAE)], [rows("interventions", **SAE)]),
        less_than(1),
    ),
    Claim(
        "attention_change_smaller",
        ATTENTION,
        "Replacing the output of attention changes predictions less than replacing the residual stream.",
        "much smaller",
        factor("kl", [rows("attention", **SAE)], [rows("interventions", **SAE)]),
        less_than(1),
    ),
    Claim(
        "attention_norm_matters_more",
        ATTENTION,
        "Of what attention SAEs do, a larger part is due to the change of norm than in the residual stream.",
        "larger",
        factor("kl", _NORM, _NORM_IN_STREAM),
        more_than(1),
        note="part of the norm: KL under x at the norm of Sae(x) over that under Sae(x)",
    ),
]
