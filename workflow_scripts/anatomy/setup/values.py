"""Single values of a configuration: finite numbers and text, whole numbers written as such."""

import math
import re
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean

LARGEST_INTEGER = 2**63 - 1
SHOWN = 200


def require_plain(config: Any, where: str = "") -> None:
    """Nothing but blocks, lists, text, truth values, nulls and finite numbers, however it was read.

    Raises
    ------
    AnatomyError: a number that is infinite, too large or none at all, or a value of another kind.
    """
    if isinstance(config, dict):
        for key, value in config.items():
            require_plain(value, f"{where}.{key}" if where else str(key))
    elif isinstance(config, list):
        for at, value in enumerate(config):
            require_plain(value, f"{where}[{at}]")
    elif isinstance(config, float) and not math.isfinite(config):
        raise AnatomyError(f"config: {where}: {config} is not a finite number")
    elif isinstance(config, int) and abs(config) > LARGEST_INTEGER:
        raise AnatomyError(f"config: {where}: a number of {config.bit_length()} bits is too large")
    elif config is not None and not isinstance(config, str | int | float | bool):
        kind = type(config).__name__
        raise AnatomyError(
            f"config: {where}: {shortened(repr(config))} is a {kind}, not plain data"
        )


def check_scalar(value: Any, node: dict[str, Any], where: str) -> None:
    """What a schema means and its validators do not: 48.0 is no integer, and a pattern is of all the text.

    Raises
    ------
    AnatomyError: the value is not what the node of the schema asks for.
    """
    types = node.get("type", ())
    types = [types] if isinstance(types, str) else types
    if isinstance(value, float) and "integer" in types and "number" not in types:
        better = f"; write {int(value)}" if value.is_integer() else ""
        raise AnatomyError(f"config: {where}: {value!r} is not of type 'integer'{better}")
    if isinstance(value, str) and "pattern" in node:
        pattern = node["pattern"]
        if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value):
            known = node.get("examples", ())
            raise AnatomyError(
                f"config: {where}: {shortened(repr(value))} does not match {pattern}"
                f"{did_you_mean(value, known)}"
            )


def shortened(text: str) -> str:
    """Text of any length as a part of a message."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} ... {text[-SHOWN // 2 :]}"
