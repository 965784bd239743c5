"""Regressions on a few numbers per token against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.scalar_prediction import products
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.units import Units


def one_document_a_context(contexts, positions):
    return Units.of([np.repeat(np.arange(contexts), positions).reshape(contexts, -1)])


@pytest.fixture(params=["context", "paper"])
def planted(request):
    generator = np.random.default_rng(0)
    a, b = generator.gamma(2, 1, size=(2, 300, 9))
    y = 2 * a + 0.5 * b + generator.normal(size=a.shape) + 3
    split = Split(request.param, 0.6, 1, min_position=2)
    columns = {"a": lambda s: a[s], "b": lambda s: b[s], "y": lambda s: y[s]}
    blocks = [slice(at, at + 7) if at + 7 <= 300 else slice(at, 300) for at in range(0, 300, 7)]
    gathered = products(columns, blocks, one_document_a_context(*a.shape), split)
    return gathered, {"a": a, "b": b, "y": y}, split.masks(slice(0, 300), 9)


@pytest.mark.parametrize("regressors", [["a"], ["one", "a"], ["a", "b"], ["one", "a", "b"]])
def test_equals_scikit_learn(planted, regressors):
    gathered, data, (train, test) = planted
    names = [name for name in regressors if name != "one"]
    x = {
        side: np.stack([data[name][mask] for name in names], 1)
        for side, mask in (("train", train), ("test", test))
    }
    model = LinearRegression(fit_intercept="one" in regressors).fit(x["train"], data["y"][train])
    value, low, high = gathered.r2("y", regressors, 200, 0)
    assert value == pytest.approx(r2_score(data["y"][test], model.predict(x["test"])), rel=1e-9)
    assert low < value < high
    weights = dict(zip(regressors, gathered.fit("y", regressors), strict=True))
    assert [weights[name] for name in names] == pytest.approx(list(model.coef_), rel=1e-8)


def test_decrease_of_fvu(planted):
    gathered, data, (train, test) = planted
    left = {}
    for names in (["a"], ["a", "b"]):
        x = {mask is train: np.stack([data[n][mask] for n in names], 1) for mask in (train, test)}
        model = LinearRegression(fit_intercept=False).fit(x[True], data["y"][train])
        left[len(names)] = ((data["y"][test] - model.predict(x[False])) ** 2).sum()
    value, low, high = gathered.fvu_decrease("y", ["a"], ["a", "b"], 200, 0)
    assert value == pytest.approx(100 * (1 - left[2] / left[1]), rel=1e-8)
    assert low < value < high


def test_dependent_regressors():
    values = np.random.default_rng(0).normal(size=(10, 4))
    columns = {"a": lambda s: values[s], "b": lambda s: 2 * values[s], "y": lambda s: values[s]}
    units, split = one_document_a_context(*values.shape), Split("paper", 0.5, 0, 0)
    gathered = products(columns, [slice(0, 10)], units, split)
    with pytest.raises(AnatomyError, match="a, b are linearly dependent"):
        gathered.fit("y", ["a", "b"])
