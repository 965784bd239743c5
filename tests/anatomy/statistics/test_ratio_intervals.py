"""Statistics of many columns at once are those of each by itself."""

import numpy as np
import pytest

from workflow_scripts.anatomy.statistics import ratio_intervals as module
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.anatomy.statistics.ratio_intervals import (
    column_intervals,
    ratio_draws,
    ratio_intervals,
)

DRAWS, SEED = 150, 4


@pytest.fixture
def sums():
    generator = np.random.default_rng(0)
    active = generator.poisson(0.4, (30, 7)).astype(float)
    return {"y": generator.uniform(1, 2, (30, 7)) * active, "n": active, "all": np.full(30, 50.0)}


def rest_minus_active(s):
    return s["y"] / s["n"] - (2 * s["all"] - s["y"]) / (s["all"] - s["n"])


def test_every_column_is_a_statistic_by_itself(sums, monkeypatch):
    """However many are drawn at a time, and where some resamples have nothing to divide by."""
    monkeypatch.setattr(module, "COLUMNS", 3)
    found = np.array(column_intervals(rest_minus_active, sums, DRAWS, SEED))
    for at in range(7):
        of_column = {name: part if part.ndim == 1 else part[:, at] for name, part in sums.items()}
        with np.errstate(invalid="ignore"):
            expected = document_interval(rest_minus_active, of_column, DRAWS, SEED)
        assert found[:, at] == pytest.approx(expected, rel=1e-9)


def test_ratios_and_their_draws_are_one_thing(sums):
    value, low, high = ratio_intervals(sums["n"], sums["all"], DRAWS, SEED)
    drawn = ratio_draws(sums["n"], sums["all"], DRAWS, SEED)
    assert drawn.shape == (7, DRAWS)
    assert value == pytest.approx(sums["n"].sum(0) / sums["all"].sum(), rel=1e-12)
    assert np.quantile(drawn, (0.025, 0.975), axis=1) == pytest.approx(np.array([low, high]))


def test_a_single_group_has_no_interval(sums):
    one = {name: part[:1] for name, part in sums.items()}
    value, low, high = ratio_intervals(one["n"], one["all"], DRAWS, SEED)
    assert value.tolist() == (one["n"][0] / 50).tolist()
    assert np.isnan([low, high]).all()
    assert ratio_draws(one["n"], one["all"], DRAWS, SEED).shape == (7, 0)
