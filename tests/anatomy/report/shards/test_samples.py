"""Sample contexts against the stores that they are read from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SITE, random_dictionary, write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import writing
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.effects_store import open_effects
from workflow_scripts.anatomy.report.shards.samples import (
    CODE_BITS,
    choose_contexts,
    first_samples,
    mean_errors,
    samples_of,
)
from workflow_scripts.anatomy.report.shards.shard import rounded

CONTEXTS, POSITIONS, D, FIRST = 11, 6, 5, 2
CHOSEN = [9, 2, 4]


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(5).normal(size=(CONTEXTS, POSITIONS, D)).astype(np.float32)


@pytest.fixture(scope="module")
def codes(tmp_path_factory, x):
    folder = tmp_path_factory.mktemp("codes")
    store = write_activations(folder / "x.zarr", x, min_position=FIRST)
    reconstruct(random_dictionary(D, 12), store, SITE, folder / "codes.zarr")
    return open_codes(folder / "codes.zarr")


@pytest.fixture(scope="module")
def norms(tmp_path_factory):
    """Norms that say which context, position and vector they are of."""
    path = tmp_path_factory.mktemp("norms") / "norms.zarr"
    parts = (np.arange(CONTEXTS) * 100, np.arange(POSITIONS) * 10, np.arange(len(VECTORS)))
    with writing(path, "norms") as group:
        group.create_array("norms2", data=np.add.outer(np.add.outer(*parts[:2]), parts[2]) * 1.0)
    return path


@given(st.lists(st.floats(0, 9), min_size=1, max_size=40), st.integers(1, 20))
def test_contexts_are_even_over_the_ranking(errors, number):
    errors = np.array(errors)
    found = choose_contexts(errors, number)
    assert len(set(found.tolist())) == len(found) == min(number, len(errors))
    ranked = sorted(range(len(errors)), key=lambda at: (errors[at], at))
    places = [ranked.index(at) for at in found]
    assert places == sorted(places)
    ends = np.diff([-1, *places, len(errors)])
    inner = ends[1:-1]
    if len(inner):
        assert inner.max() - inner.min() <= 1
    assert abs(ends[0] - ends[-1]) <= 2


def test_contexts_are_chosen_among_those_that_were_measured():
    errors = np.array([5.0, 1, 4, 2, 3])
    assert choose_contexts(errors, 2, np.array([0, 2, 3, 4])).tolist() == [4, 0]
    assert choose_contexts(errors, 9, np.array([0, 2])).tolist() == [2, 0]


def test_a_sample_is_what_the_codes_say(codes, x):
    shard = samples_of("x-1", codes, CHOSEN)
    assert shard.key == "samples:x-1" and "linear" not in shard.columns
    rows = codes.rows(slice(None)).toarray().reshape(CONTEXTS, POSITIONS, -1)[CHOSEN]
    assert np.array_equal(shard.columns["contexts"], CHOSEN)
    assert np.array_equal(shard.columns["l0"], (rows > 0).sum(-1).ravel())
    assert shard.columns["x"] == pytest.approx((x[CHOSEN] ** 2).sum(-1).ravel(), rel=1e-4)
    expected = codes.scalar("error_norm2")[CHOSEN].ravel()
    assert shard.columns["error"] == pytest.approx(expected, rel=2**-13)
    for at, row in enumerate(rows.reshape(-1, rows.shape[-1])):
        own = slice(*shard.columns["code_offsets"][at : at + 2].tolist())
        assert shard.columns["code_latent"][own].tolist() == np.flatnonzero(row).tolist()
        assert (
            shard.columns["code_value"][own].tolist() == rounded(row[row > 0], CODE_BITS).tolist()
        )


def test_fewer_samples_are_samples_of_fewer(codes, norms):
    many = samples_of("x-1", codes, [9, 2, 4, 0, 7, 1], norms)
    few = first_samples(many, 2)
    alone = samples_of("x-1", codes, [2, 7], norms)
    assert list(few.columns) == list(alone.columns)
    for name, column in alone.columns.items():
        assert np.array_equal(few.columns[name], column), name
        assert few.columns[name].dtype == column.dtype
    same = first_samples(many, 9)
    assert all(np.array_equal(same.columns[name], many.columns[name]) for name in many.columns)


def test_parts_of_the_error_are_those_of_the_norms(codes, norms):
    shard = samples_of("x-1", codes, CHOSEN, norms)
    for at, name in enumerate(("x", "sae", "error", "linear", "nonlinear")):
        if name != "sae":
            expected = [c * 100 + p * 10 + at for c in CHOSEN for p in range(POSITIONS)]
            assert shard.columns[name].tolist() == expected  # whole numbers below 4096 are exact


def test_effects_are_there_where_they_were_measured(codes, tmp_path):
    kl = np.random.default_rng(0).random((2, POSITIONS, 3)).astype(np.float32)
    kl[:, :FIRST] = np.nan
    with writing(tmp_path / "sae.zarr", "effects") as group:
        group.create_array("contexts", data=np.array([4, 9]))
        group.create_array("tokens", data=np.zeros((2, POSITIONS), np.int32))
        group.create_array("kl/sae", data=kl)
        group.create_array("ce/sae", data=-kl)
    effects = open_effects(tmp_path / "sae.zarr")
    shard = samples_of("x-1", codes, CHOSEN, effects=effects)
    found = shard.columns["kl"].reshape(3, POSITIONS)
    assert found[0] == pytest.approx(kl[1].mean(-1), rel=2**-12, nan_ok=True)
    assert np.isnan(found[1]).all()
    assert found[2] == pytest.approx(kl[0].mean(-1), rel=2**-12, nan_ok=True)
    assert np.array_equal(shard.columns["ce"], -shard.columns["kl"], equal_nan=True)
    assert "kl" not in samples_of("x-1", codes, [0, 1], effects=effects).columns


def test_norms_of_another_harvest_are_refused(codes, tmp_path):
    with writing(tmp_path / "norms.zarr", "norms") as group:
        group.create_array("norms2", data=np.zeros((3, POSITIONS, len(VECTORS))))
    with pytest.raises(AnatomyError, match="norms of"):
        samples_of("x-1", codes, CHOSEN, tmp_path / "norms.zarr")


def test_mean_errors_leave_out_the_first_positions(codes):
    expected = codes.scalar("error_norm2")[:, FIRST:].mean(1)
    assert mean_errors(codes) == pytest.approx(expected)
