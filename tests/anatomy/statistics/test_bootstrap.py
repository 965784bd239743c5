"""Intervals over documents against textbook answers."""

import numpy as np
import pytest

from workflow_scripts.anatomy.statistics.bootstrap import (
    about_its_value,
    document_interval,
    fvu_from_sums,
    mean_r2_from_sums,
    r2_from_sums,
)


def test_interval_of_a_mean_is_that_of_the_central_limit_theorem():
    values = np.random.default_rng(0).normal(3, 2, size=400)
    sums = {"sum": values, "count": np.ones(400)}
    value, low, high = document_interval(lambda s: s["sum"] / s["count"], sums, 4000, 0)
    error = values.std() / np.sqrt(400)
    assert value == pytest.approx(values.mean())
    assert low == pytest.approx(value - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(value + 1.96 * error, abs=0.1 * error)


def test_tokens_of_a_document_are_not_independent():
    """Ten copies of a token in each document make no interval narrower."""
    values = np.random.default_rng(1).normal(size=200)
    one = document_interval(lambda s: s["v"] / s["n"], {"v": values, "n": np.ones(200)}, 500, 0)
    ten = document_interval(
        lambda s: s["v"] / s["n"], {"v": 10 * values, "n": np.full(200, 10.0)}, 500, 0
    )
    assert ten == pytest.approx(one)


def test_one_document_has_no_interval():
    value, low, high = document_interval(lambda s: s["v"], {"v": np.array([2.0])}, 100, 0)
    assert value == 2
    assert np.isnan(low)
    assert np.isnan(high)


def test_statistics_from_sums():
    from sklearn.metrics import r2_score

    generator = np.random.default_rng(2)
    y, predicted = generator.normal(5, 1, size=(2, 50, 3))
    sums = {
        "count": 50,
        "target": y.sum(0),
        "target2": (y**2).sum(0),
        "residual2": ((y - predicted) ** 2).sum(0),
    }
    assert mean_r2_from_sums(sums) == pytest.approx(r2_score(y, predicted))
    assert fvu_from_sums(sums) == pytest.approx(
        ((y - predicted) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()
    )
    first = {name: part if name == "count" else part[0] for name, part in sums.items()}
    assert r2_from_sums(first) == pytest.approx(r2_score(y[:, 0], predicted[:, 0]))


def test_of_an_r2_that_noise_lowers_the_interval_is_about_its_value():
    """Means of a few documents against what they are means of: resamples have the noise twice."""
    generator = np.random.default_rng(3)
    documents, pairs, repetitions = 30, 60, 150
    truth = np.linspace(0, 1, pairs)

    def r2(sums):
        mean = sums["y"] / sums["n"]
        x = truth - truth.mean()
        y = mean - mean.mean(-1, keepdims=True)
        return (y @ x) ** 2 / ((x @ x) * (y**2).sum(-1))

    def sample():
        return {
            "y": truth + generator.normal(0, 0.8, (documents, pairs)),
            "n": np.ones((documents, 1)),
        }

    average = np.mean([r2({k: v.sum(0) for k, v in sample().items()}) for _ in range(2000)])
    plain, moved = [], []
    for _ in range(repetitions):
        found = document_interval(r2, sample(), 300, 0)
        for intervals, (value, low, high) in ((plain, found), (moved, about_its_value(found))):
            intervals.append((low < average < high, low < value < high))
    assert np.mean(plain, 0)[0] < 0.6
    # 95 %, less four standard deviations of the share of so many repetitions.
    assert np.mean(moved, 0)[0] > 0.95 - 4 * (0.95 * 0.05 / repetitions) ** 0.5
    assert np.mean(moved, 0)[1] == 1
    assert (
        about_its_value(document_interval(r2, {k: v[:1] for k, v in sample().items()}, 9, 0))[0] > 0
    )
