"""What a rule's result depends on besides its inputs: the code it reaches, as one digest.

Snakemake compares scripts by their time stamps and does not see imported modules. Every rule
therefore passes ``code=code_of("its_script.py")`` as a parameter: a digest of the syntax tree of the
script and of each function, class and constant of this project that it can reach by name. A changed
comment or docstring changes nothing; a changed function body changes exactly the rules that reach it.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from workflow_scripts.anatomy.errors import AnatomyError

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "workflow_scripts"


def code_of(*entries: str) -> str:
    """Digest of everything that `entries` reach, 16 hexadecimal digits.

    An entry is a script's file name in ``workflow_scripts/`` ("train_saes.py", all of it counts) or
    ``module:name`` with a dotted module ("workflow_scripts.anatomy.figures.dark_matter.fig1:draw").

    Raises
    ------
    AnatomyError: an entry does not exist, or is not valid Python.
    """
    reached: dict[tuple[str, str], str] = {}
    for entry in entries:
        module, _, name = entry.partition(":")
        if module.endswith(".py"):
            module = f"{PACKAGE}.{module.removesuffix('.py')}"
        _visit(module, name or "*", reached)
    content = "\n".join(
        f"{module}:{name} {code}" for (module, name), code in sorted(reached.items())
    )
    return hashlib.sha256(content.encode()).hexdigest()[:16]


class _Module:
    """The top level of one file: definitions by name, imports by local name, and the rest."""

    def __init__(self, tree: ast.Module):
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.rest: list[ast.stmt] = []
        for statement in tree.body:
            self._place(statement)

    def _place(self, statement: ast.stmt) -> None:
        match statement:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                self.definitions.setdefault(name, []).append(statement)
            case ast.Import() | ast.ImportFrom():
                for local, target in _targets(statement).items():
                    if target[0].startswith(PACKAGE):
                        self.imports[local] = target
                    else:
                        self.definitions.setdefault(local, []).append(statement)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                targets = (
                    statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                )
                names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
                for name in names:
                    self.definitions.setdefault(name, []).append(statement)
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                self.rest.append(statement)


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


def _parse(module: str) -> _Module:
    path = _file(module)
    if path is None:
        raise AnatomyError(f"{module}: no such module in {ROOT}; a rule names it in code_of")
    stat = path.stat()
    return _parse_file(path, stat.st_mtime_ns, stat.st_size)


@cache
def _parse_file(path: Path, mtime: int, size: int) -> _Module:
    try:
        return _Module(ast.parse(path.read_text()))
    except SyntaxError as error:
        raise AnatomyError(f"{path}:{error.lineno}: {error.msg}") from error


def _visit(module: str, name: str, reached: dict[tuple[str, str], str]) -> None:
    if (module, name) in reached:
        return
    parsed = _parse(module)
    if name == "*":
        reached[module, name] = ""
        for each in parsed.definitions:
            _visit(module, each, reached)
    elif name in parsed.definitions:
        _include(module, name, parsed.definitions[name], reached)
    elif name in parsed.imports:
        _visit(*parsed.imports[name], reached)
        return
    else:
        raise AnatomyError(f"{module} has no {name}, which the code of a rule asks for")
    if (module, "") not in reached:
        _include(module, "", parsed.rest, reached)


def _include(
    module: str, name: str, statements: list[ast.stmt], reached: dict[tuple[str, str], str]
) -> None:
    reached[module, name] = "\n".join(_dump(statement) for statement in statements)
    parsed = _parse(module)
    for statement in statements:
        modules = {}
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for local, target in _targets(node).items():
                    if target[0].startswith(PACKAGE):
                        modules[local] = target
        visible = parsed.imports | modules
        attributes = {
            id(node.value): node.attr
            for node in ast.walk(statement)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        for target_module, target_name in modules.values():
            if target_name != "*":
                _visit(target_module, target_name, reached)
        for node in ast.walk(statement):
            if not isinstance(node, ast.Name):
                continue
            if node.id in visible:
                target_module, target_name = visible[node.id]
                # `module.name` reaches that name alone, not the whole module.
                wanted = attributes.get(id(node), "*") if target_name == "*" else target_name
                _visit(target_module, wanted, reached)
            elif node.id in parsed.definitions and node.id != name:
                _visit(module, node.id, reached)


def _dump(statement: ast.stmt) -> str:
    """The syntax tree of a statement as text, without docstrings and places."""
    copy = ast.parse(ast.unparse(statement))
    for node in ast.walk(copy):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(copy)
