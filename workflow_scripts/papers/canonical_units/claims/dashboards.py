"""Canonical units, Appendix A.4, Fig. 12 and 13: what latents with a counterpart fire on and promote."""

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import PAIR, mean_of, mean_over, minus
from workflow_scripts.anatomy.claims.measures import chosen, columns, highest, mean_column
from workflow_scripts.anatomy.claims.rule import at_least, between
from workflow_scripts.papers.canonical_units.claims.paper import GPT2, LARGER_WIDTH, OURS

LATENTS = "latents, as if independent"
BOTH = "documents and latents"

BY_EYE = "the paper shows one pair; here it is the pairs with the highest cosines"
FOLLOWS = (
    "it follows from the cosine: logit weights are one linear function of a latent's direction, so "
    "that only directions that W_U treats unequally could differ"
)


def _above_random(column: str) -> Measure:
    """Mean over the smaller SAE's latents of a column with the like latent minus with a random one."""

    def measure(tables: Tables) -> Measurement:
        table = tables["fig12_pairs"].set_index([*PAIR, "latent_small"])
        sides = [table[table["kind"] == kind] for kind in ("matched", "random")]
        both = sides[0].index.intersection(sides[1].index, sort=False)
        if both.empty:
            raise NotTestable("table fig12_pairs has no latent in a like and in a random pair")
        like, random = (columns(side.loc[both], column) for side in sides)
        if f"{column}_lo" in table:
            return mean_of(minus(like, random), BOTH)
        return mean_over(like[0] - random[0], LATENTS)

    words = f"mean {column} of pairs with the highest decoder cosines minus that of random pairs"
    return Measure(f"{words} of the same latents (fig12_pairs)", measure)


def _nearest(tables: Tables) -> Measurement:
    table = chosen(tables["fig13_latents"], role="nearest")
    return mean_column(table, "cosine", "")


CLAIMS = [
    Claim(
        "pair_of_nearly_equal_latents",
        "Appendix A.4, Fig. 12",
        "GPT2-768 and GPT2-1536 have a pair of latents with this decoder cosine.",
        "0.99",
        highest(["fig12_pairs"], "decoder_cosine", "", width_small=768, width_large=LARGER_WIDTH),
        at_least(0.985),
        GPT2,
        "the highest cosine among latents that fire often enough to be shown; 0.99 as it is printed",
    ),
    Claim(
        "like_latents_fire_on_the_same_inputs",
        "Appendix A.4, Fig. 12",
        "Latents with like decoder directions fire most strongly on the same tokens.",
        "activate strongly on the same inputs",
        _above_random("top_overlap"),
        at_least(0.5),
        note=f"taken as half of each latent's strongest places: {OURS}; {BY_EYE}",
    ),
    Claim(
        "like_latents_fire_alike",
        "Appendix A.4, Fig. 12",
        "The activations of latents with like decoder directions have a high cosine.",
        "activate strongly on the same inputs",
        _above_random("activation_cosine"),
        at_least(0.5),
        note=f"{OURS}; {BY_EYE}",
    ),
    Claim(
        "like_latents_boost_the_same_tokens",
        "Appendix A.4, Fig. 12",
        "Latents with like decoder directions boost the same tokens.",
        "boost similar logits",
        _above_random("logit_correlation"),
        at_least(0.5),
        note=f"{OURS}; {FOLLOWS}",
    ),
    Claim(
        "nearest_to_a_novel_latent",
        "Appendix A.4, Fig. 13",
        "The latents of GPT2-768 nearest to a novel one of GPT2-1536 have this decoder cosine.",
        "around 0.3",
        Measure("mean cosine of the nearest latents (fig13_latents)", _nearest),
        between(0.25, 0.35),
        GPT2,
        'the paper\'s latent was picked by hand, for "make sure"; here it is the novel latent that lowers '
        "the smaller SAE's MSE most",
    ),
]
