"""Rules of the house that no reader should have to check by eye."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "workflow_scripts").glob("*.py"))
LIBRARY = sorted(
    path
    for room in ("anatomy", "papers")
    for path in (ROOT / "workflow_scripts" / room).rglob("*.py")
)
FIGURES = [path for path in LIBRARY if "figures" in path.parts]
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.]+")
IMPORT_SAE_LENS = {"loading", "trainers", "sparse_training", "sparse_penalties", "sparse_trainer"}


def name_of(path):
    return str(path.relative_to(ROOT))


def pins():
    lines = (ROOT / "envs" / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@cache
def imports(path, everywhere):
    """Dotted names that a file imports: at module level, or `everywhere` (inside functions too)."""
    found = set()
    open_nodes = list(ast.parse(path.read_text()).body)
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not everywhere
        ):
            continue
        open_nodes += ast.iter_child_nodes(node)
    return frozenset(found)


def file_of(module):
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def loaded_by(path):
    """Packages from elsewhere that importing a file loads, itself or through this project."""
    seen, waiting, outside = set(), [path], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for module in imports(current, everywhere=False):
            own = file_of(module) if module.startswith("workflow_scripts") else None
            if own is not None:
                waiting.append(own)
            elif not module.startswith("workflow_scripts"):
                outside.add(module.split(".")[0])
    return outside


def test_the_lock_is_plain_pins():
    for line in pins():
        assert PIN.fullmatch(line), f"envs/requirements.txt: {line!r} is no plain pin"
    names = [re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in pins()]
    assert len(names) == len(set(names)), "a package is pinned twice"
    assert pins()[0] == "torch==2.13.0"
    assert "torchvision" not in names, (
        "beside a CPU build of torch it breaks the import of transformers"
    )


def test_conda_installs_exactly_the_lock():
    dependencies = yaml.safe_load((ROOT / "envs" / "environment.yaml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    assert pip == pins(), "run `make lock`"
    others = [entry for entry in dependencies if not isinstance(entry, dict)]
    assert [re.split("[=<>]", entry)[0] for entry in others] == ["python", "pip"]


def test_the_readme_starts_with_two_commands():
    text = (ROOT / "README.md").read_text()
    first = re.search(r"^```(?:bash|sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL).group(1)
    commands = [line for line in first.splitlines() if line.strip()]
    assert len(commands) == 2
    assert commands[0].startswith("git clone ")
    assert commands[1] == "make run"


@pytest.mark.parametrize(
    "example",
    [
        block
        for block in re.findall(
            r"^```yaml\n(.*?)^```",
            (ROOT / "docs" / "bring-your-own.md").read_text(),
            re.MULTILINE | re.DOTALL,
        )
        if block.startswith("run:")
    ],
    ids=lambda block: block.split("\n")[0].removeprefix("run: "),
)
def test_the_whole_configurations_of_the_documentation_are_valid(example):
    from workflow_scripts.anatomy.setup.catalogue import catalogue
    from workflow_scripts.papers.registry import check

    assert catalogue(check(yaml.safe_load(example)))


@pytest.mark.parametrize(
    "path",
    [
        *(ROOT / name for name in ("README.md", "Makefile", ".ci/run", "pyproject.toml")),
        *sorted((ROOT / "envs").iterdir()),
        *sorted((ROOT / "presets").glob("*.yaml")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted(path for path in (ROOT / "profiles").rglob("*") if path.is_file()),
    ],
    ids=name_of,
)
def test_nothing_is_bound_to_one_index_or_machine(path):
    text = path.read_text()
    for word in ("pypi", "pythonhosted", "index-url", "find-links", "--hash", "trusted-host"):
        assert word not in text.lower(), f"{name_of(path)} names {word}"
    assert not re.search(r"(?<![\w.<>/])/(?:home|root|opt|work|tmp|mnt)/", text), name_of(path)


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_is_short_and_says_what_it_does(path):
    assert len(path.read_text().splitlines()) <= 60
    assert ast.get_docstring(ast.parse(path.read_text()))
    assert "__future__" not in imports(path, everywhere=True), (
        "Snakemake's preamble comes before it"
    )


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_a_library_module_is_one_idea(path):
    assert len(path.read_text().splitlines()) <= 300
    assert ast.get_docstring(ast.parse(path.read_text()))
    assert path.stem not in {"utils", "helpers", "common", "misc"}


# What starts Snakemake with a scheduler that writes jobs down.
SNAKEMAKE = ROOT / "workflow_scripts/anatomy/launch/forecast/dry_run.py"


@pytest.mark.parametrize("path", [path for path in LIBRARY if path != SNAKEMAKE], ids=name_of)
def test_the_library_never_sees_snakemake(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Name) and node.id == "snakemake")
    assert "snakemake" not in {module.split(".")[0] for module in imports(path, everywhere=True)}


@pytest.mark.parametrize("path", [*SCRIPTS, *LIBRARY], ids=name_of)
def test_sae_lens_is_imported_where_it_must_be_and_nowhere_else(path):
    users = {
        module for module in imports(path, everywhere=True) if module.split(".")[0] == "sae_lens"
    }
    assert not users or path.stem in IMPORT_SAE_LENS


@pytest.mark.parametrize(
    "path",
    [*FIGURES, *(path for path in SCRIPTS if path.stem.startswith("draw"))],
    ids=name_of,
)
def test_drawing_loads_nothing_that_computes(path):
    heavy = {"torch", "transformers", "sae_lens", "zarr", "dask", "datasets"}
    assert not loaded_by(path) & heavy


def test_the_launcher_starts_fast():
    """`make run` with nothing to do must not wait for imports."""
    own = {"psutil", "yaml", "workflow_scripts"}
    third_party = loaded_by(ROOT / "workflow_scripts" / "anatomy" / "launch" / "__main__.py") - own
    assert not third_party & {
        "numpy",
        "torch",
        "pandas",
        "snakemake",
        "zarr",
        "scipy",
        "matplotlib",
    }
