"""Canonical units, Section 5.2, Appendix A.8, Fig. 23: a meta-SAE with other directions than its own."""

import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.measures import chosen
from workflow_scripts.anatomy.claims.rule import at_most, positive
from workflow_scripts.papers.canonical_units.claims.meta import nearest_width
from workflow_scripts.papers.canonical_units.claims.over_seeds import mean_over_seeds
from workflow_scripts.papers.canonical_units.claims.paper import OURS

FLOOR = "same_covariance"
WHICH = "of replaced nearest_<width>, at the width nearest the meta width (fig23)"


def _parts(tables: Tables) -> dict[str, pd.DataFrame]:
    """Fig. 23's rows of the meta-SAE's own directions, the nearest latents, as many random ones, and the floor.

    Latents are those of the SAE of the most similar size.
    """
    table = tables["fig23"]
    names = table["replaced"].astype(str)
    widths = [int(name.split("_")[1]) for name in names if name.startswith("nearest_")]
    if not widths:
        raise NotTestable("table fig23 has no directions of an SAE")
    width = nearest_width(table[~names.str.startswith("pursuit")], widths)
    kept = {"none": "none", "nearest": f"nearest_{width}"}
    kept |= {"random_latents": f"random_latents_{width}", "floor": FLOOR}
    return {part: chosen(table, replaced=name) for part, name in kept.items()}


def _lost(tables: Tables) -> Measurement:
    parts = _parts(tables)
    none, near, floor = (parts[name]["variance_explained"] for name in ("none", "nearest", "floor"))
    room, lost = none.mean() - floor.mean(), none.mean() - near.mean()
    if room <= 0:
        raise NotTestable("random directions explain as much as the meta-SAE's own")
    # By how much the share moves with each of the three that it is made of.
    sides = [((room - lost) / room**2, none), (-1 / room, near), (lost / room**2, floor)]
    return mean_over_seeds(parts["nearest"], "share_lost", sides)


def _over(column: str, other: str) -> Measure:
    def measure(tables: Tables) -> Measurement:
        parts = _parts(tables)
        near = parts["nearest"]
        sides = [(1, near["variance_explained"]), (-1, parts[other]["variance_explained"])]
        return mean_over_seeds(near, column, sides)

    return Measure(f"mean {column} {WHICH}", measure)


CLAIMS = [
    Claim(
        "replaced_directions_lose_little",
        "Section 5.2, Appendix A.8, Fig. 23",
        "With the most similar directions of an SAE in place of its own a meta-SAE explains little less.",
        "only a small decrease",
        Measure(f"mean share_lost {WHICH}", _lost),
        at_most(0.25),
        note="of what its own directions explain more than random ones of the covariance of the latents taken "
        f"apart; isotropic ones miss that covariance, so that nearly any are better: {OURS}",
    ),
    Claim(
        "larger_saes_composed_of_smaller",
        "Section 5.2",
        "Latents of a larger SAE are composed of those of a smaller one: these explain more than random ones.",
        "composed of latents from smaller SAEs",
        _over("over_floor", "floor"),
        positive(),
        note="random directions of the covariance of the latents taken apart. The latents of the smaller SAE "
        "need not be those that are like the meta-SAE's directions for it: see resemblance_matters",
    ),
    Claim(
        "resemblance_matters",
        "Section 5.2, Appendix A.8, Fig. 23",
        "The latents that are most similar to its directions explain more than as many others of that SAE.",
        "the most similar latent",
        _over("over_random_latents", "random_latents"),
        positive(),
        note="as many different latents at random, each as often; the paper does not compare with these",
    ),
]
