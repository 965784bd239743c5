"""Scores against brute force: accuracy by quantile, intervals by resampling latents."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workflow_scripts.anatomy.interpretability.examples import LatentExamples
from workflow_scripts.anatomy.interpretability.judgement import UNKNOWN, Judgement, unjudged
from workflow_scripts.anatomy.interpretability.scores import (
    QUANTILE_NAMES,
    difference,
    interval,
    latent_scores,
    scores_and_misses,
    summarise,
    tidy,
)
from workflow_scripts.anatomy.interpretability.windows import Windows
from workflow_scripts.papers.dark_matter.figures.fig7 import draw


def windows(n: int) -> Windows:
    zeros = np.zeros(n, dtype=np.int64)
    tokens = np.zeros((n, 4), dtype=np.int32)
    return Windows(tokens, tokens.astype(np.float32), tokens.astype(np.uint64), zeros, zeros)


def examples_of(latent: int, quantile: list[int], problem: str | None = None) -> LatentExamples:
    none = windows(0)
    quantiles = np.array(quantile, dtype=np.int8)
    return LatentExamples(latent, 9, none, none, none, windows(len(quantile)), quantiles, problem)


def accuracies(seed: int, latents: int = 60, missing: float = 0.2) -> np.ndarray:
    generator = np.random.default_rng(seed)
    found = generator.beta(6, 2, (latents, len(QUANTILE_NAMES)))
    found[generator.random(found.shape) < missing] = np.nan
    found[0] = np.nan
    return found


def table_of(accuracy: np.ndarray, component: str) -> pd.DataFrame:
    rows = [
        {"component": component, "latent": latent, "quantile": name, "accuracy": value, "n": 7}
        for latent, row in enumerate(accuracy)
        for name, value in zip(QUANTILE_NAMES, row, strict=True)
    ]
    return pd.DataFrame(rows).assign(firings=1, explanation="x", problem=None)


def test_accuracy_of_each_quantile():
    own = examples_of(3, [0, 0, 0, 1, 1, 10])
    fires = np.array([0, 1, UNKNOWN, 1, 0, 1], dtype=np.int8)
    table = tidy([own], [Judgement(3, "on x", fires)], "linear_error")
    assert list(table["quantile"]) == QUANTILE_NAMES
    by_name = table.set_index("quantile")
    assert by_name.loc["Not", ["accuracy", "n"]].tolist() == [0.5, 2]
    assert by_name.loc["Q1", ["accuracy", "n"]].tolist() == [0.5, 2]
    assert by_name.loc["Q10", ["accuracy", "n"]].tolist() == [1.0, 1]
    assert np.isnan(by_name.loc["Q5", "accuracy"])
    assert (table["component"] == "linear_error").all()
    assert (table["explanation"] == "on x").all()


def test_latents_without_a_judgement_are_kept():
    own = examples_of(1, [0, 5], "too few")
    table = tidy([own], [unjudged(own, "too few")])
    assert len(table) == len(QUANTILE_NAMES)
    assert table["accuracy"].isna().all()
    assert (table["problem"] == "too few").all()
    scores = latent_scores(table)
    assert np.isnan(scores.loc[0, "score"])
    assert scores.loc[0, "problem"] == "too few"


def test_misses_are_the_peaks_where_the_explanation_says_no_the_strongest_first():
    own = examples_of(3, [0, 4, 1, 10, 10, 7])
    right = (own.quantile > 0).astype(np.int8)
    activations = np.zeros((6, 4), np.float32)
    activations[[1, 2, 3, 4, 5], [3, 0, 2, 1, 1]] = 5, 1, 9, 8, 2
    places = {"context": np.array([9, 4, 3, 2, 1, 0]), "start": 10 * np.arange(6)}
    own = replace(own, detection=replace(own.detection, activations=activations, **places))
    fires = np.array([1, 0, UNKNOWN, 1, 0, 0], dtype=np.int8)
    judgements = [Judgement(3, "x", fires), Judgement(4, "x", right)]
    few = examples_of(5, [0, 5], "few")
    table = scores_and_misses(
        [own, replace(own, latent=4), few], [*judgements, unjudged(few, "few")]
    )
    assert table["n"].tolist() == [5, 6, 0]
    assert table["misses"].fillna("?").tolist() == ["1:41 4:13 0:51", "", "?"]
    expected = latent_scores(tidy([own], judgements[:1])).drop(columns="problem")
    pd.testing.assert_frame_equal(table[list(expected)].head(1), expected, check_dtype=False)


def test_the_score_of_a_latent_is_balanced():
    accuracy = np.array([[0.9, *[0.5] * 10], [1.0, *[0.0] * 10]])
    scores = latent_scores(table_of(accuracy, "a"))
    assert scores["score"].tolist() == pytest.approx([0.7, 0.5])
    assert scores["accuracy_silent"].tolist() == [0.9, 1.0]


def test_intervals_are_those_of_a_loop():
    """The same resamples, one after the other with `numpy.nanmean`."""
    accuracy = accuracies(0)
    mean, low, high = interval(accuracy, seed=4, draws=300)
    counts = np.random.default_rng(4).multinomial(60, np.full(60, 1 / 60), size=300)
    drawn = [np.nanmean(np.repeat(accuracy, row, axis=0), axis=0) for row in counts]
    np.testing.assert_allclose(mean, np.nanmean(accuracy, axis=0), rtol=1e-12)
    np.testing.assert_allclose(low, np.quantile(drawn, 0.025, axis=0), rtol=1e-12)
    np.testing.assert_allclose(high, np.quantile(drawn, 0.975, axis=0), rtol=1e-12)


def test_intervals_agree_with_scipy_and_the_normal_theory():
    accuracy = accuracies(1, latents=400, missing=0.0)[1:, :1]
    _, low, high = interval(accuracy, seed=0, draws=5000)
    expected = stats.bootstrap(
        (accuracy[:, 0],), np.mean, n_resamples=5000, method="percentile", rng=0
    ).confidence_interval
    width = expected.high - expected.low
    assert abs(low[0] - expected.low) < 0.05 * width
    assert abs(high[0] - expected.high) < 0.05 * width
    normal = 2 * 1.96 * accuracy.std(ddof=1) / np.sqrt(len(accuracy))
    assert high[0] - low[0] == pytest.approx(normal, rel=0.06)


def test_intervals_cover_the_truth():
    truth, covered = 6 / 8, 0
    for seed in range(200):
        sample = np.random.default_rng(seed).beta(6, 2, (80, 1))
        _, low, high = interval(sample, seed, draws=400)
        covered += low[0] <= truth <= high[0]
    assert 0.89 <= covered / 200 <= 0.99


def test_summary():
    accuracy = accuracies(2)
    table = pd.concat([table_of(accuracy, "linear_error"), table_of(accuracy, "nonlinear_error")])
    summary = summarise(table, seed=1)
    assert list(summary.columns) == [
        "component", "quantile", "accuracy", "accuracy_lo", "accuracy_hi", "latents",
    ]  # fmt: skip
    assert list(summary["quantile"]) == QUANTILE_NAMES * 2
    mean, low, high = interval(accuracy, 1)
    first = summary[summary["component"] == "linear_error"]
    np.testing.assert_allclose(first["accuracy"], mean, rtol=1e-12)
    np.testing.assert_array_equal(first["accuracy_lo"], low)
    np.testing.assert_array_equal(first["accuracy_hi"], high)
    assert first["latents"].tolist() == (~np.isnan(accuracy)).sum(0).tolist()
    pd.testing.assert_frame_equal(summary, summarise(table, seed=1))


def test_a_summary_of_nothing_is_nan():
    summary = summarise(table_of(np.full((3, 11), np.nan), "a"), seed=0)
    assert summary["accuracy"].isna().all()
    assert summary["accuracy_lo"].isna().all()
    assert (summary["latents"] == 0).all()


def test_the_difference_of_two_components():
    high, low = accuracies(5, 300, 0.0)[1:], accuracies(6, 200, 0.0)[1:] - 0.05
    table = pd.concat([table_of(high, "linear_error"), table_of(low, "nonlinear_error")])
    found, lower, upper = difference(table, "linear_error", "nonlinear_error", seed=0)
    expected = high[:, 1:].mean() - low[:, 1:].mean()
    assert found == pytest.approx(expected, rel=1e-12)
    error = np.sqrt(sum(part[:, 1:].mean(1).var(ddof=1) / len(part) for part in (high, low)))
    assert upper - lower == pytest.approx(2 * 1.96 * error, rel=0.08)
    assert lower < found < upper


def test_figure_7_is_drawn_from_its_table():
    table = pd.concat(
        [table_of(accuracies(7), "linear_error"), table_of(accuracies(8), "nonlinear_error")]
    )
    axes = draw(summarise(table, seed=0)).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == QUANTILE_NAMES
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0].startswith("Linear error SAE")
    assert labels[1].startswith("Nonlinear error SAE")
