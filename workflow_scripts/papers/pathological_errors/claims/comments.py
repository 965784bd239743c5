"""Predictions of the post's comments: controls, sizes of errors, capacity, penalties."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import fitted_slope
from workflow_scripts.anatomy.claims.counts import with_logarithms
from workflow_scripts.anatomy.claims.measures import BOTH, columns, lowest, mean, slope
from workflow_scripts.anatomy.claims.paired import combined, covers
from workflow_scripts.anatomy.claims.rule import (
    at_least,
    at_most,
    less_than,
    more_than,
    negative,
    positive,
)
from workflow_scripts.papers.pathological_errors.claims.factors import factor, rows
from workflow_scripts.papers.pathological_errors.claims.paper import COMMENT, OURS
from workflow_scripts.papers.pathological_errors.claims.shares import share_of_gap

RANDOM = {"baseline": "epsilon_random"}
WHY = 'Section "Comments" (the anisotropy of activations)'
CAPACITY = 'Section "Comments" (wesg: capacity, or the L1 penalty)'
SHRINKAGE = 'Section "Comments" (Benjamin Wright: shrinkage)'
ALONG = 'Section "Comments" (jake_mendel)'
RIGGS = 'Section "Comments" (Logan Riggs)'
# L0s within a quarter of each other are comparable, in log2.
ALIKE = np.log2(1.25)
OF_TOKENS = {"axis": "cosine_of_tokens"}


def _penalised(tables: Tables) -> Measurement:
    """How much the ratio of SAEs with an L1 penalty is above that of others, at fixed size and L0.

    Beside a plane in the logarithms of both, as the ratio is curved in the L0 by its square; nothing is
    carried beyond the L0s of the others.
    """
    table: pd.DataFrame = with_logarithms(tables["by_architecture"], ("width", "l0"))
    table["l0"] = np.log2(table["l0"].to_numpy(float))
    penalised = table["architecture"] == "standard"
    if penalised.nunique() < 2:
        raise NotTestable("table by_architecture has no SAEs with an L1 penalty beside others")
    others = table["l0"][~penalised]
    table = table[table["l0"].between(others.min() - ALIKE, others.max() + ALIKE)]
    penalised = (table["architecture"] == "standard").to_numpy(float)
    if not penalised.any():
        raise NotTestable(
            "no SAE with an L1 penalty has an L0 that those without one have, to a quarter"
        )
    table = table.reset_index(drop=True)
    l0 = table["l0"].to_numpy(float)
    design = [penalised, np.log2(table["width"].to_numpy(float)), l0, np.ones(len(table))]
    if others.round(1).nunique() > 2:
        design.append(l0**2)
    resampled = combined(table, ["ratio"], [1])
    terms = [(1.0, columns(table, "ratio"))]
    found = fitted_slope(np.stack(design, 1), 0, terms, resampled)
    return Measurement.of(found, covers(BOTH, resampled))


CLAIMS = [
    Claim(
        "perturbed_sae_worse_than_random",
        ALONG,
        "Perturbing an SAE's activations, L0 kept, is worse for Sae(x) than a random error of that size.",
        "worse",
        lowest(["controls"], "ratio", intervention="sae_latents_perturbed", baseline="sae_random"),
        more_than(1),
        note=f"{COMMENT}; as far from Sae(x) as Sae(x) is from x, which the comment leaves open",
    ),
    Claim(
        "latents_matter_more_than_random_directions",
        ALONG,
        "An error along the active latents of x is worse than a random one of the same size.",
        "spikes along the directions of features",
        lowest(["controls"], "ratio", intervention="latents_perturbed", **RANDOM),
        more_than(1),
        note=COMMENT,
    ),
    Claim(
        "errors_go_in_harmful_directions",
        WHY,
        "The error of another token is worse than a random direction of the same size.",
        "not measured",
        lowest(["controls"], "ratio", intervention="other_error", **RANDOM),
        more_than(1),
        note=f"{OURS}: whether the directions of errors are the reason",
    ),
    Claim(
        "errors_belong_to_their_tokens",
        WHY,
        "Sae(x) is worse than another token's error of the same size and angle to x.",
        "not measured",
        lowest(["controls"], "ratio", intervention="sae", baseline="other_error_rotated"),
        more_than(1),
        note=f"{OURS}: whether it matters which token an error is of",
    ),
    Claim(
        "isotropic_baseline_is_lenient",
        WHY,
        "Random errors with the covariance of the SAE's errors are worse than isotropic ones.",
        "a bad baseline",
        lowest(["controls"], "ratio", intervention="epsilon_errors", **RANDOM),
        more_than(1),
        note=f"{COMMENT}; the post names it as a hypothesis of its own",
    ),
    Claim(
        "anisotropy_is_most_of_the_gap",
        WHY,
        "Most of the gap is the baseline's: random errors with the covariance of the SAE's have it too.",
        "just the answer",
        share_of_gap("epsilon_errors"),
        at_least(0.5),
        note=f"{COMMENT}; on a logarithmic scale, half of it: {OURS}",
    ),
    Claim(
        "anisotropy_is_all_of_the_gap",
        WHY,
        "Sae(x) is no worse than random errors with the covariance of its own.",
        "just the answer",
        mean(["controls"], "ratio", intervention="sae", baseline="epsilon_errors"),
        at_most(1.1),
        note=f"{COMMENT}; a tenth more: {OURS}",
    ),
    Claim(
        "directions_of_activations_are_all_of_the_gap",
        WHY,
        "Sae(x) is no worse than random errors with the covariance of the activations.",
        "just the answer",
        mean(["controls"], "ratio", intervention="sae", baseline="epsilon_activations"),
        at_most(1.1),
        note=f"{COMMENT}; a tenth more: {OURS}",
    ),
    Claim(
        "rescaled_latents_do_less_harm",
        SHRINKAGE,
        "A factor for each latent that undoes its shrinkage makes the errors less pathological.",
        "one explanation",
        factor(
            "ratio",
            [rows("controls", intervention="sae_scaled", baseline="scaled_random")],
            [rows("controls", intervention="sae", **RANDOM)],
        ),
        less_than(1),
        note=f"{COMMENT}; each beside random errors of its own size, as the factors also make errors "
        "smaller; by least squares, where the comment finetunes",
    ),
    Claim(
        "shrinkage_of_latents_is_not_all",
        SHRINKAGE,
        "With a factor for each latent Sae(x) is still worse than random errors at every layer.",
        "interested to see",
        lowest(["controls"], "ratio", intervention="sae_scaled", baseline="scaled_random"),
        more_than(1),
        note=COMMENT,
    ),
    Claim(
        "worse_at_high_cosine",
        RIGGS,
        "Beside random errors SAEs are worse on tokens of a high cosine than on those of a low one.",
        "an alternative hypothesis",
        factor("ratio", [rows("sweep", part=4, **OF_TOKENS)], [rows("sweep", part=0, **OF_TOKENS)]),
        more_than(1),
        note=f"{COMMENT}; the highest fifth of the tokens beside the lowest",
    ),
    Claim(
        "better_at_low_cosine",
        RIGGS,
        "On tokens of a low cosine SAEs do better than random errors.",
        "an alternative hypothesis",
        mean(["sweep"], "ratio", part=0, **OF_TOKENS),
        less_than(1),
        note=f"{COMMENT}; the lowest fifth of the tokens",
    ),
    Claim(
        "capacity",
        CAPACITY,
        "Larger SAEs are less pathological, as they would be if they lacked capacity.",
        "e.g. not enough capacity",
        slope(["by_width"], "ratio", "width", given=["l0"]),
        negative(),
        note=COMMENT,
    ),
    Claim(
        "latents_of_a_larger_sae_help",
        'Section "Comments" (that SAEs find a subset of the features)',
        "With the latents of a larger SAE that it lacks an SAE is less pathological.",
        "missing features",
        factor(
            "ratio",
            [rows("by_component", subject="stitched")],
            [rows("by_component", subject="sae")],
            on=("model", "sae"),
        ),
        less_than(1),
        note=COMMENT,
    ),
    Claim(
        "best_activations_help",
        SHRINKAGE,
        "With activations that pursuit chooses, in the right proportion, errors are less pathological.",
        "scaled in the correct proportion",
        factor(
            "ratio",
            [rows("by_component", subject="pursuit")],
            [rows("by_component", subject="sae")],
            on=("model", "sae"),
        ),
        less_than(1),
        note=f"{COMMENT}; pursuit also chooses other latents",
    ),
    Claim(
        "l1_is_worse",
        CAPACITY,
        "SAEs with an L1 penalty are more pathological than others of the same size and L0.",
        "blamed on L1",
        Measure(
            "ratio of architecture standard above others at fixed width and l0 (by_architecture)",
            _penalised,
        ),
        positive(),
        note=f"{COMMENT}; SAEs with an L0 that others do not have take no part",
    ),
]
