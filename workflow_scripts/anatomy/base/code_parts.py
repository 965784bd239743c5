"""What a file of this project defines: of each definition a digest of its syntax tree, and what it uses.

To read them out of the syntax trees takes seconds, and Snakemake asks in every process that it starts. So
they are kept beside Python's own bytecode, and hold as long as the source is the same to the byte.
"""

import ast
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import write_json

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "workflow_scripts"
# The digest of a definition, and the (module, name) that it uses. The module is "" where it is its own.
Part = tuple[str, list[tuple[str, str]]]


class Parts(NamedTuple):
    """imports: local name -> (module, name) of this project. parts: name -> its part; "*" stands for all
    statements in their order, and "" for those that define nothing (missing where there are none).
    """

    imports: dict[str, tuple[str, str]]
    parts: dict[str, Part]


def parts_of(module: str) -> Parts:
    """The parts of a module, by its dotted name.

    Raises
    ------
    AnatomyError: there is no such module, or it is not valid Python.
    """
    path = _file(module)
    if path is None:
        raise AnatomyError(f"{module}: no such module in {ROOT}; a rule names it in code_of")
    stat = path.stat()
    return _parts_of_file(path, stat.st_mtime_ns, stat.st_size)


@cache
def _parts_of_file(path: Path, mtime: int, size: int) -> Parts:
    source = path.read_bytes()
    kept = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.parts.json"
    # Of the source, and of the code that reads it.
    digest = hashlib.sha256(_own_source() + source).hexdigest()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if (found := _read(kept, digest)) is not None:
            return found
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise AnatomyError(f"{path}:{error.lineno}: {error.msg}") from error
    module = _Module(tree)
    found = Parts(module.imports, module.parts())
    with contextlib.suppress(OSError):  # a folder that cannot be written to
        _write(kept, digest, _submodules(tree), found)
    return found


@cache
def _own_source() -> bytes:
    return Path(__file__).read_bytes()


def _read(path: Path, digest: str) -> Parts | None:
    """What is kept, where it is of this source and its imports still mean modules, or names, as they did."""
    kept = json.loads(path.read_text())
    if kept["digest"] != digest or any(
        (_file(module) is not None) != there for module, there in kept["submodules"].items()
    ):
        return None
    return Parts(
        {local: (module, name) for local, (module, name) in kept["imports"].items()},
        {
            name: (text, [(module, used) for module, used in uses])
            for name, (text, uses) in kept["parts"].items()
        },
    )


def _write(path: Path, digest: str, submodules: Iterable[str], parts: Parts) -> None:
    there = {module: _file(module) is not None for module in submodules}
    write_json(path, {"digest": digest, "submodules": there, **parts._asdict()})


def _submodules(tree: ast.Module) -> set[str]:
    """What imports from this project name, as if each were a module."""
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE)
        for alias in node.names
    }


class _Module:
    """The top level of one file.

    definitions: name -> its statements; "*" stands for all statements in their order, and "" for
    those that define nothing. imports: local name -> (module, name) of this project; packages: local
    name -> what it means of another one.
    """

    def __init__(self, tree: ast.Module):
        self.definitions: dict[str, list[ast.stmt]] = {"*": [], "": []}
        self.imports: dict[str, tuple[str, str]] = {}
        self.packages: dict[str, str] = {}
        for statement in tree.body:
            for name in self._defined(statement):
                self.definitions.setdefault(name, []).append(statement)

    def _defined(self, statement: ast.stmt) -> list[str]:
        """Under which names of `definitions` a statement belongs; imports are noted."""
        match statement:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                return ["*", name]
            case ast.Import() | ast.ImportFrom():
                for local, (module, name) in _targets(statement).items():
                    if module.startswith(PACKAGE):
                        self.imports[local] = module, name
                    else:
                        self.packages[local] = f"{module}:{name}"
                return []
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                targets = (
                    statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                )
                names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
                return ["*", *names]
            case ast.Expr(value=ast.Constant()):
                return []
        return ["*", ""]

    def parts(self) -> dict[str, Part]:
        """Every definition's part; "" is there where some statement defines nothing."""
        return {name: self._part(name) for name, found in self.definitions.items() if found or name}

    def _part(self, name: str) -> Part:
        uses: dict[tuple[str, str], int] = {}
        text = "\n".join(self._text(each, name, uses) for each in self.definitions[name])
        return hashlib.sha256(text.encode()).hexdigest()[:16], list(uses)

    def _text(self, statement: ast.stmt, name: str, uses: dict[tuple[str, str], int]) -> str:
        """The syntax tree of a statement, without docstrings, places and this project's names."""
        copy = ast.parse(ast.unparse(statement))
        nodes = list(ast.walk(copy))
        visible = dict(self.imports)
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                targets = _targets(node)
                visible |= {k: t for k, t in targets.items() if t[0].startswith(PACKAGE)}
        attributes = {
            id(node.value): node.attr
            for node in nodes
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        for node in nodes:
            if isinstance(node, ast.Name) and (
                use := self._use(node, name, visible, attributes.get(id(node), "*"))
            ):
                node.id = use if isinstance(use, str) else f"@{uses.setdefault(use, len(uses))}"
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if node is copy.body[0]:
                    node.name = "@"
                first = node.body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    node.body = node.body[1:] or [ast.Pass()]
        return ast.dump(_Unplaced().visit(copy))

    def _use(
        self, node: ast.Name, name: str, visible: dict[str, tuple[str, str]], attribute: str
    ) -> tuple[str, str] | str:
        """What a name means: a (module, name) of this project, what to write for it, or "" for itself."""
        if node.id == name:
            return "@"
        if node.id in visible:
            module, wanted = visible[node.id]
            # `module.name` reaches that name alone, not the whole module.
            return module, attribute if wanted == "*" else wanted
        if node.id in self.definitions:
            return "", node.id
        return self.packages.get(node.id, "")


class _Unplaced(ast.NodeTransformer):
    """Takes out imports of this project: the names that they bring are followed where they are used."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        return None if (node.module or "").startswith(PACKAGE) else node


def _targets(statement: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, str]]:
    """Local name -> (module, name in it) of an import; "*" stands for a whole module."""
    if isinstance(statement, ast.Import):
        return {a.asname or a.name.split(".")[0]: (a.name, "*") for a in statement.names}
    module = statement.module or ""
    found = {}
    for alias in statement.names:
        submodule = f"{module}.{alias.name}"
        target = (submodule, "*") if _file(submodule) else (module, alias.name)
        found[alias.asname or alias.name] = target
    return found


def _file(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None
