"""A store is whole or not there: whatever is cut, lost, flipped or unfinished is noticed."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import (
    MANIFEST,
    folder_of,
    opening,
    replacing,
    verify,
    write_json,
    writing,
)


def write(path, kind="numbers", seed=0):
    with writing(path, kind) as group:
        values = np.random.default_rng(seed).normal(size=(30, 4))
        group.create_array("values", data=values, chunks=(10, 4))
        group.create_array("deep/inside", data=values[:3])
        group.attrs.update(about="a test", seed=seed)
    return values


def files(path):
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.fixture
def store(tmp_path):
    write(tmp_path / "s.zarr")
    return tmp_path / "s.zarr"


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "new" / "folder" / "s.zarr"
    values = write(path)
    for named in (path, path / MANIFEST, str(path)):
        assert folder_of(named) == path
        group = opening(named, "numbers")
        np.testing.assert_array_equal(group["values"][:], values)
        np.testing.assert_array_equal(group["deep/inside"][:], values[:3])
        assert group.attrs["about"] == "a test"
        assert verify(named) == len(files(path)) - 1
    assert [p.name for p in path.parent.iterdir()] == ["s.zarr"], "locks and temporaries are gone"


def test_the_manifest_is_of_every_file_and_comes_last(store):
    manifest = json.loads((store / MANIFEST).read_text())
    assert manifest["kind"] == "numbers"
    assert manifest["files"].keys() == files(store).keys() - {MANIFEST}
    with writing(store.with_name("other.zarr"), "numbers") as group:
        group.create_array("values", data=np.zeros(3))
        assert not (store.with_name("other.zarr") / MANIFEST).exists()
    assert (store.with_name("other.zarr") / MANIFEST).exists()


def test_the_same_content_is_the_same_bytes(store, tmp_path):
    write(tmp_path / "again.zarr")
    assert files(tmp_path / "again.zarr") == files(store)


def test_an_unfinished_store_is_not_opened_and_is_written_anew(tmp_path):
    path = tmp_path / "s.zarr"
    write(path)
    with pytest.raises(KeyboardInterrupt), writing(path, "numbers") as group:
        group.create_array("half", data=np.zeros(3))
        raise KeyboardInterrupt
    assert not (path / MANIFEST).exists()
    for look in (lambda: opening(path, "numbers"), lambda: verify(path)):
        with pytest.raises(AnatomyError, match=r"s\.zarr: .* never finished; rerun"):
            look()
    values = write(path, seed=1)
    assert not any(name.startswith("half") for name in files(path))
    np.testing.assert_array_equal(opening(path, "numbers")["values"][:], values)


def test_a_store_of_another_kind(store):
    with pytest.raises(AnatomyError, match="this is a store of numbers, not of codes"):
        opening(store, "codes")


def test_a_missing_store(tmp_path):
    with pytest.raises(AnatomyError, match="no manifest"):
        opening(tmp_path / "nothing.zarr", "numbers")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_file_that_is_missing_or_cut_is_found_when_opening(store, data):
    name = data.draw(st.sampled_from(sorted(files(store).keys() - {MANIFEST})))
    content = (store / name).read_bytes()
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content) - 1)))
    try:
        if cut is None:
            (store / name).unlink()
        else:
            (store / name).write_bytes(content[:cut])
        for look in (lambda: opening(store, "numbers"), lambda: verify(store)):
            with pytest.raises(AnatomyError) as error:
                look()
            assert name in str(error.value)
            assert "rebuilt" in str(error.value)
            assert "\n" not in str(error.value)
    finally:
        (store / name).write_bytes(content)
    assert verify(store)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_flipped_bit_is_found_by_an_audit(store, data):
    name = data.draw(st.sampled_from(sorted(files(store).keys() - {MANIFEST})))
    content = (store / name).read_bytes()
    at, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    flipped = bytearray(content)
    flipped[at] ^= 1 << bit
    try:
        (store / name).write_bytes(flipped)
        with pytest.raises(AnatomyError, match="not have the content that was written") as error:
            verify(store)
        assert name in str(error.value)
    finally:
        (store / name).write_bytes(content)


@pytest.mark.parametrize(
    "content",
    [b"", b'{"kind": "numb', b"[]", b'{"kind": "numbers"}', b"\xff\xfe\x00\x93", b"null"],
    ids=["empty", "cut", "a list", "no files", "no text", "null"],
)
def test_a_damaged_manifest(store, content):
    (store / MANIFEST).write_bytes(content)
    for look in (lambda: opening(store, "numbers"), lambda: verify(store)):
        with pytest.raises(AnatomyError, match=rf"{MANIFEST} .*rebuilt"):
            look()


HOLD = """
import sys
import numpy as np
from workflow_scripts.anatomy.base.store import writing
with writing(sys.argv[1], "numbers") as group:
    group.create_array("theirs", data=np.array([1.0, 2.0]))
    print("locked", flush=True)
    sys.stdin.readline()
"""


def test_a_store_that_another_process_writes(tmp_path):
    path = tmp_path / "s.zarr"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    try:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(AnatomyError, match="another process is writing this store"):
            write(path)
        other.communicate("go on\n", timeout=30)
        assert other.returncode == 0
    finally:
        other.kill()
        other.wait()
    assert opening(path, "numbers")["theirs"][:].tolist() == [1, 2], "its work was left alone"
    write(path)
    assert verify(path)


def test_the_lock_of_a_process_that_died_holds_nobody_up(tmp_path):
    path = tmp_path / "s.zarr"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert other.stdout.readline() == b"locked\n"
    other.kill()
    other.communicate()
    with pytest.raises(AnatomyError, match="never finished"):
        opening(path, "numbers")
    write(path)
    assert verify(path)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_replacing_leaves_nothing_behind_when_it_fails(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_takes_the_place_at_the_end_alone(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with replacing(path) as temporary:
        temporary.write_text("after")
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        assert not path.exists()
    assert path.read_text() == "after"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_was_not_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "table.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=JSON)
def test_json_comes_back(tmp_path, content):
    write_json(tmp_path / "a.json", content)
    assert json.loads((tmp_path / "a.json").read_text()) == content


def test_json_that_is_none_replaces_nothing(tmp_path):
    write_json(tmp_path / "a.json", {"loss": 1.0})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"loss": 1.0}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
