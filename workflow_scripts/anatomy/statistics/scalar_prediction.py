"""Predicting one number per token from a few others: Eq. 13, Eq. 23 and the baselines of Fig. 13.

The products of all columns, summed per group of documents, are all that is kept of the tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.base.draws import Estimate
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.bootstrap import document_interval, r2_from_sums
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.units import Units, sum_by_group


@dataclass(frozen=True)
class Products:
    """Sums of products of columns over the tokens of each group of documents.

    columns: their names; the first is ``one``, the constant 1.
    train, test: (G, q, q) float64, over training and over held-out tokens.
    """

    columns: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray

    def fit(self, target: str, regressors: Sequence[str]) -> np.ndarray:
        """Least-squares weights (r,) of `regressors` on the training tokens; "one" is the intercept.

        Raises
        ------
        AnatomyError: the regressors are linearly dependent.
        """
        rows = [self.columns.index(name) for name in regressors]
        total = self.train.sum(0)
        gram, right = total[np.ix_(rows, rows)], total[rows, self.columns.index(target)]
        scale = np.sqrt(np.diag(gram))
        if (scale == 0).any() or np.linalg.matrix_rank(gram / np.outer(scale, scale)) < len(rows):
            raise AnatomyError(
                f"{', '.join(regressors)} are linearly dependent on the training tokens"
            )
        return np.linalg.solve(gram / np.outer(scale, scale), right / scale) / scale

    def residual2(self, target: str, regressors: Sequence[str], weights: np.ndarray) -> np.ndarray:
        """Squared held-out residuals of a prediction, summed per group, (G,)."""
        combination = np.zeros(len(self.columns))
        combination[self.columns.index(target)] = 1
        for name, weight in zip(regressors, weights, strict=True):
            combination[self.columns.index(name)] -= weight
        return np.einsum("i,gij,j->g", combination, self.test, combination)

    def sums(self, target: str, residual2: np.ndarray) -> dict[str, np.ndarray]:
        """What R^2 on held-out tokens is computed from, for the groups that have any."""
        one, at = self.columns.index("one"), self.columns.index(target)
        parts = {
            "count": self.test[:, one, one],
            "target": self.test[:, one, at],
            "target2": self.test[:, at, at],
            "residual2": residual2,
        }
        return {name: part[parts["count"] > 0] for name, part in parts.items()}

    def ratio(self, target: str, regressor: str, draws: int, seed: int) -> Estimate:
        """The weight of a single regressor without intercept, with its 95 % interval (c* of Eq. 13)."""
        i, j = self.columns.index(target), self.columns.index(regressor)
        kept = self.train[:, 0, 0] > 0
        sums = {"xy": self.train[kept, i, j], "xx": self.train[kept, j, j]}
        return document_interval(lambda s: s["xy"] / s["xx"], sums, draws, seed)

    def r2(self, target: str, regressors: Sequence[str], draws: int, seed: int) -> Estimate:
        """Held-out R^2, about the held-out mean, of the fitted regression, with its 95 % interval."""
        residual2 = self.residual2(target, regressors, self.fit(target, regressors))
        return document_interval(r2_from_sums, self.sums(target, residual2), draws, seed)

    def fvu_decrease(
        self, target: str, fewer: Sequence[str], more: Sequence[str], draws: int, seed: int
    ) -> Estimate:
        """Per cent by which `more` regressors lower the held-out FVU of `fewer` (Fig. 16)."""
        with_fewer, with_more = (
            self.residual2(target, names, self.fit(target, names)) for names in (fewer, more)
        )
        sums = self.sums(target, with_fewer) | {"more": with_more[self.test[:, 0, 0] > 0]}
        return document_interval(
            lambda s: 100 * (1 - s["more"] / s["residual2"]), sums, draws, seed
        )


def products(
    columns: Mapping[str, Callable[[slice], np.ndarray]],
    blocks: Sequence[slice],
    units: Units,
    split: Split,
) -> Products:
    """Gather `Products` in one pass.

    Parameters
    ----------
    columns: name -> function from a slice of contexts to values (c, T).
    blocks: slices of contexts that cover the harvest.
    units: what is independent among the harvest's tokens.
    """
    size, positions = len(columns) + 1, units.shape[1]
    sums = np.zeros((2, units.n_groups, size, size))
    for block in blocks:
        values = [column(block).astype(np.float64) for column in columns.values()]
        stacked = np.stack([np.ones_like(values[0]), *values], -1)
        groups = units.groups(block)
        for side, mask in enumerate(split.masks(block, positions)):
            used = stacked[mask]
            of_tokens = used[:, :, None] * used[:, None, :]
            sums[side] += sum_by_group(of_tokens, groups[mask], units.n_groups)
    return Products(("one", *columns), sums[0], sums[1])
