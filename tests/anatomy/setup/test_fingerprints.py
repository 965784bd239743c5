"""Fingerprints: of content, not of times; computed once."""

import os
import time

import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup import fingerprints
from workflow_scripts.anatomy.setup.fingerprints import fingerprint


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache.json"


def test_none_has_none(cache):
    assert fingerprint([], cache) == ""


def test_content_and_path_count_and_times_do_not(tmp_path, cache):
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_text("x")
    two.write_text("y")
    first = fingerprint([one, two], cache)
    assert len(first) == 16 and fingerprint([str(two), one, one], cache) == first
    os.utime(one)
    assert fingerprint([one, two], cache) == first
    other = tmp_path / "c"
    other.write_text("z")
    os.utime(other, (1, 1))
    os.replace(other, one)  # older, and of the same size
    assert fingerprint([one, two], cache) != first
    assert fingerprint([one], cache) != fingerprint([two], cache)


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path, cache):
    path = tmp_path / "a"
    path.write_text("x")
    os.utime(path, (1, 1))
    first = fingerprint([path], cache)
    path.write_text("y")
    os.utime(path, (1, 1))
    assert fingerprint([path], cache) != first


def test_a_settled_file_is_read_once(tmp_path, cache, monkeypatch):
    path = tmp_path / "a"
    path.write_text("x")
    monkeypatch.setattr(fingerprints, "SETTLED_SECONDS", -1.0)
    first = fingerprint([path], cache)
    fingerprints._kept.clear()
    monkeypatch.setattr(fingerprints, "digest_of_file", lambda path: pytest.fail("read again"))
    assert fingerprint([path], cache) == first


def test_a_file_of_this_moment_is_not_kept(tmp_path, cache):
    path = tmp_path / "a"
    path.write_text("x")
    fingerprint([path], cache)
    assert not cache.exists() or str(path) not in cache.read_text()
    assert time.time() - path.stat().st_ctime < 60


@pytest.mark.parametrize("content", ["", "[1]", "{"])
def test_a_damaged_cache_is_done_without(tmp_path, cache, content):
    cache.write_text(content)
    (tmp_path / "a").write_text("x")
    assert fingerprint([tmp_path / "a"], cache)


def test_a_file_that_is_not_there(tmp_path, cache):
    with pytest.raises(AnatomyError, match="cannot be read"):
        fingerprint([tmp_path / "a"], cache)
