"""Do intervals hold the truth as often as they say, where documents differ from one another?

Every document has an effect of its own, the same at all of its tokens, and a length of its own. The
truth is the mean over all documents that there could be.
"""

import numpy as np

from workflow_scripts.anatomy.statistics.bootstrap import document_interval, fvu_from_sums
from workflow_scripts.anatomy.statistics.scalar_prediction import products
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.units import Units, sum_by_group

REPETITIONS, DRAWS, T = 200, 300, 16
MEAN, BETWEEN, WITHIN = 2.0, 0.5, 1.0


def planted(seed, documents, mean_length):
    """The document of each token (C, T), and values with an effect of each document.

    Documents follow one another across the ends of contexts; what is left of the last context is cut.
    """
    generator = np.random.default_rng(seed)
    lengths = 5 + generator.exponential(mean_length, documents).astype(int)
    contexts = lengths.sum() // T
    of_tokens = np.repeat(np.arange(documents), lengths)[: contexts * T].reshape(contexts, T)
    effects = generator.normal(scale=BETWEEN, size=documents)
    values = MEAN + effects[of_tokens] + generator.normal(scale=WITHIN, size=of_tokens.shape)
    return of_tokens, values


def by_context(of_tokens):
    return np.broadcast_to(np.arange(len(of_tokens))[:, None], of_tokens.shape)


def coverage(interval_of):
    """How often 95 % intervals hold the truth, of the repetitions."""
    found = [interval_of(seed) for seed in range(REPETITIONS)]
    return np.mean([low <= truth <= high for truth, low, high in found])


def mean_interval(of_tokens, units_of, values, seed):
    """The mean of the training tokens, through the products that tables are made of."""
    units = Units.of([units_of])
    split = Split("document", 0.6, seed, 0, Units.of([of_tokens]))
    gathered = products({"y": lambda block: values[block]}, [slice(0, len(values))], units, split)
    return gathered.ratio("y", "one", DRAWS, seed)[1:]


def covered_means(documents, length, kind):
    def of(seed):
        of_tokens, values = planted(seed, documents, length)
        units = of_tokens if kind == "document" else by_context(of_tokens)
        return MEAN, *mean_interval(of_tokens, units, values, seed)

    return coverage(of)


def test_a_mean_over_documents():
    assert 0.88 <= covered_means(70, 110.0, "document") <= 0.99
    assert covered_means(70, 110.0, "context") < 0.88


def test_a_mean_over_more_documents_than_groups():
    assert 0.88 <= covered_means(600, 30.0, "document") <= 0.99


def test_an_fvu_over_documents():
    """Residuals are larger in some documents; FVU is a ratio of sums, with the variance about the mean."""
    # E r^2 = E (WITHIN e^s)^2 with s normal; the variance of x is that of effects and noise.
    spread = 0.3
    truth = np.exp(2 * spread**2) * 0.25 / (BETWEEN**2 + WITHIN**2)

    def of(seed, kind):
        of_tokens, x = planted(seed, 150, 110.0)
        generator = np.random.default_rng([seed, 1])
        scale = 0.5 * np.exp(generator.normal(scale=spread, size=150))
        residual = scale[of_tokens] * generator.normal(size=x.shape)
        units = Units.of([of_tokens if kind == "document" else by_context(of_tokens)])
        groups = units.groups(slice(0, len(x))).ravel()
        parts = np.stack([np.ones(x.size), x.ravel(), x.ravel() ** 2, residual.ravel() ** 2], 1)
        sums = sum_by_group(parts, groups, units.n_groups)
        named = dict(
            zip(("target", "target2", "residual2"), sums[:, 1:, None].swapaxes(0, 1), strict=True)
        )
        _, low, high = document_interval(fvu_from_sums, named | {"count": sums[:, 0]}, DRAWS, seed)
        return truth, low, high

    assert 0.88 <= coverage(lambda seed: of(seed, "document")) <= 0.99
    assert coverage(lambda seed: of(seed, "context")) < 0.88
