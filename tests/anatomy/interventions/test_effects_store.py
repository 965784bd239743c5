"""The store of effects: what is in it, and that an interrupted job gives the bytes of another one."""

import numpy as np
import pytest

from tests.anatomy.interventions.effects_stores import (
    ATTRS,
    FIRST,
    POSITIONS,
    made_up,
    planted_effects,
    planted_tokens,
)
from workflow_scripts.anatomy.base.store import opening
from workflow_scripts.anatomy.interventions import effects_store
from workflow_scripts.anatomy.interventions.effects_store import open_effects, write_effects

NAMES = {"sae": 1, "epsilon_random": 3}


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(effects_store, "PART", 4)
    monkeypatch.setattr(effects_store, "ROWS", 3 * POSITIONS)


def bytes_of(path):
    return {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def measured(contexts, names=NAMES, seed=0):
    """What the fake measure finds of all contexts, by name."""
    parts = [found for _, found in made_up(names, seed)(contexts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_what_was_measured_is_in_the_store(tmp_path, small_parts):
    harvest = planted_tokens(tmp_path / "heldout.zarr")
    store = planted_effects(tmp_path / "sae.zarr", harvest, NAMES)
    contexts = store.group["contexts"][:]
    assert contexts.tolist() == list(range(0, harvest.shape[0], 2))
    assert store.shape == (len(contexts), POSITIONS) and store.first == FIRST
    assert store.perturbations == ["epsilon_random", "sae"]
    expected = measured(contexts)
    for kind in ("kl", "ce"):
        draws = np.stack([expected[f"{kind}/epsilon_random/{at}"] for at in range(3)], -1)
        found = np.concatenate([store.draws(f"{kind}/epsilon_random", b) for b in store.blocks()])
        np.testing.assert_array_equal(found, draws)
        mean = np.concatenate([store.values(f"{kind}/epsilon_random", b) for b in store.blocks()])
        np.testing.assert_allclose(mean, draws.astype(float).mean(-1), equal_nan=True)
    for name in ("loss", "distance", "cosine", "norm", "l0"):
        found = np.concatenate([store.values(name, block) for block in store.blocks()])
        np.testing.assert_array_equal(found, expected[name])
    for name in ("tokens", "documents"):
        np.testing.assert_array_equal(store.group[name][:], harvest.group[name][:][contexts])
    assert dict(store.group.attrs) == ATTRS | {"kind": "effects"}


def test_units_are_documents_of_the_replaced_tokens(tmp_path, small_parts):
    store = planted_effects(tmp_path / "s.zarr", planted_tokens(tmp_path / "h.zarr"), NAMES)
    documents = store.group["documents"][:]
    expected = np.unique(documents[:, FIRST:])
    np.testing.assert_array_equal(store.units.numbers, expected)
    places = np.concatenate([store.units.places(block) for block in store.blocks()])
    np.testing.assert_array_equal(expected[places[:, FIRST:]], documents[:, FIRST:])


def test_units_are_books_where_texts_were_cut(tmp_path):
    books = np.arange(60) // 2
    harvest = planted_tokens(tmp_path / "h.zarr", contexts=120, books=books)
    store = planted_effects(tmp_path / "s.zarr", harvest, NAMES, contexts=range(120))
    assert store.units.kind == "book"
    np.testing.assert_array_equal(
        store.units.numbers, np.unique(books[harvest.group["documents"][:][:, FIRST:]])
    )


def test_an_interrupted_job_goes_on_to_the_same_bytes(tmp_path, small_parts):
    harvest = planted_tokens(tmp_path / "heldout.zarr")
    contexts = list(range(0, harvest.shape[0], 2))
    whole = planted_effects(tmp_path / "whole" / "sae.zarr", harvest, NAMES)
    path, asked = tmp_path / "stopped" / "sae.zarr", []

    def failing(some, fails_at):
        asked.append(list(some))
        if len(asked) == fails_at:
            raise KeyboardInterrupt
        yield from made_up(NAMES)(some)

    about = (ATTRS, {"seed": 0})
    with pytest.raises(KeyboardInterrupt):
        write_effects(path, harvest, contexts, lambda some: failing(some, 3), *about)
    assert not (path / "manifest.json").exists()
    write_effects(path, harvest, contexts, lambda some: failing(some, 0), *about)
    # The third part was begun twice, the first two once.
    assert asked[3] == asked[2] and asked[:2] == [contexts[:4], contexts[4:8]]
    assert bytes_of(path) == bytes_of(whole.path)
    assert not list(path.parent.glob(".*parts"))


def test_parts_of_another_measurement_are_not_used(tmp_path, small_parts):
    harvest = planted_tokens(tmp_path / "heldout.zarr")
    contexts, path = list(range(0, harvest.shape[0], 2)), tmp_path / "sae.zarr"

    def stopped(some):
        yield from made_up(NAMES, seed=1)(some)
        if contexts[4] in some:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_effects(path, harvest, contexts, stopped, ATTRS, {"seed": 1})
    write_effects(path, harvest, contexts, made_up(NAMES), ATTRS, {"seed": 0})
    again = planted_effects(tmp_path / "again" / "sae.zarr", harvest, NAMES)
    assert bytes_of(path) == bytes_of(again.path)


def test_the_size_of_parts_and_batches_changes_no_number(tmp_path, monkeypatch):
    harvest = planted_tokens(tmp_path / "heldout.zarr")
    contexts = list(range(harvest.shape[0]))
    stores = []
    for part, batch in ((4, 2), (64, 5)):
        monkeypatch.setattr(effects_store, "PART", part)
        path = tmp_path / f"{part}.zarr"
        write_effects(path, harvest, contexts, made_up(NAMES, batch=batch), ATTRS, {})
        stores.append(open_effects(path))
    for name in ("kl/sae", "ce/epsilon_random", "l0", "tokens"):
        one, other = (store.group[name][:] for store in stores)
        np.testing.assert_array_equal(one, other)


def test_the_manifest_knows_every_file(tmp_path):
    store = planted_effects(tmp_path / "s.zarr", planted_tokens(tmp_path / "h.zarr"), NAMES)
    (store.path / "kl" / "sae" / "c" / "0" / "0" / "0").unlink()
    with pytest.raises(Exception, match="kl/sae"):
        opening(store.path, "effects")
