"""What a rule's result depends on besides its inputs: the code it reaches, as one digest.

Snakemake compares scripts by their time stamps and does not see imported modules. Every rule
therefore passes ``code=code_of("its_script.py")`` as a parameter: a digest of the syntax tree of the
script and of each function, class and constant of this project that it can reach by name. A changed
comment or docstring changes nothing; a changed function body changes exactly the rules that reach it.

Where code lies and what it is called is left out: each definition is known by the number under which
the walk from the entry first meets it, so a module that moves, or a function that gets a better name,
changes no digest, while a name that comes to mean another function does.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from workflow_scripts.anatomy.base.errors import AnatomyError

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "workflow_scripts"


def code_of(*entries: str) -> str:
    """Digest of everything that `entries` reach, 16 hexadecimal digits.

    An entry is a script's file name in ``workflow_scripts/`` ("train_saes.py", all of it counts) or
    ``module:name`` with a dotted module ("workflow_scripts.papers.<paper>.figures.fig1:draw").

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
    return hashlib.sha256("\n".join(reach.texts).encode()).hexdigest()[:16]


class _Reach:
    """What is reached so far: a number for each (module, name), and its text; the modules as they are."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, str], int] = {}
        self.texts: list[str] = []
        self.modules: dict[str, _Module] = {}

    def visit(self, module: str, name: str) -> int:
        """Reach a name of a module, "*" for all of them, and what these reach; return its number."""
        if module not in self.modules:
            self.modules[module] = _parse(module)
        parsed = self.modules[module]
        if name in parsed.imports:
            return self.visit(*parsed.imports[name])
        if (module, name) in self.numbers:
            return self.numbers[module, name]
        if name not in parsed.definitions:
            raise AnatomyError(f"{module} has no {name}, which the code of a rule asks for")
        number = self.numbers[module, name] = len(self.texts)
        self.texts.append("")
        text, uses = parsed.part(name)
        if name not in ("", "*") and parsed.definitions[""]:
            uses = [*uses, ("", "")]
        reached = [self.visit(target or module, wanted) for target, wanted in uses]
        self.texts[number] = f"{text} {reached}"
        return number


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
        self.parts: dict[str, tuple[str, list[tuple[str, str]]]] = {}
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

    def part(self, name: str) -> tuple[str, list[tuple[str, str]]]:
        """The text of a definition, and the (module, name) that it uses.

        The module is "" where it is this one. In the text the nth of them is called @n, and the
        definition itself @. Computed once: most rules reach much the same code.
        """
        if name not in self.parts:
            uses: dict[tuple[str, str], int] = {}
            statements = self.definitions[name]
            text = "\n".join(self._text(statement, name, uses) for statement in statements)
            self.parts[name] = text, list(uses)
        return self.parts[name]

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
