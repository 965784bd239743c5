"""One number of a card: its value, where it stands, or why there is none."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_DRAWS = np.empty(0)


@dataclass(frozen=True)
class Cell:
    """A value with the ends of its 95 % interval, or the reason why there is none.

    n: how many of what the quantity counts are behind it. table, column: where it stands, the table as a
    path below the run's folder; how: what was made of the column. note: what sets this place apart. draws:
    its value in each resample, (draws,), empty where unknown. A cell without a value has a reason.
    """

    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    n: int | None = None
    table: str = ""
    column: str = ""
    how: str = ""
    note: str = ""
    reason: str = ""
    draws: NDArray = field(default_factory=lambda: NO_DRAWS, repr=False, compare=False)

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def has_interval(self) -> bool:
        """Whether there is a value with an interval."""
        return self.value is not None and self.lo is not None and self.hi is not None

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        source = {"table": self.table, "column": self.column, "how": self.how or None}
        return {
            "value": self.value,
            "lo": self.lo,
            "hi": self.hi,
            "n": self.n,
            "source": source if self.known else None,
            "note": self.note or None,
            "reason": self.reason or None,
        }


def finite(value: Any) -> float | None:
    """A number as a plain float; None where it is missing, NaN or infinite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
