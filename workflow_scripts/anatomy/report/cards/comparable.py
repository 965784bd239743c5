"""What an SAE's numbers are beside those of comparable SAEs: the same model and site, and about the same L0."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from workflow_scripts.anatomy.report.cards.cell import Cell
from workflow_scripts.anatomy.report.cards.quantities import Quantity
from workflow_scripts.anatomy.report.cards.shown import number, ordinal

L0_WITHIN = 0.25  # of the SAE's own L0
FEW = 3  # of fewer others a median says nothing that they themselves do not


@dataclass(frozen=True)
class Comparison:
    """A number among those of comparable SAEs that have it.

    others: their values, in the run's order. median: of the others, None where they are too few for one.
    rank: of this one among all of them,
    1 is the best, or the smallest where neither direction is better; of equals the best, and tied is how many
    others have the same value. of: how many there
    are, this one among them. without: how many comparable SAEs are not among them, since this number was not
    measured of them in the same place. seeds: how many SAEs that differ in the seed alone have it, this one among
    them; seed_lo and seed_hi: the ends of their values. verdict: "better" or "worse" than the median where
    neither the interval nor the spread over seeds leaves a doubt, else "".
    """

    others: tuple[float, ...]
    median: float | None
    rank: int
    of: int
    seeds: int = 1
    seed_lo: float | None = None
    seed_hi: float | None = None
    verdict: str = ""
    tied: int = 0
    without: int = 0

    def words(self, quantity: Quantity, value: float) -> str:
        """As "3rd of 11, median 0.0311; 3 seeds: 0.030 to 0.032; better than the median"."""
        digits = quantity.digits
        text = self.place(quantity)
        if self.tied < self.of - 1:
            text += f", {self.beside(quantity)}"
        if self.seed_lo is not None and self.seed_hi is not None:
            low, high = (number(end, digits, value) for end in (self.seed_lo, self.seed_hi))
            text += f"; {self.seeds} seeds: {f'all {low}' if low == high else f'{low} to {high}'}"
        return f"{text}; {self.verdict} than the median" if self.verdict else text

    def beside(self, quantity: Quantity) -> str:
        """What the others have: "median of the others 0.0311", and of few "the other has 0.0311"."""
        if self.median is not None:
            return f"median of the others {number(self.median, quantity.digits)}"
        values = " and ".join(number(each, quantity.digits) for each in self.others)
        return f"the {'others have' if len(self.others) > 1 else 'other has'} {values}"

    def place(self, quantity: Quantity) -> str:
        """As "3rd of 11", "3rd of the 7 measured so"; where neither direction is better, "3rd lowest of 11"."""
        if self.tied == self.of - 1:
            return f"the same in all {self.all_measured}"
        equal, of = "equal " if self.tied else "", f"of {'the ' * bool(self.without)}"
        of += self.all_measured
        if quantity.better != "none":
            return f"{equal}{ordinal(self.rank)} {of}"
        if self.rank in (1, self.of):
            return f"{equal}{'lowest' if self.rank == 1 else 'highest'} {of}"
        return f"{equal}{ordinal(self.rank)} lowest {of}"

    @property
    def all_measured(self) -> str:
        """How many there are, and whether these are not all comparable ones: "11", "7 measured so"."""
        return f"{self.of} measured so" if self.without else f"{self.of}"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "median": self.median,
            "rank": self.rank,
            "of": self.of,
            "without": self.without,
            "tied": self.tied,
            "seeds": self.seeds,
            "seed_lo": self.seed_lo,
            "seed_hi": self.seed_hi,
            "verdict": self.verdict or None,
        }


def comparable(l0s: Sequence[float | None], sites: Sequence[Any], at: int) -> list[int]:
    """Which of a run's SAEs are comparable with the one at `at`, itself left out.

    l0s: their mean numbers of active latents; one without is comparable with none. sites: model and site.
    """
    own = l0s[at]
    if not own:
        return []
    return [
        other
        for other, l0 in enumerate(l0s)
        if other != at
        and l0 is not None
        and sites[other] == sites[at]
        and abs(l0 - own) <= L0_WITHIN * own
    ]


def compare(
    quantity: Quantity, own: Cell, others: Mapping[int, Cell], seeds: Sequence[Cell]
) -> Comparison | None:
    """The number of an SAE among comparable ones; None where it has none, or no other has one.

    others: those of the comparable SAEs. seeds: those of SAEs that differ in the seed alone. A number from
    another place, as its note says, is not set beside this one; where another seed's stands there, what the seed
    changes is not known, and there is no verdict.
    """
    values = tuple(_like(own, others.values()))
    if own.value is None or not values:
        return None
    value, sign = own.value, -1 if quantity.better == "higher" else 1
    of_seeds = [value, *_like(own, seeds)]
    several = len(of_seeds) > 1
    middle = median(values) if len(values) >= FEW else None
    spread = max(of_seeds) - min(of_seeds)
    unknown = len(of_seeds) <= sum(seed.known for seed in seeds)
    return Comparison(
        others=values,
        median=middle,
        rank=1 + sum(sign * other < sign * value for other in values),
        of=1 + len(values),
        tied=sum(other == value for other in values),
        without=len(others) - len(values),
        seeds=len(of_seeds),
        seed_lo=min(of_seeds) if several else None,
        seed_hi=max(of_seeds) if several else None,
        verdict="" if middle is None or unknown else _verdict(quantity, own, middle, spread),
    )


def _like(own: Cell, others: Iterable[Cell]) -> Iterator[float]:
    """The values of cells that are from the same place as `own`."""
    for cell in others:
        if cell.value is not None and cell.note == own.note:
            yield cell.value


def _verdict(quantity: Quantity, own: Cell, middle: float, spread: float) -> str:
    if quantity.better == "none" or own.value is None or own.lo is None or own.hi is None:
        return ""
    outside = own.hi < middle or own.lo > middle
    if not outside or abs(own.value - middle) <= spread:
        return ""
    return "better" if (own.value < middle) == (quantity.better == "lower") else "worse"
