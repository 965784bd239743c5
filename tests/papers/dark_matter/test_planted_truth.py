import numpy as np
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.dark_matter.synthetic.planted_truth import bias_table, plant, total

SIZES = {
    "features": 60,
    "d": 12,
    "l0": 4,
    "exponent": 1.5,
    "tokens": 3000,
    "train_fraction": 0.6,
    "dense_dimensions": 4,
}
GRID = {
    "structures": ["orthogonal", "independent"],
    "dense_spans": ["inside", "outside"],
    "introduced_kinds": ["noise"],
    "dense": [0, 0.1],
    "introduced": [0, 0.05],
    "known_fractions": [0.1, 0.25, 0.5, 0.8],
    "seeds": [0],
    "resamples": 30,
}


@pytest.fixture(scope="module")
def table():
    return bias_table(**GRID, **SIZES)


@pytest.mark.parametrize("structure", ["orthogonal", "independent", "tree"])
@pytest.mark.parametrize("span", ["inside", "outside"])
def test_data_is_the_sum_of_parts_of_the_sizes_asked_for(structure, span):
    data = plant(**SIZES, dense=0.2, dense_span=span, structure=structure, seed=1)
    features = data.codes.shape[1]
    np.testing.assert_allclose(data.x, data.known(features) + data.dense, atol=1e-12)
    assert total(data.dense) / total(data.x) == pytest.approx(0.2, abs=0.02)
    assert total(data.noise) / total(data.x) == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(np.linalg.norm(data.directions, axis=1), 1)
    if span == "outside":
        np.testing.assert_allclose(data.known(features)[:, -4:], 0, atol=1e-12)
        assert (data.dense[:, :-4] == 0).all()
    if structure == "orthogonal":
        gram = data.directions @ data.directions.T
        np.testing.assert_allclose(gram, np.eye(features), atol=1e-12)


@pytest.mark.parametrize("kind", ["noise", "shrinkage"])
def test_introduced_error_has_the_size_asked_for(kind):
    data = plant(**SIZES, dense=0.1, dense_span="inside", structure="independent", seed=2)
    exact, wrong = (data.reconstruction(30, size, kind) for size in (0.0, 0.07))
    error = total(wrong - exact) / total(data.x)
    assert error == pytest.approx(0.07, rel=1e-9 if kind == "shrinkage" else 0.05)
    np.testing.assert_allclose(exact.mean(axis=0), data.x.mean(axis=0), atol=1e-12)


def test_estimates_are_right_where_the_papers_assumption_holds(table):
    ideal = table[
        (table.structure == "orthogonal")
        & (table.dense_span == "outside")
        & (table.asymptote == "complete")
    ]
    assert len(ideal) == 12
    assert ideal.bias.abs().max() < 0.005


def test_zero_noise_introduces_nothing_where_features_are_orthogonal(table):
    none = table[
        (table.structure == "orthogonal")
        & (table.planted_dense == 0)
        & (table.planted_introduced == 0)
        & (table.component == "introduced")
    ]
    assert none.truth.max() < 1e-25
    assert none.estimate.max() < 1e-9


def test_introduced_is_an_upper_bound_and_dense_suffers_for_it(table):
    complete = table[table.asymptote == "complete"]
    introduced = complete[complete.component == "introduced"]
    dense = complete[complete.component == "dense"]
    assert (introduced.bias > -0.005).all()
    crowded = introduced[introduced.structure == "independent"]
    assert (crowded.bias_lo > 0.01).all()
    np.testing.assert_allclose(dense.bias.to_numpy(), -introduced.bias.to_numpy(), atol=0.01)


def test_linear_introduced_error_is_taken_for_dense():
    table = bias_table(
        **(GRID | {"introduced_kinds": ["shrinkage"], "introduced": [0.05]}), **SIZES
    )
    ideal = table[
        (table.structure == "orthogonal")
        & (table.dense_span == "outside")
        & (table.asymptote == "complete")
    ].set_index(["component", "planted_dense"])
    for dense in (0, 0.1):
        assert ideal.loc[("introduced", dense)].bias == pytest.approx(-0.05, abs=0.005)
        assert ideal.loc[("dense", dense)].bias == pytest.approx(0.05, abs=0.005)


def test_table_repeats_itself(table):
    assert table.to_csv() == bias_table(**GRID, **SIZES).to_csv()
    assert (table.estimate - table.truth - table.bias).abs().max() < 1e-12


@pytest.mark.parametrize("fractions", [[0.1, 0.5], [0.5, 0.25, 0.1], [0.1, 0.5, 1]])
def test_sizes_that_cannot_be_fitted_are_refused(fractions):
    with pytest.raises(AnatomyError, match="known_fractions"):
        bias_table(**(GRID | {"known_fractions": fractions}), **SIZES)


@pytest.mark.parametrize(
    "wrong",
    [{"structure": "ring"}, {"dense_span": "beside"}, {"dense": 1.0}, {"dense_dimensions": 12}],
)
def test_impossible_data_is_refused(wrong):
    fine = SIZES | {"dense": 0.1, "dense_span": "inside", "structure": "tree", "seed": 0}
    with pytest.raises(AnatomyError, match="planted truth"):
        plant(**(fine | wrong))
