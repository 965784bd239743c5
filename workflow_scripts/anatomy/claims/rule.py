"""When a claim holds: a set of numbers that writes its own description."""

import math
from dataclasses import dataclass

HOLDS = "holds"
FAILS = "does not hold"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Rule:
    """The numbers from `low` to `high`, without these two themselves where `strict`.

    Text and decision come from the same three fields, so they cannot differ.
    """

    low: float = -math.inf
    high: float = math.inf
    strict: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (math.isinf(self.low) and math.isinf(self.high)):
            raise ValueError(f"no rule: {self.low} to {self.high}")

    @property
    def text(self) -> str:
        """In words, with every digit of the numbers."""
        low, high = _digits(self.low), _digits(self.high)
        if math.isinf(self.high):
            return f"above {low}" if self.strict else f"at least {low}"
        if math.isinf(self.low):
            return f"below {high}" if self.strict else f"at most {high}"
        return f"between {low} and {high}"

    def contains(self, number: float) -> bool:
        """Whether one number satisfies the rule."""
        if self.strict:
            return self.low < number < self.high
        return self.low <= number <= self.high

    def verdict(self, value: float, lo: float, hi: float) -> str:
        """The verdict on a measurement with its 95 % interval.

        ``holds`` if all of the interval satisfies the rule, ``does not hold`` if none of it does,
        ``undecided`` otherwise. The interval is widened to the value where it leaves it out, and is
        the value alone where its ends are NaN.
        """
        ends = [value, *(end for end in (lo, hi) if not math.isnan(end))]
        low, high = min(ends), max(ends)
        if self.contains(low) and self.contains(high):
            return HOLDS
        apart = high < self.low or low > self.high
        touching = self.strict and (high == self.low or low == self.high)
        return FAILS if apart or touching else UNDECIDED


def at_least(number: float) -> Rule:
    """`number` or more."""
    return Rule(low=number)


def at_most(number: float) -> Rule:
    """`number` or less."""
    return Rule(high=number)


def more_than(number: float) -> Rule:
    """More than `number`."""
    return Rule(low=number, strict=True)


def less_than(number: float) -> Rule:
    """Less than `number`."""
    return Rule(high=number, strict=True)


def between(low: float, high: float) -> Rule:
    """From `low` to `high`, both included."""
    return Rule(low, high)


def positive() -> Rule:
    """More than zero."""
    return more_than(0)


def negative() -> Rule:
    """Less than zero."""
    return less_than(0)


def _digits(number: float) -> str:
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))
