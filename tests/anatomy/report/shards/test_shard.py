"""Shards come back as they were written, and no text in them can end a script."""

import json
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.anatomy.report.synthetic_run import HOSTILE, HOSTILE_NAMES
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.report.shards.shard import (
    DTYPES,
    Shard,
    as_json,
    as_script,
    parsed,
    read_shard,
    rounded,
    text_columns,
    texts_of,
    write_shard,
)

TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
NUMBERS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = TEXT.filter(lambda key: key not in ("__proto__", "digest", "columns"))
JSON = st.recursive(
    NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
)
COLUMNS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    st.sampled_from(sorted(DTYPES.values())).flatmap(lambda code: arrays(code, st.integers(0, 20))),
    max_size=4,
)


@given(TEXT, st.dictionaries(KEYS, JSON, max_size=4), COLUMNS, TEXT)
@example("</script><!--", {"a": [name for name in HOSTILE_NAMES]}, {}, "0")
@example("a", {}, {"a": np.zeros(0, "<u4"), "b": np.array([np.nan, np.inf, -0.0], "<f4")}, "")
def test_a_shard_comes_back(key, header, columns, digest):
    script = as_script(Shard(key, header, columns, digest))
    assert script.isascii() and not re.search("[<>&\x7f]", script)
    assert script.count("\n") == 4
    found = parsed(script)
    assert (found.key, found.header, found.digest) == (key, header, digest)
    assert list(found.columns) == list(columns)
    for name, column in columns.items():
        assert found.columns[name].dtype == column.dtype
        assert found.columns[name].tobytes() == column.tobytes()
    assert as_script(found) == script


@given(st.lists(st.binary(max_size=20)))
@example(list(HOSTILE))
def test_texts_come_back_as_their_bytes(texts):
    assert texts_of(text_columns("token", texts), "token") == texts


@given(st.lists(TEXT))
def test_text_is_utf8_and_half_a_character_is_none(texts):
    found = texts_of(text_columns("names", texts), "names")
    for text, written in zip(texts, found, strict=True):
        assert written.decode() == re.sub("[\ud800-\udfff]", "\ufffd", text)


@given(arrays("<f4", st.integers(0, 20)))
@example(np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 3.4e38, 1e-45, 0.1], "<f4"))
def test_rounding_is_to_a_part_in_8192(column):
    found = rounded(column)
    assert found.dtype == np.float32 and found.shape == column.shape
    usual = np.isfinite(column) & (np.abs(column) > 1e-37) & (np.abs(column) < 3e38)
    assert (np.abs(found[usual] - column[usual]) <= np.abs(column[usual]) / 8192).all()
    assert np.array_equal(np.isnan(found), np.isnan(column))
    assert np.array_equal(np.isinf(found), np.isinf(column))
    assert np.array_equal(rounded(found), found, equal_nan=True)
    ordered = np.sort(column[usual])
    assert (np.diff(rounded(ordered)) >= 0).all()


def test_columns_begin_at_multiples_of_eight():
    """A page lays arrays over the bytes, which needs their alignment."""
    import base64
    import zlib

    columns = {"a": np.arange(3, dtype="u1"), "b": np.arange(2.0), "c": np.arange(5, dtype="u2")}
    line = as_script(Shard("k", {}, columns)).split("\n")[2]
    packed = zlib.decompress(base64.b64decode(line.strip('"')))
    assert len(packed) == 8 + 16 + 16
    assert packed[:8] == bytes([0, 1, 2, 0, 0, 0, 0, 0])
    assert np.array_equal(np.frombuffer(packed, "<f8", 2, 8), [0, 1])


@pytest.mark.parametrize(
    "shard",
    [
        Shard("k", {"a": float("nan")}),
        Shard("k", {"a": [{"__proto__": 1}]}),
        Shard("k", {}, {"a": np.arange(3)}),
        Shard("k", {}, {"a": np.zeros((2, 2), "<f4")}),
        Shard("k", {}, {"__proto__": np.zeros(2, "<f4")}),
        Shard("k", {}, {"0": np.zeros(2, "<f4")}),
        Shard("k", {"columns": 1}, {"a": np.zeros(2, "<f4")}),
        Shard("k", {"digest": 1}),
    ],
)
def test_what_no_page_could_read_is_refused(shard):
    with pytest.raises(AnatomyError):
        as_script(shard)


def test_a_value_may_be_called_what_a_key_may_not():
    assert json.loads(as_json({"a": "__proto__"})) == {"a": "__proto__"}


def test_a_damaged_file_is_an_error(tmp_path):
    path = tmp_path / "a.js"
    with pytest.raises(AnatomyError, match="no whole file"):
        read_shard(path)
    size = write_shard(path, Shard("k", {"a": 1}, {"a": np.arange(9, dtype="u4")}))
    whole = path.read_text()
    assert len(whole) == size
    for cut in range(0, size, 7):
        path.write_text(whole[:cut])
        with pytest.raises(AnatomyError, match="no whole file"):
            read_shard(path)
