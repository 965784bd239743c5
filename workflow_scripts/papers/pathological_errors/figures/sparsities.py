"""SAEs of several sizes by their sparsity: which of them a line joins, and how the line looks.

Some architectures have their L0 built in, and SAEs of all sizes have the same few. One with a penalty
has a coefficient, and its L0 drifts as the dictionary grows. So lines go from each L0 to the nearest
one of the next size, and are not of bins of L0, which such a line would leave half way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

# Octaves of L0: SAEs of one size that differ by less, such as seeds, have one L0; so have lines.
ALIKE = 0.25
# And the next size's L0 is the same sparsity up to so many.
NEXT = 0.6
# Of an SAE for which nothing fires; no other one is near it.
SILENT = -20.0
STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (7, 1.5, 1, 1.5, 1, 1.5)))


@dataclass(frozen=True)
class Level:
    """Lines of about one L0, and the style that they share.

    l0s: of their SAEs, by the rows of the table that these are in.
    """

    l0s: pd.Series
    style: Any

    @property
    def label(self) -> str:
        """For a legend."""
        low, high = self.l0s.min(), self.l0s.max()
        if high <= 1.1 * low:
            return f"L0 ≈ {self.l0s.median():.2g}"
        return f"L0 {low:.2g} to {high:.2g}"

    def has(self, line: pd.DataFrame) -> bool:
        """Whether a line is of these."""
        return line.index.isin(self.l0s.index).all()


def lines_of(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of SAEs of one architecture in lines along sizes, sparse ones first; what is alone has none.

    SAEs of one size and L0 are together. From one size to the next those are joined that are nearest to
    each other, both ways, within a factor of 1.5 or so.
    """
    octaves = _octaves(table["l0"])
    lines: list[list[pd.Index]] = []
    for _, of_size in octaves.groupby(table["width"]):
        nodes = _groups(of_size, ALIKE)
        ends = [float(octaves[line[-1]].mean()) for line in lines]
        centres = [float(of_size[node].mean()) for node in nodes]
        apart = np.abs(np.subtract.outer(ends, centres))
        for at, node in enumerate(nodes):
            # A size may lack an L0, so of every line that there is, and not only of the last size's.
            line = int(apart[:, at].argmin()) if ends else -1
            if ends and apart[line, at] <= NEXT and apart[line].argmin() == at:
                lines[line].append(node)
            else:
                lines.append([node])
    joined = [table.loc[np.concatenate(line)] for line in lines if len(line) > 1]
    return sorted(joined, key=lambda line: line["l0"].mean())


def levels_of(lines: Sequence[pd.DataFrame], most: int) -> list[Level]:
    """The L0s of lines, ascending, each with a style of its own; none where there are more than `most` or styles."""
    centres = pd.Series([float(_octaves(line["l0"]).mean()) for line in lines], dtype=float)
    groups = _groups(centres, ALIKE)
    if len(groups) > min(most, len(STYLES)):
        return []
    members = [pd.concat([lines[at]["l0"] for at in group]) for group in groups]
    return [Level(l0s, style) for l0s, style in zip(members, STYLES, strict=False)]


def _octaves(l0: pd.Series) -> pd.Series:
    return np.log2(l0.where(l0 > 0)).fillna(SILENT)


def _groups(octaves: pd.Series, apart: float) -> list[pd.Index]:
    """Indices of numbers, ascending, in groups: each ends where the next number is more than `apart` from its first."""
    groups: list[list[Any]] = []
    for index, value in octaves.sort_values(kind="stable").items():
        if groups and value - octaves[groups[-1][0]] <= apart:
            groups[-1].append(index)
        else:
            groups.append([index])
    return [pd.Index(group) for group in groups]
