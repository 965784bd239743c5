"""Intervals and paired differences against drawing documents one by one; examples against counting."""

import numpy as np
import pytest

from workflow_scripts.anatomy.probing.accuracies import between_widths, drawn_accuracy, interval
from workflow_scripts.anatomy.probing.examples import (
    Amounts,
    drawn,
    judged_groups,
    one_against_others,
)
from workflow_scripts.anatomy.statistics.bootstrap import resampling_weights

DOCUMENTS, DRAWS, SEED = 12, 200, 3


def planted(seed):
    rng = np.random.default_rng(seed)
    count = rng.integers(0, 9, (DOCUMENTS, 3)).astype(float)
    return rng.binomial(count.astype(int), 0.7).astype(float), count


def test_accuracy_on_resampled_documents():
    correct, count = planted(0)
    found = drawn_accuracy(correct, count, DRAWS, SEED)
    assert found[0] == pytest.approx(np.mean(correct.sum(0) / count.sum(0)))
    weights = resampling_weights(DOCUMENTS, DRAWS, SEED)
    for draw in range(DRAWS):
        rows = np.repeat(np.arange(DOCUMENTS), weights[draw].astype(int))
        expected = np.mean(correct[rows].sum(0) / count[rows].sum(0))
        assert found[1 + draw] == pytest.approx(expected)
    value, low, high = interval(found)
    assert (value, low, high) == pytest.approx((found[0], *np.quantile(found[1:], [0.025, 0.975])))


def test_a_class_that_no_drawn_document_has_is_left_out():
    correct, count = planted(0)
    correct[:, 0], count[:, 0] = 0, 0
    correct[0, 0], count[0, 0] = 1, 1
    found = drawn_accuracy(correct, count, DRAWS, SEED)
    absent = resampling_weights(DOCUMENTS, DRAWS, SEED)[:, 0] == 0
    assert absent.any() and not np.isnan(found).any()
    others = drawn_accuracy(correct[:, 1:], count[:, 1:], DRAWS, SEED)
    np.testing.assert_allclose(found[1:][absent], others[1:][absent])


def test_what_is_said_of_saes_is_said_of_each_resample():
    widths = np.array([256, 512, 2048])
    values = np.stack([drawn_accuracy(*planted(seed), DRAWS, SEED) for seed in range(3)])
    rows = between_widths("a", values, widths)
    slopes = np.polyfit(np.log2(widths), values, 1)[0]
    for at, row in enumerate(rows):
        assert row["a_trend"] == pytest.approx(slopes[0])
        ends = np.quantile(slopes[1:], [0.025, 0.975])
        assert (row["a_trend_lo"], row["a_trend_hi"]) == pytest.approx(tuple(ends))
        best = np.max([values[other] for other in range(3) if other != at], 0)
        assert row["a_lead"] == pytest.approx(values[at, 0] - best[0])
        ends = np.quantile((values[at] - best)[1:], [0.025, 0.975])
        assert (row["a_lead_lo"], row["a_lead_hi"]) == pytest.approx(tuple(ends))
    assert np.isnan(rows[0]["a_step"]) and np.isnan(rows[0]["a_step_hi"])
    assert rows[2]["a_step"] == pytest.approx(values[2, 0] - values[1, 0])


def test_a_single_sae_is_beside_nothing():
    (row,) = between_widths("a", drawn_accuracy(*planted(0), DRAWS, SEED)[None], np.array([256]))
    assert np.isnan(list(row.values())).all()


def test_what_is_drawn_is_spread_over_documents():
    rng = np.random.default_rng(0)
    classes = rng.integers(-1, 3, 4000)
    # One document has most of the candidates.
    documents = np.where(rng.random(4000) < 0.7, 0, rng.integers(1, 40, 4000))
    train = documents % 2 == 0
    rows = drawn(classes, documents, train, Amounts(100, 60, 0.1), 0)
    assert (np.diff(rows) > 0).all() and (classes[rows] >= 0).all()
    for each in range(3):
        for side, number in ((True, 50), (False, 30)):
            mine = rows[(classes[rows] == each) & (train[rows] == side)]
            assert len(mine) == number
            assert np.bincount(documents[mine]).max() <= number // 10


def test_others_are_a_random_mix_as_large_as_the_class():
    rng = np.random.default_rng(0)
    classes, documents = np.repeat(np.arange(4), 100), rng.integers(0, 50, 400)
    train = documents < 30
    names = ["a", "b", "c", "d"]
    problems = one_against_others(
        "set", names, classes, documents, train, np.arange(400) + 7, 0, family="all"
    )
    assert [each.label for each in problems] == names
    for number, problem in enumerate(problems):
        of = classes[problem.rows - 7]
        assert ((of == number) == problem.positive).all()
        for side in (True, False):
            mine = train[problem.rows - 7] == side
            assert problem.positive[mine].sum() == (~problem.positive[mine]).sum()
            others = np.bincount(of[mine & ~problem.positive], minlength=4)
            assert (np.delete(others, number) > 3).all()
        assert (problem.dataset, problem.family) == ("set", "all")


def test_a_class_of_one_test_document_is_left_out():
    classes, documents = np.repeat([0, 1, 2], 20), np.tile(np.arange(4), 15)
    documents[classes == 2] = np.where(np.arange(20) % 2, 0, 3)
    train = documents < 2
    problems = one_against_others(
        "set", ["a", "b", "c"], classes, documents, train, np.arange(60), 0
    )
    assert [each.label for each in problems] == ["a", "b"]


@pytest.mark.parametrize("number", [3, 256, 1000])
def test_documents_are_dealt_to_groups(number):
    rng = np.random.default_rng(0)
    documents = rng.permutation(np.repeat(np.arange(7, 7 + 2 * number), 3))
    train = documents % 2 == 0
    groups, n = judged_groups(documents, train)
    assert n == min(number, 256)
    tested = np.unique(documents[~train])
    of = {each: set(groups[documents == each]) for each in tested}
    assert all(len(found) == 1 for found in of.values()), "a document is in one group"
    sizes = np.bincount([found.pop() for found in of.values()], minlength=n)
    assert len(sizes) == n and sizes.max() - sizes.min() <= 1
