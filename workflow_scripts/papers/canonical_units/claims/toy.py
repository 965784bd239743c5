"""Canonical units, Introduction, Fig. 2: coloured shapes, and how many latents it takes to say them."""

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.counts import mean_over
from workflow_scripts.anatomy.claims.measures import chosen
from workflow_scripts.anatomy.claims.rule import at_least, between, positive
from workflow_scripts.papers.canonical_units.claims.paper import OURS

ATOMS, COMPOSITIONS = 6, 9
SEEDS = "seeds"


def _mean(size: int, column: str) -> Measure:
    """Mean of a column over the seeds of a dictionary size."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["fig2"], dictionary_size=size)
        return mean_over(table[column], SEEDS)

    return Measure(f"mean {column} of dictionary size {size} (fig2)", measure)


def _sparser(tables: Tables) -> Measurement:
    """L0 of the smaller minus that of the larger SAE, mean over seeds that both have."""
    wide = tables["fig2"].pivot_table(index="seed", columns="dictionary_size", values="l0")
    if not {ATOMS, COMPOSITIONS} <= set(wide):
        raise NotTestable(f"table fig2 lacks a dictionary of {ATOMS} or of {COMPOSITIONS} latents")
    gaps = (wide[ATOMS] - wide[COMPOSITIONS]).dropna()
    if gaps.empty:
        raise NotTestable("table fig2 has no seed with both dictionary sizes")
    return mean_over(gaps, SEEDS)


CLAIMS = [
    Claim(
        "toy_small_learns_atoms",
        "Introduction, Fig. 2",
        "An SAE with six latents learns three colours and three shapes.",
        "6 of 6",
        _mean(ATOMS, "atoms_recovered"),
        at_least(5.5),
        note=OURS,
    ),
    Claim(
        "toy_small_uses_two",
        "Introduction, Fig. 2",
        "It takes two active latents to represent a coloured shape.",
        "2",
        _mean(ATOMS, "l0"),
        between(1.9, 2.1),
    ),
    Claim(
        "toy_large_learns_compositions",
        "Introduction, Fig. 2",
        "An SAE with nine latents learns the nine coloured shapes instead.",
        "9 of 9",
        _mean(COMPOSITIONS, "compositions_recovered"),
        at_least(8.5),
        note=OURS,
    ),
    Claim(
        "toy_large_uses_one",
        "Introduction, Fig. 2",
        "It takes one active latent to represent a coloured shape.",
        "1",
        _mean(COMPOSITIONS, "l0"),
        between(0.9, 1.1),
    ),
    Claim(
        "toy_larger_is_sparser",
        "Introduction, Fig. 2",
        "The larger SAE composes because that is sparser.",
        "1 against 2 active latents",
        Measure("l0 of dictionary size 6 minus that of 9, mean over seeds (fig2)", _sparser),
        positive(),
    ),
]
