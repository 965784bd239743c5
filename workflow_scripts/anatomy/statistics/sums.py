"""Sums by name: what passes over a harvest leave, block by block."""

from collections import UserDict
from typing import Any


class Sums(UserDict[Any, Any]):
    """Anything that adds up, by name: tensors, moments, further sums. They add name by name; what only
    one of two has stays as it is."""

    def __add__(self, other: "Sums") -> "Sums":
        shared = self.keys() & other.keys()
        return Sums({**self, **other} | {name: self[name] + other[name] for name in shared})
