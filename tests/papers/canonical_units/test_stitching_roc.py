"""The area under the curve and its interval, on planted populations of latents whose area is known."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from workflow_scripts.papers.canonical_units.stitching.roc import areas, corrected_area

LATENTS, GROUPS = 300, 128


def graded(size, generator):
    """The larger the effect, the higher the cosine; effects of very unlike sizes."""
    effect = generator.normal(size=size)
    return 0.6 * effect + 0.8 * generator.normal(size=size), effect


def of_two_kinds(size, generator):
    """The cosine knows the kind of a latent, not how large its effect is."""
    helps = generator.random(size) < 0.5
    effect = np.abs(generator.normal(size=size)) * np.where(helps, -1, 1)
    return generator.normal(size=size) + ~helps, effect


def measured(population, noise, generator):
    """Cosines, and changes in groups of contexts with a sampling error of `noise` of the effects."""
    cosine, effect = population(LATENTS, generator)
    size = np.exp(generator.normal(size=LATENTS))
    error = generator.standard_normal((GROUPS, LATENTS)) * noise / np.sqrt(GROUPS)
    return cosine, size * (effect / GROUPS + error)


@pytest.mark.parametrize("population", [graded, of_two_kinds])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_the_interval_covers_the_area_of_the_population(population, noise):
    cosine, effect = population(400_000, np.random.default_rng(9))
    truth = roc_auc_score(effect < 0, -cosine)
    generator = np.random.default_rng(1)
    data = [measured(population, noise, generator) for _ in range(200)]
    found = np.array([corrected_area(*each, 100, i) for i, each in enumerate(data)])
    value, low, high = found.T
    coverage = ((low <= truth) & (truth <= high)).mean()
    assert 0.90 <= coverage <= 0.99
    # No wider than half as wide again as the central 95 % of what repetitions find.
    honest = np.diff(np.quantile(value, (0.025, 0.975))).item()
    assert (high - low).mean() <= 1.5 * honest
    uncorrected = np.mean([areas(c, change.sum(0)[None] < 0)[0] for c, change in data])
    assert abs(value.mean() - truth) < abs(uncorrected - truth)


def test_a_plain_bootstrap_of_contexts_would_miss_the_area():
    """Signs are decided anew in each resample, under twice the error: all areas lie lower."""
    generator = np.random.default_rng(0)
    cosine, change = measured(of_two_kinds, 1.0, generator)
    weights = generator.multinomial(GROUPS, np.full(GROUPS, 1 / GROUPS), size=200)
    drawn, _ = areas(cosine, weights @ change < 0)
    (area,), _ = areas(cosine, change.sum(0)[None] < 0)
    assert drawn.mean() < area - drawn.std()
    assert corrected_area(cosine, change, 200, 0)[0] > area


def test_without_sampling_error_the_interval_is_delongs():
    generator = np.random.default_rng(2)
    cosine, effect = graded(LATENTS, generator)
    cosine = cosine.round(1)
    helps = effect < 0
    value, low, high = corrected_area(cosine, np.tile(effect, (GROUPS, 1)), 50, 0)
    assert value == pytest.approx(roc_auc_score(helps, -cosine))
    # Structural components from midranks, as Sun and Xu (2014) compute them.
    good, bad = -cosine[helps], -cosine[~helps]
    both = rankdata(np.concatenate([good, bad]))
    of_good = (both[: len(good)] - rankdata(good)) / len(bad)
    of_bad = 1 - (both[len(good) :] - rankdata(bad)) / len(good)
    variance = np.sum((of_good - of_good.mean()) ** 2) / len(good) ** 2
    variance += np.sum((of_bad - of_bad.mean()) ** 2) / len(bad) ** 2
    assert high - low == pytest.approx(2 * 1.959964 * np.sqrt(variance), rel=1e-6)


@pytest.mark.parametrize("groups", [1, 5])
def test_where_all_latents_help_there_is_no_area(groups):
    found = corrected_area(np.arange(4.0), np.full((groups, 4), -1.0), 20, 0)
    assert np.isnan(found).all()
    value, *ends = corrected_area(np.arange(4.0), np.array([[-1.0, 1, -1, 1]]), 20, 0)
    assert value == 0.75 and np.isnan(ends).all()
