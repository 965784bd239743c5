"""Labelled examples: what probes are trained and tested on, and how they are drawn.

Documents are on one side of the split each, so what is tested is never from a document that something
was chosen or fitted on. Every class is a problem of its own: its examples against as many others, a
random mix of the other classes.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.statistics.units import N_GROUPS

# A class that cannot be told on fewer documents of each side is left out.
MIN_DOCUMENTS = 2


@dataclass(frozen=True)
class Problem:
    """One class of a data set against a balanced, random mix of its other classes.

    family: the problems among which latents are ablated for one and judged by all.
    rows: (n,) int64, ascending, places among the examples; positive: (n,) bool.
    """

    dataset: str
    label: str
    family: str
    rows: np.ndarray
    positive: np.ndarray


@dataclass(frozen=True)
class Examples:
    """Examples of one labelled entry of the configuration, shared by its problems.

    documents: (E,) int64, the document of each. train: (E,) bool, whether that is trained on.
    places: (E, 3) int64, context, first position and the one after the last of the tokens that an
        example is; empty where examples are texts.
    """

    documents: np.ndarray
    train: np.ndarray
    problems: list[Problem]
    places: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    def require_problems(self, name: str) -> None:
        """Refuse an entry of the configuration on which there is nothing to probe.

        Raises
        ------
        AnatomyError: no class has enough documents on either side.
        """
        if not self.problems:
            raise AnatomyError(
                f"labelled.{name}: no class has examples in {MIN_DOCUMENTS} documents to train on and in "
                f"{MIN_DOCUMENTS} others to test on; give it more documents, or probe another set"
            )

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it by name, for a file."""
        about = [[each.dataset, each.label, each.family] for each in self.problems]
        found = {"documents": self.documents, "train": self.train, "places": self.places}
        found["about"] = np.array(json.dumps(about))
        for at, problem in enumerate(self.problems):
            found |= {f"rows{at}": problem.rows, f"positive{at}": problem.positive}
        return found

    @classmethod
    def of(cls, arrays: Any) -> "Examples":
        """Back from `arrays`, or from the file that holds them."""
        problems = [
            Problem(dataset, label, family, arrays[f"rows{at}"], arrays[f"positive{at}"])
            for at, (dataset, label, family) in enumerate(json.loads(str(arrays["about"])))
        ]
        return cls(arrays["documents"], arrays["train"], problems, arrays["places"])


def judged_groups(documents: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, int]:
    """Groups in which test documents are resampled: one a document, up to `N_GROUPS`, dealt in turn.

    documents, train: (E,). Returns the group of every example, (E,) int64, 0 for those trained on, and how
    many groups there are.
    """
    every = np.unique(documents[~train])
    n = min(len(every), N_GROUPS)
    return np.where(train, 0, np.searchsorted(every, documents) % max(n, 1)), n


@dataclass(frozen=True)
class Amounts:
    """How many examples a problem gets: of a class and as many of the others, on each side.

    share: the largest part of a class's examples on a side that is of one document.
    """

    train: int
    test: int
    share: float

    def of_class(self, train: bool) -> int:
        """Examples of each class on one side."""
        return (self.train if train else self.test) // 2


def drawn(
    classes: np.ndarray, documents: np.ndarray, train: np.ndarray, amounts: Amounts, seed: int
) -> np.ndarray:
    """Draw the examples of a data set: of each class and side up to the amount, spread over documents.

    Parameters
    ----------
    classes: (N,) int, the class of each candidate, -1 for none; documents: (N,) int; train: (N,) bool.

    Returns
    -------
    Places of those drawn, (n,) int64 ascending.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    chosen = []
    for each in np.unique(classes[classes >= 0]):
        for side in (True, False):
            candidates = order[(classes[order] == each) & (train[order] == side)]
            wanted = amounts.of_class(side)
            most = max(1, int(amounts.share * wanted + 1e-9))
            chosen.append(candidates[_rank(documents[candidates]) < most][:wanted])
    return np.sort(np.concatenate([*chosen, np.zeros(0, np.int64)]))


def _rank(values: np.ndarray) -> np.ndarray:
    """How many equal ones stand before each value, (n,) int64."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(ordered)), 0))
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values)) - starts
    return rank


def one_against_others(
    dataset: str,
    names: list[str],
    classes: np.ndarray,
    documents: np.ndarray,
    train: np.ndarray,
    rows: np.ndarray,
    seed: int,
    only: list[str] | None = None,
    family: str | None = None,
) -> list[Problem]:
    """A problem for each class: on each side as many others as of the class, or fewer of both.

    Parameters
    ----------
    names: of the classes; classes, documents, train: (n,) of the examples drawn.
    rows: (n,) int64, their places among the examples.
    only: the classes that get a problem; default all, or the first where there are two.
    family: default the data set's own.
    """
    if only is None:
        only = names[:1] if len(names) == 2 else names
    rng = np.random.default_rng([seed, 1])
    problems = []
    for number, name in enumerate(names):
        if name not in only:
            continue
        kept, counts = [], []
        for side in (True, False):
            mine = np.flatnonzero((classes == number) & (train == side))
            others = np.flatnonzero((classes != number) & (train == side))
            counts.append(min(len(np.unique(documents[each])) for each in (mine, others)))
            size = min(len(mine), len(others))
            kept += [rng.permutation(each)[:size] for each in (mine, others)]
        if min(counts) < MIN_DOCUMENTS:
            log.info(
                f"{dataset}: {name} is left out: {counts[0]} documents to train on, {counts[1]} to test"
            )
            continue
        places = np.sort(np.concatenate(kept))
        found = rows[places], classes[places] == number
        problems.append(Problem(dataset, name, family or dataset, *found))
    return problems
