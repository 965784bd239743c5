"""Intervals and paired differences against drawing documents one by one; examples against counting."""

import numpy as np
import pytest

from workflow_scripts.anatomy.probing.accuracies import (
    between_widths,
    drawn_accuracy,
    drawn_sums,
    interval,
)
from workflow_scripts.anatomy.probing.examples import (
    Amounts,
    drawn,
    judged_groups,
    one_against_others,
)
from workflow_scripts.anatomy.probing.sparse_probes import correct_by_group, counted
from workflow_scripts.anatomy.statistics.bootstrap import resampling_weights

DOCUMENTS, DRAWS, SEED = 12, 200, 3


def planted(seed):
    rng = np.random.default_rng(seed)
    count = rng.integers(0, 9, (DOCUMENTS, 3, 2)).astype(float)
    return rng.binomial(count.astype(int), 0.7).astype(float), count


def test_accuracy_on_resampled_documents():
    correct, count = planted(0)
    found = drawn_accuracy(correct, count, DRAWS, SEED)
    assert found[0] == pytest.approx(np.mean(correct.sum(0) / count.sum(0)))
    for draw, rows in enumerate(resampled_documents()):
        # Token by token: what was said of each, and the truth.
        accuracies = []
        for problem in range(3):
            rates = [
                np.concatenate([said_right(correct[row], count[row], problem, c) for row in rows])
                for c in range(2)
            ]
            accuracies.append((rates[0].mean() + rates[1].mean()) / 2)
        assert found[1 + draw] == pytest.approx(np.mean(accuracies))
    value, low, high = interval(found)
    assert (value, low, high) == pytest.approx((found[0], *np.quantile(found[1:], [0.025, 0.975])))


def resampled_documents():
    for weights in resampling_weights(DOCUMENTS, DRAWS, SEED):
        yield np.repeat(np.arange(DOCUMENTS), weights.astype(int))


def said_right(correct, count, problem, c):
    """One number for each token of a document and class, 1 where the probe is right."""
    right = int(correct[problem, c])
    return np.repeat([1, 0], [right, int(count[problem, c]) - right])


def test_on_balanced_data_it_is_the_plain_accuracy():
    rng = np.random.default_rng(0)
    documents, positive = rng.integers(0, DOCUMENTS, 400), np.arange(400) % 2 == 0
    scores = rng.normal(size=400) + positive
    count = counted(positive, documents, DOCUMENTS)
    correct = correct_by_group(scores, positive, documents, DOCUMENTS)
    for document in range(DOCUMENTS):
        for c in (0, 1):
            mine = (documents == document) & (positive == c)
            assert count[document, c] == mine.sum()
            assert correct[document, c] == ((scores > 0) == c)[mine].sum()
    found = drawn_accuracy(correct[:, None], count[:, None], DRAWS, SEED)
    assert found[0] == pytest.approx(((scores > 0) == positive).mean(), abs=1e-12)


def test_who_always_says_no_is_right_in_half_of_the_cases_in_any_resample():
    """Classes are as frequent, but in other documents."""
    count = np.array([[40, 2], [30, 0], [0, 50], [5, 20], [0, 3]] + 3 * [[0, 0]], float)[:, None]
    assert count[..., 0].sum() == count[..., 1].sum()
    no = count * [1, 0]
    plain = resampling_weights(len(count), DRAWS, SEED) @ np.stack([no, count]).sum((-1, -2)).T
    shares = plain[:, 0] / np.maximum(plain[:, 1], 1)
    assert np.ptp(np.quantile(shares, [0.025, 0.975])) > 0.5, "the tokens of a class do vary"
    assert interval(drawn_accuracy(no, count, DRAWS, SEED)) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("c", [0, 1])
def test_a_problem_without_one_of_its_classes_is_that_of_the_next_resample(c):
    correct, count = planted(0)
    count[1:, 0, c], correct[1:, 0, c] = 0, 0
    correct[0, 0, c], count[0, 0, c] = 1, 1
    found = drawn_accuracy(correct, count, DRAWS, SEED)
    drawn_documents = list(resampled_documents())
    has = [0 in rows for rows in drawn_documents]
    assert not all(has) and not np.isnan(found).any()
    for draw, rows in enumerate(drawn_documents):
        source = next(at % DRAWS for at in range(draw, 2 * DRAWS) if has[at % DRAWS])
        each = [drawn_documents[source], rows, rows]
        rates = [
            (correct[own, problem].sum(0) / count[own, problem].sum(0)).mean()
            for problem, own in enumerate(each)
        ]
        assert found[1 + draw] == pytest.approx(np.mean(rates))


def test_rare_classes_do_not_pass_for_certain():
    """Each of eighty classes is in two documents: no resample has them all."""
    rng = np.random.default_rng(0)
    count = np.full((30, 80, 2), [10.0, 0.0])
    for problem in range(80):
        count[rng.permutation(30)[:2], problem, 1] = 10
    correct = rng.binomial(count.astype(int), rng.uniform(0.2, 0.9, count.shape)).astype(float)
    complete = (resampling_weights(30, DRAWS, SEED) @ count[..., 1] > 0).all(1)
    assert not complete.any()
    _, low, high = interval(drawn_accuracy(correct, count, DRAWS, SEED))
    assert 0.02 < high - low < 0.1


def test_a_class_in_no_resample_leaves_no_interval():
    count = np.array([[[5.0, 0.0]]])
    value, *ends = interval(drawn_accuracy(count, count, DRAWS, SEED))
    assert np.isnan([value, *ends]).all()


def test_every_part_is_of_the_same_resamples():
    correct, count = planted(1)
    count[1:, 1, 0], correct[1:, 1, 0] = 0, 0
    matrix = np.stack([correct, count], 1)
    sums = drawn_sums({"count": count, "correct": correct, "both": matrix}, DRAWS, SEED)
    np.testing.assert_array_equal(sums["both"][:, 0], sums["correct"])
    np.testing.assert_array_equal(sums["both"][:, 1], sums["count"])


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
