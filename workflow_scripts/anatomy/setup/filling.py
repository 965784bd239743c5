"""What is filled into a configuration that leaves something out, and where it is from."""

from dataclasses import dataclass
from typing import Any

# Kinds of SAEs that are not trained in the run: these say something of themselves.
IMPORTED = ("local", "pretrained")


@dataclass(frozen=True)
class Filled:
    """One key that a configuration left out: its value, and where that is from."""

    key: str
    value: Any
    source: str


def add(
    added: list[Filled],
    block: dict[str, Any],
    key: str,
    value: Any,
    source: str,
    where: str = "",
) -> None:
    """Put a key into a block of the configuration, and note it."""
    block[key] = value
    added.append(Filled(f"{where}.{key}" if where else key, value, source))


def are_blocks(value: Any) -> bool:
    """Whether a part of the configuration is entries by name, each with keys of its own."""
    return (
        isinstance(value, dict) and bool(value) and all(isinstance(v, dict) for v in value.values())
    )
