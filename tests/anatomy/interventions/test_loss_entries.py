"""Losses are measured once: what is current is kept, bit for bit, and the rest is measured."""

import numpy as np
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interventions import loss_entries
from workflow_scripts.anatomy.interventions.loss_entries import (
    BASELINES,
    Entry,
    digest_of_file,
    entry_of,
    load_entries,
    losses_of,
    measure_missing,
    save_entries,
    wanted_entries,
)

ABOUT = {"code": "abc", "contexts": [1, 2, 5], "activations": "f00", "device": "cpu"}


class Measuring:
    """Sums that depend on the entry's name alone, and a list of the entries that were asked for."""

    def __init__(self, fails_at=None):
        self.asked, self.fails_at = [], fails_at

    def __call__(self, name):
        if name == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append(name)
        generator = np.random.default_rng(list(name.encode()))
        return {"loss_sae": generator.normal(size=3), "error2": generator.normal(size=3)}


@pytest.fixture
def files(tmp_path):
    """Two files of SAEs and a map of the first one's error."""
    for name in ("a", "b", "map"):
        (tmp_path / name).write_text(name)
    return tmp_path


def wanted_of(files, saes="ab", maps="a", **about):
    return wanted_entries(
        ABOUT | about,
        {entry_of(name): files / name for name in saes},
        {entry_of(name): files / "map" for name in maps},
    )


def test_what_was_written_comes_back(tmp_path):
    entries = {"sae/x": Entry("d1", {"loss_sae": np.array([0.1, np.nan, 1e300])})}
    entries[BASELINES] = Entry("d0", {"count": np.array([3.0, 3.0, 3.0])})
    save_entries(tmp_path / "l.npz", entries)
    found = load_entries(tmp_path / "l.npz")
    assert found.keys() == entries.keys()
    for name, entry in entries.items():
        assert found[name].digest == entry.digest
        for key, sums in entry.sums.items():
            np.testing.assert_array_equal(found[name].sums[key], sums)
            assert found[name].sums[key].dtype == np.float64


def test_one_more_sae_is_measured_alone(files):
    path, first, second = files / "measured.npz", Measuring(), Measuring()
    before = measure_missing(path, wanted_of(files, "a"), first)
    assert first.asked == [BASELINES, "sae/a"]
    after = measure_missing(path, wanted_of(files), second)
    assert second.asked == ["sae/b"]
    for name, entry in before.items():
        assert after[name].digest == entry.digest
        for key, sums in entry.sums.items():
            assert after[name].sums[key].tobytes() == sums.tobytes()


def test_the_way_there_does_not_show_in_the_file(files):
    """Added one by one, with one that is gone, in another order, or all at once: the same bytes."""
    once, steps = files / "once.npz", files / "steps.npz"
    save_entries(files / "out.npz", measure_missing(once, wanted_of(files), Measuring()))
    for saes in ("b", "ba", "ab"):
        measure_missing(steps, wanted_of(files, saes, "a" if "a" in saes else ""), Measuring())
    assert steps.read_bytes() == once.read_bytes() == (files / "out.npz").read_bytes()


def test_what_is_no_longer_wanted_is_dropped(files):
    path, measuring = files / "measured.npz", Measuring()
    measure_missing(path, wanted_of(files), Measuring())
    found = measure_missing(path, wanted_of(files, "b", ""), measuring)
    assert measuring.asked == []
    assert list(found) == list(load_entries(path)) == [BASELINES, "sae/b"]


@pytest.mark.parametrize(
    "change", [{"code": "xyz"}, {"contexts": [1, 2]}, {"activations": "b4"}, {"device": "cuda"}]
)
def test_what_all_depend_on_measures_all_anew(files, change):
    path, measuring = files / "measured.npz", Measuring()
    measure_missing(path, wanted_of(files), Measuring())
    measure_missing(path, wanted_of(files, **change), measuring)
    assert measuring.asked == [BASELINES, "sae/a", "sae/b"]


