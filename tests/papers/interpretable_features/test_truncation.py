"""FVU of a few components against scikit-learn and dense numpy, and of SAEs, on held-out documents."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.conftest import SITE, correlated, random_dictionary, random_documents, write_activations
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.statistics.components import (
    independent_components,
    principal_components,
    save_components,
)
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.interpretable_features.tables.pareto import tabulate
from workflow_scripts.papers.interpretable_features.truncation import grid, truncated

C, T, D, FIRST, WIDTHS = 60, 12, 6, 2, (8, 20)
ANALYSIS = {"split": "document", "train_fraction": 0.6, "bootstrap": 100}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("harvest") / "harvest.zarr"
    documents = random_documents(C, T, 9)
    return write_activations(path, correlated(C, T, D), FIRST, documents=documents)


@pytest.fixture(scope="module")
def rows(store):
    """Training and held-out tokens, float64."""
    split = Split.of(ANALYSIS, 0, store)
    x = store.activations(SITE)[:].astype(np.float64)
    return [x[mask] for mask in split.masks(slice(0, C), T)]


@pytest.fixture(scope="module")
def components(rows):
    train, _ = rows
    pca = principal_components(train.mean(0), np.cov(train.T, bias=True))
    return {"pca": pca, "ica": independent_components(train, D, 0)}


@pytest.mark.parametrize("count", [1, 3, 6])
def test_the_first_principal_components_are_scikit_learns(rows, components, count):
    train, test = rows
    pca = PCA(count).fit(train)
    expected = ((test - pca.inverse_transform(pca.transform(test))) ** 2).sum(1)
    (found,) = truncated(components["pca"], test, [count], "fixed")
    np.testing.assert_allclose(found[1], expected, atol=1e-9)


@pytest.mark.parametrize("method", ["pca", "ica"])
def test_the_strongest_of_each_token_are_taken_token_by_token(rows, components, method):
    of_method, test = components[method], rows[1][:50]
    for count, errors in truncated(of_method, test, [1, 2, 5], "token"):
        for row, error in zip(test, errors, strict=True):
            added = of_method.readers @ (row - of_method.mean) * of_method.directions.T
            kept = np.argsort(-np.linalg.norm(added, axis=0))[:count]
            rebuilt = of_method.mean + added[:, kept].sum(1)
            assert error == pytest.approx(((row - rebuilt) ** 2).sum(), abs=1e-9)


def test_no_other_components_of_a_token_rebuild_it_better(rows, components):
    """Of principal components, which are orthogonal, the strongest are the best."""
    errors = {
        selection: dict(truncated(components["pca"], rows[1], [1, 2, 4], selection))
        for selection in ("token", "fixed")
    }
    for count in (1, 2, 4):
        assert (errors["token"][count] <= errors["fixed"][count] + 1e-9).all()


def test_all_components_leave_nothing(rows, components):
    for of_method in components.values():
        for selection in ("token", "fixed"):
            ((_, errors),) = truncated(of_method, rows[1], [D], selection)
            assert errors.max() < 1e-18 + 1e-12 * (rows[1] ** 2).sum(1).max()


def test_the_grid_has_whole_numbers_around_every_l0():
    found = grid(100, [6.4, 12.0, 130.0])
    assert {1, 2, 4, 6, 7, 12, 64, 100} <= set(found)
    assert found == sorted(set(found)) and max(found) == 100


@pytest.fixture(scope="module")
def table(store, components, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pareto")
    save_components(folder / "components.npz", components)
    saes, codes = [], []
    for width in WIDTHS:
        dictionary = random_dictionary(D, width)
        saes.append(folder / f"{width}.safetensors")
        dictionary.save(saes[-1])
        codes.append(folder / f"{width}.zarr")
        reconstruct(dictionary, store, SITE, codes[-1])
    given = SimpleNamespace(
        activations=store.path, components=folder / "components.npz", saes=saes, codes=codes
    )
    params = SimpleNamespace(site=SITE, analysis=ANALYSIS, seed=0)
    return tabulate(given, params)["table"]


def fvu(test, errors):
    return errors.sum() / ((test - test.mean(0)) ** 2).sum()


def test_the_table_has_the_held_out_fvu_of_every_sae(table, rows):
    import torch

    _, test = rows
    for width in WIDTHS:
        row = table[table["sae"] == f"sae-w{width}"].iloc[0]
        codes, rebuilt = random_dictionary(D, width).reconstruct(torch.from_numpy(test).float())
        assert row["fvu"] == pytest.approx(
            fvu(test, ((test - rebuilt.numpy()) ** 2).sum(1)), rel=1e-5
        )
        assert row["l0"] == pytest.approx(float(codes.l0.double().mean()))
        assert row["fvu_lo"] < row["fvu"] < row["fvu_hi"]


def test_the_table_has_the_held_out_fvu_of_components(table, rows, components):
    _, test = rows
    for row in table[table["method"] != "sae"].itertuples():
        ((_, errors),) = truncated(components[row.method], test, [int(row.l0)], row.selection)
        assert row.fvu == pytest.approx(fvu(test, errors), abs=1e-12)


def test_an_sae_is_compared_with_as_many_components(table):
    """Between whole numbers of them, linearly."""
    for row in table[table["method"] == "sae"].itertuples():
        for method in ("pca", "ica"):
            rivals = table[(table["method"] == method) & (table["selection"] == "token")]
            expected = row.fvu / np.interp(row.l0, rivals["l0"], rivals["fvu"])
            found = getattr(row, f"fvu_over_{method}")
            if row.l0 <= D:
                assert found == pytest.approx(expected, rel=1e-6)
            else:
                assert np.isnan(found)
