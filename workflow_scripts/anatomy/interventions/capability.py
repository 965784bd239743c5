"""A capability of a language model: telling which of a few tokens comes next.

It is given by groups of tokens and by rivals. At every position whose next token is of a group, the
model's share for the right group is p(group) / (p(all groups) + p(rivals)); the capability is the mean
over groups of the mean share at their positions. With two groups and no rivals (he, she) it is 1/2 for a
model that tells nothing; with one group (self) and rivals (other words) it is the group's frequency.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean

# Classes of positions by their next token: number of its group, or one of these.
RIVAL, ELSEWHERE = -1, -2


@dataclass(frozen=True)
class Capability:
    """groups: ids of each group's tokens; rivals: ids of the tokens that they are told from; int64."""

    groups: tuple[np.ndarray, ...]
    rivals: np.ndarray

    def classes(self, ids: np.ndarray) -> np.ndarray:
        """Class of each position (c, T) by the token after it, int64; the last one is `ELSEWHERE`."""
        after = np.full(ids.shape, ELSEWHERE, np.int64)
        following = after[:, :-1]
        following[np.isin(ids[:, 1:], self.rivals)] = RIVAL
        for number, group in enumerate(self.groups):
            following[np.isin(ids[:, 1:], group)] = number
        return after

    def log_odds(self, logits: Tensor) -> Tensor:
        """Log-odds of each group against all other groups and the rivals, (..., k), of logits (..., V)."""
        parts = [logits[..., torch.from_numpy(group)].logsumexp(-1) for group in self.groups]
        if len(self.rivals):
            parts.append(logits[..., torch.from_numpy(self.rivals)].logsumexp(-1))
        together = torch.stack(parts, -1)
        odds = []
        for number in range(len(self.groups)):
            others = [at for at in range(len(parts)) if at != number]
            odds.append(together[..., number] - together[..., others].logsumexp(-1))
        return torch.stack(odds, -1)


def capability_of(
    strings: Sequence[str], groups: Sequence[Sequence[str]], rivals: str | None, where: str
) -> Capability:
    """A capability from the texts of tokens.

    Parameters
    ----------
    strings: text of every token of the vocabulary.
    groups: texts of each group's tokens.
    rivals: regular expression that the whole text of a rival matches; None where groups are told from
        each other, or a single one from all other tokens.
    where: the key of the configuration, for messages.

    Raises
    ------
    AnatomyError: a text that is no token, a token in two groups, or an expression without a match.
    """
    import re

    known: dict[str, int] = {text: at for at, text in reversed(list(enumerate(strings)))}
    found, seen = [], set()
    for group in groups:
        for text in group:
            if text not in known:
                raise AnatomyError(
                    f"{where}.groups: {text!r} is not one token of this tokenizer"
                    f"{did_you_mean(text, known)}"
                )
            if text in seen:
                raise AnatomyError(f"{where}.groups: {text!r} is there twice; keep one")
            seen.add(text)
        found.append(np.array([known[text] for text in group], np.int64))
    own = np.concatenate(found)
    if rivals is None:
        others = np.arange(len(strings) if len(groups) == 1 else 0)
    else:
        others = np.array([at for at, text in enumerate(strings) if re.fullmatch(rivals, text)])
    others = np.setdiff1d(others.astype(np.int64), own)
    if not len(others) and (rivals is not None or len(groups) == 1):
        raise AnatomyError(f"{where}.rivals: no token matches {rivals!r}; change the expression")
    return Capability(tuple(found), others)


def capability_from_sums(sums: Mapping[str, np.ndarray], which: str) -> np.ndarray:
    """The capability from sums (..., k): ``share_WHICH`` of the right group's shares, and ``positions``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (sums[f"share_{which}"] / sums["positions"]).mean(-1)


def removed_from_sums(sums: Mapping[str, np.ndarray], chance: float) -> np.ndarray:
    """Share of what the capability is above `chance` that an edit takes away, from both kinds of sums."""
    clean = capability_from_sums(sums, "clean")
    return (clean - capability_from_sums(sums, "edited")) / (clean - chance)


def chance_of(counts: np.ndarray, capability: Capability) -> float:
    """The capability of a model that knows no more than how often each class comes.

    counts: positions of each group, and last of the rivals, if there are any.
    """
    return float((counts[: len(capability.groups)] / counts.sum()).mean())
