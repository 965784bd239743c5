"""The digest of a rule's code: it changes with what the rule reaches, and with nothing else."""

import pytest

from workflow_scripts.anatomy import code_digest
from workflow_scripts.anatomy.errors import AnatomyError

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
    monkeypatch.setattr(code_digest, "ROOT", tmp_path)
    return library


def changed(project, name, old, new):
    before = code_digest.code_of("script.py")
    path = project / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    code_digest._parse_file.cache_clear()
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
    ],
)
def test_what_changes_the_digest(project, name, old, new, expected):
    assert changed(project, name, old, new) is expected


def test_one_function_of_a_module(project):
    digest = code_digest.code_of("workflow_scripts.lib.second:other")
    (project / "third.py").write_text("def late(x):\n    return 5 * x\n")
    assert code_digest.code_of("workflow_scripts.lib.second:other") == digest


def test_what_does_not_exist(project):
    with pytest.raises(AnatomyError, match="no such module"):
        code_digest.code_of("absent.py")
    with pytest.raises(AnatomyError, match="has no absent"):
        code_digest.code_of("workflow_scripts.lib.second:absent")
