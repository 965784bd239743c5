"""Claims on tables that have draws: the same verdicts as on tables that are as sure without, and by the draws."""

from functools import cache

import numpy as np
import pytest

from tests.papers.canonical_units import worlds as canonical_units
from tests.papers.dark_matter import worlds as dark_matter
from workflow_scripts.anatomy.base.draws import DRAWS
from workflow_scripts.anatomy.claims.rule import UNDECIDED
from workflow_scripts.anatomy.claims.verdicts import verdicts
from workflow_scripts.papers.canonical_units.claims import CLAIMS as CANONICAL_UNITS
from workflow_scripts.papers.dark_matter.claims import CLAIMS as DARK_MATTER
from workflow_scripts.papers.registry import exhibits

CLAIMS = {"dark_matter": DARK_MATTER, "canonical_units": CANONICAL_UNITS}
WORLDS = {"dark_matter": dark_matter, "canonical_units": canonical_units}
PAIRED = "paired documents"
every_paper = pytest.mark.parametrize("paper", CLAIMS)


def with_spread(table, spread, generator):
    """Draws of every column with an interval, each around its value by itself."""
    table = table.copy()
    for name in [each.removesuffix("_lo") for each in table if each.endswith("_lo")]:
        value = table[name].to_numpy(float)[:, None]
        drawn = value + spread * np.abs(value).clip(1e-3) * generator.normal(size=(len(table), 40))
        table[f"{name}{DRAWS}"] = list(drawn.astype(np.float32))
    return table


@cache
def judged(paper, spread=None, world="paper"):
    """Verdicts on a world, with draws of a relative spread where the tables of a run have draws."""
    generator = np.random.default_rng(0)
    tables = getattr(WORLDS[paper], f"{world}_world")()
    for name, about in exhibits(paper).items():
        if spread is not None and about.draws and name in tables:
            tables[name] = with_spread(tables[name], spread, generator)
    return verdicts(paper, CLAIMS[paper], tables, seed=0).set_index("claim")


@every_paper
@pytest.mark.parametrize("world", ["paper", "opposite"])
def test_draws_as_narrow_as_the_intervals_change_no_verdict(paper, world):
    bare, drawn = judged(paper, world=world), judged(paper, 1e-7, world)
    assert (bare["verdict"] == drawn["verdict"]).all()
    same = np.isclose(bare["measured"], drawn["measured"]) | bare["measured"].isna()
    assert same.all()


@every_paper
def test_what_is_made_of_several_numbers_is_paired(paper):
    """Of one number the interval is its own, whatever the table has beside it."""
    interval = judged(paper, 1e-7)["interval"]
    paired = interval[interval.str.startswith(PAIRED)].index
    assert (
        judged(paper)
        .loc[paired, "interval"]
        .isin(
            [
                "",
                "SAEs",
                *(
                    f"documents{more}"
                    for more in ("", " and SAEs", " and seeds", " and pairs of SAEs")
                ),
            ]
        )
        .all()
    )
    assert len(paired) >= {"dark_matter": 40, "canonical_units": 20}[paper]


@every_paper
def test_draws_that_leave_everything_open_decide_nothing(paper):
    """A verdict on paired documents comes from the draws, and not from the ends in the table.

    But a number minus itself, as of a path whose highest point is its end, is 0 in every resample.
    """
    wide = judged(paper, 30.0)
    paired = wide["interval"].str.startswith(PAIRED) & (wide["measured_lo"] < wide["measured_hi"])
    assert paired.sum() >= 15
    assert (wide.loc[paired, "verdict"] == UNDECIDED).all()