@pytest.mark.parametrize(("file", "anew"), [("a", ["sae/a"]), ("map", ["sae/a"]), ("b", ["sae/b"])])
def test_another_file_measures_what_reads_it(files, file, anew):
    path, measuring = files / "measured.npz", Measuring()
    measure_missing(path, wanted_of(files), Measuring())
    (files / file).write_text("trained anew")
    measure_missing(path, wanted_of(files), measuring)
    assert measuring.asked == anew


def test_an_sae_whose_error_is_now_split_is_measured_anew(files):
    path, measuring = files / "measured.npz", Measuring()
    measure_missing(path, wanted_of(files, maps=""), Measuring())
    measure_missing(path, wanted_of(files, maps="b"), measuring)
    assert measuring.asked == ["sae/b"]


def test_the_same_content_written_again_is_the_same(files):
    before = wanted_of(files)
    (files / "a").write_text("a")
    assert wanted_of(files) == before
    assert len(set(before.values())) == 3


def test_an_interrupted_measurement_goes_on_where_it_was(files):
    path, rest = files / "measured.npz", Measuring()
    with pytest.raises(KeyboardInterrupt):
        measure_missing(path, wanted_of(files), Measuring(fails_at="sae/b"))
    measure_missing(path, wanted_of(files), rest)
    assert rest.asked == ["sae/b"]
    measure_missing(files / "once.npz", wanted_of(files), Measuring())
    assert path.read_bytes() == (files / "once.npz").read_bytes()


def test_an_interrupted_write_keeps_the_old_file(files, monkeypatch):
    path = files / "measured.npz"
    measure_missing(path, wanted_of(files, "a"), Measuring())
    before = path.read_bytes()

    def half_written(file, **arrays):
        file.write(b"PK half a file")
        raise OSError("no space left")

    monkeypatch.setattr(loss_entries.np, "savez", half_written)
    with pytest.raises(OSError, match="no space"):
        measure_missing(path, wanted_of(files), Measuring())
    assert path.read_bytes() == before
    assert not [each for each in files.iterdir() if each.name.startswith(".")]


@pytest.mark.parametrize("content", [b"", b"no archive", "cut", "another archive"])
def test_a_damaged_file_is_measured_anew_but_never_read(files, content):
    path, measuring = files / "measured.npz", Measuring()
    measure_missing(path, wanted_of(files), Measuring())
    whole = path.read_bytes()
    if content == "another archive":
        np.savez(path, weights=np.zeros(3))
    else:
        path.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(AnatomyError, match=r"measured\.npz: the losses cannot be read") as error:
        load_entries(path)
    assert "\n" not in str(error.value)
    measure_missing(path, wanted_of(files), measuring)
    assert measuring.asked == [BASELINES, "sae/a", "sae/b"]
    assert path.read_bytes() == whole


def test_pickles_are_not_loaded(tmp_path):
    np.savez(tmp_path / "l.npz", **{"sae/a/digest": np.array({"a": 1}, dtype=object)})
    with pytest.raises(AnatomyError, match="cannot be read"):
        load_entries(tmp_path / "l.npz")


def test_losses_of_an_sae_come_with_the_baselines(files):
    path = files / "measured.npz"
    entries = {
        BASELINES: Entry("0", {"loss_clean": np.ones(2), "count": np.full(2, 5.0)}),
        entry_of("a"): Entry("1", {"loss_sae": np.zeros(2)}),
        # An SAE may have any name, even that of the baselines.
        entry_of(BASELINES): Entry("2", {"loss_sae": np.full(2, 9.0)}),
    }
    save_entries(path, entries)
    assert losses_of(path, "a").keys() == {"loss_clean", "count", "loss_sae"}
    assert (losses_of(path, BASELINES)["loss_sae"] == 9).all()
    with pytest.raises(AnatomyError, match=r"no losses of 'sae/c'"):
        losses_of(path, "c")


def test_a_files_digest_is_its_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of_file(tmp_path / "f") == expected
