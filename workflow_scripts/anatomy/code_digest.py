"""What a rule's result depends on besides its inputs: the code it reaches, as one digest.

Snakemake compares scripts by their time stamps and does not see imported modules. Every rule
therefore passes ``code=code_of("its_script.py")`` as a parameter: a digest of the syntax tree of the
script and of each function, class and constant of this project that it can reach by name. A changed
comment or docstring changes nothing; a changed function body changes exactly the rules that reach it.
"""

import ast
import hashlib
from collections.abc import Iterator
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
    reach = _Reach()
    for entry in entries:
        module, _, name = entry.partition(":")
        if module.endswith(".py"):
            module = f"{PACKAGE}.{module.removesuffix('.py')}"
        reach.visit(module, name or "*")
    content = "\n".join(
        f"{module}:{name} {code}" for (module, name), code in sorted(reach.texts.items())
    )
    return hashlib.sha256(content.encode()).hexdigest()[:16]


class _Reach:
    """What is reached so far: the text of each (module, name); and the modules as they are now."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], str] = {}
        self.modules: dict[str, _Module] = {}

    def visit(self, module: str, name: str) -> None:
        """Reach a name of a module, "*" for all of them, and what these reach."""
        if (module, name) in self.texts:
            return
        if module not in self.modules:
            self.modules[module] = _parse(module)
        parsed = self.modules[module]
        if name == "*":
            self.texts[module, name] = ""
            for each in parsed.definitions:
                self.visit(module, each)
        elif name in parsed.definitions:
            self._include(module, name)
        elif name in parsed.imports:
            self.visit(*parsed.imports[name])
            return
        else:
            raise AnatomyError(f"{module} has no {name}, which the code of a rule asks for")
        if (module, "") not in self.texts:
            self._include(module, "")

    def _include(self, module: str, name: str) -> None:
        self.texts[module, name], uses = self.modules[module].part(name)
        for target_module, target_name in uses:
            self.visit(target_module or module, target_name)


class _Module:
    """The top level of one file: definitions by name, imports by local name, and the rest."""

    def __init__(self, tree: ast.Module):
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.rest: list[ast.stmt] = []
        self.parts: dict[str, tuple[str, list[tuple[str, str]]]] = {}
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

    def part(self, name: str) -> tuple[str, list[tuple[str, str]]]:
        """The text of a definition, or of the rest (""), and the (module, name) that it uses.

        The module is "" where it is this one. Computed once: most rules reach much the same code.
        """
        if name not in self.parts:
            statements = self.definitions[name] if name else self.rest
            uses = [use for statement in statements for use in self._uses(statement, name)]
            text = "\n".join(_dump(statement) for statement in statements)
            self.parts[name] = text, list(dict.fromkeys(uses))
        return self.parts[name]

    def _uses(self, statement: ast.stmt, name: str) -> Iterator[tuple[str, str]]:
        nodes = list(ast.walk(statement))
        modules = {}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for local, target in _targets(node).items():
                    if target[0].startswith(PACKAGE):
                        modules[local] = target
        visible = self.imports | modules
        attributes = {
            id(node.value): node.attr
            for node in nodes
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        yield from (target for target in modules.values() if target[1] != "*")
        for node in nodes:
            if not isinstance(node, ast.Name):
                continue
            if node.id in visible:
                module, wanted = visible[node.id]
                # `module.name` reaches that name alone, not the whole module.
                yield module, attributes.get(id(node), "*") if wanted == "*" else wanted
            elif node.id in self.definitions and node.id != name:
                yield "", node.id


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


def _dump(statement: ast.stmt) -> str:
    """The syntax tree of a statement as text, without docstrings and places."""
    copy = ast.parse(ast.unparse(statement))
    for node in ast.walk(copy):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(copy)
