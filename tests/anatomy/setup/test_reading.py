"""Configuration files: what is read, and the line that says what cannot be."""

from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.names import any_of, check_name, number_in_name
from workflow_scripts.anatomy.setup.reading import configured, read_configuration

ROOT = Path(__file__).resolve().parents[3]


def read(tmp_path, text, name="c.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_configuration(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("-1.5e+2", -150.0),
        (".5", 0.5),
        ("1_100_000", 1_100_000),
        ("0x1f", 31),
        ("0o17", 15),
        ("48.0", 48.0),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("'010'", "010"),
        ("~", None),
        ("yes", True),
        ("1e", "1e"),
    ],
)
def test_values(tmp_path, text, value):
    found = read(tmp_path, f"a: {text}\n")["a"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4: a.b is given twice, first in line 2"),
        ("a: [1, {x: 1,\n x: 2}]", "line 2: a[1].x is given twice"),
        ("a: 1\nb: [\n", "line 3: not YAML"),
        ("a: 1\nb: c: d\n", "line 2: not YAML"),
        ("a: 1\n\tb: 1\n", "line 2: not YAML"),
        ("a: 1\nb: .nan\n", "line 2: b: .nan is not a finite number"),
        ("a: {b: -.inf}", "line 1: a.b: -.inf is not a finite number"),
        ("a: 1e400", "not a finite number"),
        ("a: " + "9" * 5000, "too large a number"),
        ("a: 010", "can be read in two ways"),
        ("a: !!int x", "a value of int cannot be read from 'x'"),
        ("a: !!python/object:os.system x", "line 1: a"),
        ("a: !!set {x}", "leave it out"),
        ("a: &x [*x]", "contains itself"),
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("a: 1\n---\nb: 2\n", "line 2: not YAML"),
        ("", "the file is empty"),
        ("- 1", "there are no keys in it"),
        (b"a: 1\nb: \xff\n", "line 2: not UTF-8"),
        ("a: 1\nb: \x07", "line 2: a character that is not text"),
        ('a: "\\ud800"', "half a surrogate pair"),
        ("? [a]\n: 1", "a key of the file is no word"),
    ],
)
def test_errors_have_a_line(tmp_path, text, message):
    with pytest.raises(AnatomyError) as error:
        read(tmp_path, text)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert str(tmp_path / "c.yaml") in str(error.value)


def test_aliases_do_not_grow_without_bounds(tmp_path):
    text = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for above, name in zip("abcdefgh", "bcdefghi", strict=True):
        text += f"{name}: &{name} [{', '.join(['*' + above] * 10)}]\n"
    with pytest.raises(AnatomyError, match="more than 100000 values"):
        read(tmp_path, text)


def test_a_merged_key_may_be_given_again(tmp_path):
    assert read(tmp_path, "b: &b {x: 1, y: 2}\na: {<<: *b, x: 3}")["a"] == {"x": 3, "y": 2}


def test_json(tmp_path):
    found = read(tmp_path, '{"a":\t1e5, "b": "\\ud83d\\ude00"}', "c.json")
    assert found == {"a": 100000.0, "b": "\U0001f600"}
    for text, message in (('{"a": 1,\n "a": 2}', "line 2: a is given"), ('{"a": 1,}', "not JSON")):
        with pytest.raises(AnatomyError, match=message):
            read(tmp_path, text, "c.json")


@pytest.mark.parametrize(
    "path",
    [ROOT / "config.yaml", ROOT / "tests/papers/example.yaml", *(ROOT / "presets").glob("*.yaml")],
    ids=lambda path: path.stem,
)
def test_what_everybody_reads_alike_is_read_alike(path):
    assert read_configuration(path) == yaml.safe_load(path.read_text())


def test_later_files_and_keys_go_before(tmp_path):
    (tmp_path / "a.yaml").write_text("run: a\nx: {y: 1, z: [1, 2]}\n")
    (tmp_path / "b.yaml").write_text("x: {z: [3]}\n")
    found = configured([tmp_path / "a.yaml", tmp_path / "b.yaml"], {"run": "c"})
    assert found == {"run": "c", "x": {"y": 1, "z": [3]}}
    with pytest.raises(AnatomyError, match=r"absent\.yaml: the configuration file cannot be read"):
        configured([tmp_path / "absent.yaml"])


@pytest.mark.parametrize("name", ["a\n", "a/b", "a b", "", ".a", "a+", "a|b", "é", "x" * 101, 3])
def test_bad_names(name):
    with pytest.raises(AnatomyError, match="models"):
        check_name("models", name)


def test_numbers_in_names():
    names = {
        0.3: "0.3",
        12: "12",
        1e6: "1000000",
        1e-05: "1e-05",
        1e20: "1e20",
        0.1234567: "0.1234567",
    }
    for number, name in names.items():
        assert number_in_name(number) == name
        check_name("x", f"a-c{name}")


def test_a_pattern_of_names_matches_them_alone():
    import re

    pattern = any_of(["a.b", "c"])
    assert [bool(re.fullmatch(pattern, each)) for each in ("a.b", "axb", "c", "")] == [1, 0, 1, 0]
    assert not re.fullmatch(any_of([]), "")
