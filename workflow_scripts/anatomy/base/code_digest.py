"""What a rule's result depends on besides its inputs: the code it reaches, as one digest.

Snakemake compares scripts by their time stamps and does not see imported modules. Every rule
therefore passes ``code=code_of("its_script.py")`` as a parameter: a digest of the syntax tree of the
script and of each function, class and constant of this project that it can reach by name. A changed
comment or docstring changes nothing; a changed function body changes exactly the rules that reach it.

Where code lies and what it is called is left out: each definition is known by the number under which
the walk from the entry first meets it, so a module that moves, or a function that gets a better name,
changes no digest, while a name that comes to mean another function does.
"""

import hashlib

from workflow_scripts.anatomy.base.code_parts import PACKAGE, Parts, parts_of
from workflow_scripts.anatomy.base.errors import AnatomyError


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
        self.modules: dict[str, Parts] = {}

    def visit(self, module: str, name: str) -> int:
        """Reach a name of a module, "*" for all of them, and what these reach; return its number."""
        if module not in self.modules:
            self.modules[module] = parts_of(module)
        known = self.modules[module]
        if name in known.imports:
            return self.visit(*known.imports[name])
        if (module, name) in self.numbers:
            return self.numbers[module, name]
        if name not in known.parts:
            raise AnatomyError(f"{module} has no {name}, which the code of a rule asks for")
        number = self.numbers[module, name] = len(self.texts)
        self.texts.append("")
        text, uses = known.parts[name]
        if name not in ("", "*") and "" in known.parts:
            uses = [*uses, ("", "")]
        reached = [self.visit(target or module, wanted) for target, wanted in uses]
        self.texts[number] = f"{text} {reached}"
        return number
