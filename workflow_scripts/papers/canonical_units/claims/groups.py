"""Canonical units, Section 4.2, Appendix A.5 and A.7: groups of like latents, and shares of them."""

import numpy as np

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import mean_of
from workflow_scripts.anatomy.claims.measures import chosen, combination, mean_column, said
from workflow_scripts.anatomy.claims.rule import at_least, between, positive
from workflow_scripts.papers.canonical_units.claims.paper import GPT2

LATENTS = "latents"
COMPONENTS = "components, as if independent"
MANY = (1, np.inf)
SEVERAL = (2, np.inf)

FEATURES = "Slip: Section 4.2 says that these use more features for a lower sparsity; what gets lower is the L0"


def _components(small: tuple[int, float], large: tuple[int, float]) -> Measure:
    """Number of components with so many (from, to) latents of the smaller and the larger SAE."""

    def measure(tables: Tables) -> Measurement:
        table = tables["fig15"]
        fits = table["n_small"].between(*small) & table["n_large"].between(*large)
        return Measurement(float(fits.sum()))

    return Measure(f"number of components {_size(small)} to {_size(large)} (fig15)", measure)


def _size(limits: tuple[int, float]) -> str:
    low, high = limits
    return f"{low}" if low == high else f"{low} or more"


def _more_latents(tables: Tables) -> Measurement:
    table = tables["fig15"]
    excess = (table["n_large"] - table["n_small"]).to_numpy(float)
    return mean_of((excess, *np.full((2, len(excess)), np.nan)), COMPONENTS)


def _seeds_over_sizes(tables: Tables) -> Measurement:
    """Mean share between seeds minus that of a larger SAE's latents with respect to a smaller one."""
    table = tables["fig19"]
    seeds = (table["comparison"] == "seeds").to_numpy()
    sizes = (table["width_large"] > table["width_small"]).to_numpy() & ~seeds
    if not (seeds.any() and sizes.any()):
        raise NotTestable("table fig19 lacks pairs of seeds or pairs of sizes")
    weights = seeds / seeds.sum() - sizes / sizes.sum()
    return combination(table, "reconstruction_share", weights, LATENTS)


def _between_seeds(**where: object) -> Measure:
    """Mean share of reconstruction latents between SAEs that differ in their seed."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["fig19"], comparison="seeds", **where)
        return mean_column(table, "reconstruction_share", LATENTS)

    return Measure(
        f"mean reconstruction_share of comparison seeds ({said('fig19', **where)})", measure
    )


CLAIMS = [
    Claim(
        "latents_split",
        "Section 4.2, Appendix A.5, Fig. 15",
        "Some latents of the smaller SAE have become several in the larger one.",
        "feature splitting",
        _components((1, 1), SEVERAL),
        at_least(1),
    ),
    Claim(
        "latents_split_in_two",
        "Section 4.2",
        "Some latents have split into two.",
        "in some cases",
        _components((1, 1), (2, 2)),
        at_least(1),
    ),
    Claim(
        "latents_compose",
        "Introduction, Section 4.2, Appendix A.5, Fig. 15",
        "Some latents of the larger SAE are like several of the smaller one, as if composed of them.",
        "multiple latents of the smaller SAE",
        _components(SEVERAL, MANY),
        at_least(1),
        note="in a component with several smaller latents some larger latent is like two of them or more",
    ),
    Claim(
        "larger_sae_needs_more_latents",
        "Section 4, Section 4.2",
        "For what both SAEs represent, the larger one uses more latents.",
        "more latents",
        Measure("mean n_large - n_small over components (fig15)", _more_latents),
        positive(),
        note=FEATURES,
    ),
    Claim(
        "seeds_share_latents",
        "Appendix A.7, Fig. 19",
        "Most latents of an SAE have a counterpart in one of the same size from another seed.",
        "94 %",
        _between_seeds(),
        at_least(0.5),
        note="most is read as half",
    ),
    Claim(
        "seeds_share_latents_by",
        "Appendix A.7, Fig. 19",
        "Between SAEs with 3072 latents that differ in their seed this share has a counterpart.",
        "94 %",
        _between_seeds(width_small=3072, width_large=3072),
        between(0.93, 0.95),
        GPT2,
        "the paper has GPT-2 SAEs of this size trained on 3e8 tokens (A.6) and on 1e9 tokens (A.3), and "
        "does not say which ones these are",
    ),
    Claim(
        "same_size_more_alike_than_sizes",
        "Appendix A.7, Fig. 19",
        "SAEs of one size have more latents in common than a larger SAE has with a smaller one.",
        "same size against different sizes",
        Measure(
            "mean reconstruction_share of comparison seeds minus that of sizes, from smaller to larger "
            "(fig19)",
            _seeds_over_sizes,
        ),
        positive(),
        note="the paper shows both and states the number for one size only",
    ),
]
