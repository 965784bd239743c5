"""Names: of what is in a configuration, and of the files that are made of it."""

import re
from collections.abc import Iterable
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
LONGEST = 100
# Folders that a store and the results have of their own.
OF_THE_STORE = ("datasets", "labelled", "logs", "interpretability")
OF_THE_RESULTS = ("store",)


def check_name(where: str, name: Any) -> None:
    """A name becomes a folder, a part of a file's name, and a word of a pattern.

    Raises
    ------
    AnatomyError: it is no text, too long, or has characters that mean something else somewhere.
    """
    if not isinstance(name, str):
        raise AnatomyError(f"config: {where}: the name {name!r} is not text; put it in quotes")
    if len(name) > LONGEST:
        raise AnatomyError(
            f"config: {where[:80]}: a name of {len(name)} characters; {LONGEST} are the most"
        )
    if not NAME.fullmatch(name):
        raise AnatomyError(
            f"config: {where}: {name!r} does not match what names are: letters, digits, _, . and -, "
            "beginning with a letter or digit"
        )


def check_reserved(config: dict[str, Any]) -> None:
    """No model and no run may be called like a folder that lies beside theirs.

    Raises
    ------
    AnatomyError: one is.
    """
    for name in config["models"]:
        if name.lower() in OF_THE_STORE:
            raise AnatomyError(
                f"config: models.{name}: results/store/{name} is a folder of its own; take another name"
            )
    if config["run"].lower() in OF_THE_RESULTS:
        raise AnatomyError(f"config: run: results/{config['run']} is the store; take another name")


def any_of(names: Iterable[str]) -> str:
    """A pattern that matches these names and nothing else; without any, it matches nothing."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def number_in_name(number: float) -> str:
    """A number as a part of a name: the same for equal numbers, another for others, no + in it."""
    if float(number).is_integer() and abs(number) < 1e16:
        return str(int(number))
    return repr(float(number)).replace("+", "")
