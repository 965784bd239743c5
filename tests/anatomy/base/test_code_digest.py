"""The digest of a rule's code: it changes with what the rule reaches, and with nothing else."""

import os

import pytest

from workflow_scripts.anatomy.base import code_digest, code_parts
from workflow_scripts.anatomy.base.errors import AnatomyError

SCRIPT = '''"""A script."""
import numpy as np
from workflow_scripts.lib.first import used
print(used(np.ones(3)))
'''
FIRST = '''"""A module."""
import math
from workflow_scripts.lib import second
LIMIT = 3
def used(x):
    """Docstring."""
    return helper(x) + LIMIT  # comment
def helper(x):
    return second.deep(x)
def unused(x):
    return math.sqrt(x)
class Unused:
    pass
'''
SECOND = '''"""Another."""
def deep(x):
    def inner():
        from workflow_scripts.lib.third import late
        return late(x)
    return inner()
def other(x):
    return x
'''
THIRD = "def late(x):\n    return 2 * x\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    library = tmp_path / "workflow_scripts" / "lib"
    library.mkdir(parents=True)
    (tmp_path / "workflow_scripts" / "__init__.py").write_text("")
    (library / "__init__.py").write_text("")
    files = {"first": FIRST, "second": SECOND, "third": THIRD}
    for name, text in files.items():
        (library / f"{name}.py").write_text(text)
    (tmp_path / "workflow_scripts" / "script.py").write_text(SCRIPT)
    monkeypatch.setattr(code_parts, "ROOT", tmp_path)
    return library


def changed(project, name, old, new):
    before = code_digest.code_of("script.py")
    path = project / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    code_parts._parts_of_file.cache_clear()
    return code_digest.code_of("script.py") != before


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("first", "# comment", "# another comment", False),
        ("first", '"""Docstring."""', '"""Another."""', False),
        ("first", '"""A module."""', '"""Another module."""', False),
        ("first", "math.sqrt(x)", "math.exp(x)", False),
        ("first", "import math\n", "import math\nimport os\n", False),
        ("first", "class Unused:\n    pass", "class Unused:\n    y = 1", False),
        ("second", "def other(x):\n    return x", "def other(x):\n    return -x", False),
        ("first", "+ LIMIT", "- LIMIT", True),
        ("first", "LIMIT = 3", "LIMIT = 4", True),
        ("second", "return inner()", "return -inner()", True),
        ("third", "2 * x", "3 * x", True),
        ("first", "LIMIT = 3\n", "LIMIT = 3\nprint('effect')\n", True),
        # What is called what does not matter; which of them is meant does.
        ("first", "import math\n", "import math as mathematics\n", False),
        ("../script", "np", "numerics", False),
        ("../script", "numpy as np", "scipy as np", True),
        ("../script", "print(used(np.ones(3)))", "x = 1\ny = 2\nprint(used(np.ones(3)))", True),
        ("second", "return late(x)", "return other(x)", True),
    ],
)
def test_what_changes_the_digest(project, name, old, new, expected):
    assert changed(project, name, old, new) is expected


def replace(path, *pairs):
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_a_module_that_moves_and_a_function_that_is_renamed_change_nothing(project):
    before = code_digest.code_of("script.py")
    room = project / "room"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (project / "second.py").rename(room / "deepest.py")
    replace(room / "deepest.py", ("def deep", "def deeper"))
    replace(
        project / "first.py",
        (
            "from workflow_scripts.lib import second",
            "from workflow_scripts.lib.room import deepest",
        ),
        ("second.deep(x)", "deepest.deeper(x)"),
        ("helper", "assistant"),
        ("LIMIT", "BOUND"),
    )
    (project / "third.py").rename(room / "third.py")
    replace(room / "deepest.py", ("lib.third", "lib.room.third"))
    after = code_digest.code_of("script.py")
    # A function reached through its module's name keeps that name in the text.
    replace(room / "deepest.py", ("def deeper", "def deep"))
    replace(project / "first.py", ("deepest.deeper(x)", "deepest.deep(x)"))
    assert code_digest.code_of("script.py") == before != after


def test_a_module_that_is_taken_apart_changes_nothing(project):
    before = code_digest.code_of("script.py")
    (project / "helping.py").write_text(
        "from workflow_scripts.lib import second\ndef helper(x):\n    return second.deep(x)\n"
    )
    replace(
        project / "first.py",
        ("import math\n", "import math\nfrom workflow_scripts.lib.helping import helper\n"),
        ("def helper(x):\n    return second.deep(x)\n", ""),
    )
    assert code_digest.code_of("script.py") == before


def test_two_functions_that_change_places_are_seen(project):
    """Either text is there before and after; who uses which is not the same."""
    script = "from workflow_scripts.lib.pair import one, two\nprint(one(2) - two(3))\n"
    (project.parent / "script.py").write_text(script)
    pair = "def one(x):\n    return x\ndef two(x):\n    return x * x\n"
    (project / "pair.py").write_text(pair)
    before = code_digest.code_of("script.py")
    (project.parent / "script.py").write_text(script.replace("one(2) - two(3)", "two(2) - one(3)"))
    assert code_digest.code_of("script.py") != before


def test_one_function_of_a_module(project):
    digest = code_digest.code_of("workflow_scripts.lib.second:other")
    (project / "third.py").write_text("def late(x):\n    return 5 * x\n")
    assert code_digest.code_of("workflow_scripts.lib.second:other") == digest


def test_what_does_not_exist(project):
    with pytest.raises(AnatomyError, match="no such module"):
        code_digest.code_of("absent.py")
    with pytest.raises(AnatomyError, match="has no absent"):
        code_digest.code_of("workflow_scripts.lib.second:absent")


def kept(project, name):
    (path,) = (project / "__pycache__").glob(f"{name}.*.parts.json")
    return path


def anew():
    """The digest as another process finds it."""
    code_parts._parts_of_file.cache_clear()
    return code_digest.code_of("script.py")


def test_what_is_kept_gives_the_same_digest(project, monkeypatch):
    before = anew()
    monkeypatch.setattr(code_parts, "_Module", None)  # nothing is parsed again
    assert anew() == before


@pytest.mark.parametrize(
    "damage", ["", "[]", "{", '{"digest": 1}', '{"digest": null, "parts": {}}']
)
def test_a_damaged_file_is_made_anew(project, damage):
    before = anew()
    kept(project, "first").write_text(damage)
    assert anew() == before
    assert '"helper"' in kept(project, "first").read_text()


def test_a_changed_source_of_the_same_size_and_time_is_read_again(project):
    before = anew()
    path = project / "third.py"
    stat = path.stat()
    path.write_text(path.read_text().replace("2 * x", "3 * x"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert anew() != before


def test_a_name_that_becomes_a_module_is_followed(project):
    """`from package import name` means the module as soon as there is one."""
    package = project / "second"
    (project / "second.py").rename(project / "old.py")
    package.mkdir()
    (package / "__init__.py").write_text("def deep(x):\n    return x\n")
    before = anew()
    assert anew() == before
    script = project.parent / "script.py"
    script.write_text(SCRIPT + "from workflow_scripts.lib.second import deep\ndeep(1)\n")
    named = anew()
    (package / "deep.py").write_text("x = 1\n")
    assert anew() != named


def test_a_folder_that_cannot_be_written_to_is_no_hindrance(project, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "read-only")

    before = anew()
    kept(project, "first").unlink()
    monkeypatch.setattr(code_parts, "_write", refuse)
    assert anew() == before
    assert not list((project / "__pycache__").glob("first.*"))
