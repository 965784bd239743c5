"""The search for the patterns that tell where a latent fires.

Candidates come from the positions where the latent is strong. They are added one by one, each time
the one that best tells the active windows of the explanation half from its silent ones, and those
that later ones made superfluous are dropped. No randomness.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np

from workflow_scripts.anatomy.interpretability.examples import LatentExamples
from workflow_scripts.anatomy.interpretability.labels import LABELS
from workflow_scripts.anatomy.interpretability.matching import REACH, Pattern, Positions
from workflow_scripts.anatomy.interpretability.windows import Windows

MOST_PATTERNS = 12
# A condition more has to be worth this much of balanced accuracy, so that simple patterns win ties.
COST_OF_CONDITION = 0.004
# Where candidates do about equally well, the one whose matches are where the latent fires wins.
WORTH_OF_PRECISION = 0.02
# What a pattern must add: it must catch so many windows more, and be worth so much.
FEWEST_WINDOWS = 2
LEAST_GAIN = 0.01
# Of each kind of condition the most telling ones become candidates, alone and in pairs.
MOST_TOKENS, MOST_PAIRED = 40, 8


def find_patterns(examples: LatentExamples) -> list[Pattern]:
    """The patterns of a latent, from its explanation windows (`top`, `spread` and `silent`).

    The most telling first; none where nothing tells its active from its silent windows.
    """
    windows = _join([examples.top, examples.spread, examples.silent])
    n_active = len(examples.top) + len(examples.spread)
    positions = Positions(windows)
    fires = positions.activations > 0
    candidates = _candidates(positions)
    if not candidates or n_active == len(windows):
        return []
    matches = [positions.matches(candidate) for candidate in candidates]
    # In an active window only a match where the latent fires counts for the pattern.
    caught = np.stack([(match[:n_active] & fires[:n_active]).any(1) for match in matches])
    alarmed = np.stack([match[n_active:].any(1) for match in matches])
    conditions = np.array([candidate.conditions for candidate in candidates])
    counts = [(np.count_nonzero(match & fires), np.count_nonzero(match)) for match in matches]
    precisions = np.array([right / (total or 1) for right, total in counts])
    preference = WORTH_OF_PRECISION * precisions - COST_OF_CONDITION * conditions
    chosen = _choose(caught, alarmed, preference)
    largest = float(windows.activations.max())
    seen = np.zeros(n_active, dtype=bool)
    patterns = []
    for at in chosen:
        where = matches[at] & fires
        patterns.append(
            replace(
                candidates[at],
                weight=float(windows.activations[where].mean(dtype=np.float64)) / largest,
                precision=float(precisions[at]),
                recall=float((caught[at] & ~seen).mean()),
            )
        )
        seen |= caught[at]
    return patterns


def _choose(caught: np.ndarray, alarmed: np.ndarray, preference: np.ndarray) -> list[int]:
    """Greedy choice among candidates, (candidates, windows) bool, for balanced accuracy.

    `preference` (candidates,) decides between those that are about equally good.
    """
    n_active, n_silent = caught.shape[1], alarmed.shape[1]
    seen, alarms = np.zeros(n_active, dtype=bool), np.zeros(n_silent, dtype=bool)
    chosen: list[int] = []
    while len(chosen) < MOST_PATTERNS:
        more = (caught & ~seen).sum(1)
        # Half a window for the false alarms that this sample of silent windows did not show.
        false = (alarmed & ~alarms).sum(1) + 0.5
        gain = more / n_active - false / n_silent
        enough = (more >= FEWEST_WINDOWS) & (gain >= LEAST_GAIN)
        if not enough.any():
            break
        best = int(np.where(enough, gain + preference, -np.inf).argmax())
        chosen.append(best)
        seen, alarms = seen | caught[best], alarms | alarmed[best]
    return _prune(chosen, caught, alarmed)


def _prune(chosen: list[int], caught: np.ndarray, alarmed: np.ndarray) -> list[int]:
    """Drop what the patterns chosen later have made superfluous."""
    for at in list(chosen):
        rest = [other for other in chosen if other != at]
        lost = caught[chosen].any(0).mean() - caught[rest].any(0).mean()
        spared = alarmed[chosen].any(0).mean() - alarmed[rest].any(0).mean()
        if lost - spared < LEAST_GAIN:
            chosen = rest
    return chosen


def _candidates(positions: Positions) -> list[Pattern]:
    """Patterns that could tell where the latent fires: single conditions and pairs of them."""
    activations = positions.activations
    largest = activations.max(1, keepdims=True, initial=0)
    strong = (activations > 0) & (activations > 0.5 * largest)
    quiet = activations == 0
    if not strong.any() or not quiet.any():
        return []
    n_strong, n_quiet = np.count_nonzero(strong), np.count_nonzero(quiet)
    rows, columns = np.nonzero(strong)
    before = positions.before[strong]
    tokens = _frequent(positions.tokens[strong], rows)
    afters = _frequent(before, rows)
    back = columns[:, None] - np.arange(1, REACH + 1)
    earlier = np.where(back >= 0, positions.tokens[rows[:, None], np.maximum(back, 0)], -1)
    sinces = _frequent(earlier.ravel(), np.repeat(rows, REACH))[: 2 * MOST_PAIRED]

    def telling(found: Iterable[Pattern]) -> list[Pattern]:
        """The most telling first, by the share of strong minus that of quiet positions."""

        def difference(pattern: Pattern) -> float:
            match = positions.matches(pattern)
            on_strong, on_quiet = (np.count_nonzero(match & where) for where in (strong, quiet))
            return on_strong / n_strong - on_quiet / n_quiet

        return sorted(found, key=difference, reverse=True)

    by_token = telling(Pattern(token=int(token)) for token in tokens)
    by_after = telling(Pattern(after=int(token)) for token in afters)
    by_since = telling(Pattern(since=int(token)) for token in sinces)[:MOST_PAIRED]
    by_label = telling(Pattern(labels=(label,)) for label in LABELS)
    by_label = [one for one in by_label if (positions.matches(one) & strong).any()]
    head = {
        "token": by_token[:MOST_PAIRED],
        "after": by_after[:MOST_PAIRED],
        "since": by_since,
        "labels": by_label[: MOST_PAIRED + 4],
    }
    follow = np.stack([before, positions.tokens[strong]], axis=1)[before >= 0]
    couples, number = np.unique(follow, axis=0, return_counts=True)
    common = np.argsort(-number, kind="stable")[:MOST_TOKENS]
    pairs = [
        Pattern(token=int(token), after=int(last))
        for last, token in couples[common][number[common] >= FEWEST_WINDOWS]
    ]
    pairs += [
        Pattern(labels=first.labels + second.labels)
        for first, second in combinations(head["labels"], 2)
    ]
    for name in ("token", "after", "since"):
        pairs += [
            Pattern(one.token, label.labels, one.after, one.since)
            for one, label in product(head[name], head["labels"][:MOST_PAIRED])
        ]
    pairs += [Pattern(one.token, since=s.since) for one, s in product(head["token"], by_since)]
    return [*by_token, *by_after, *by_since, *by_label, *pairs]


def _frequent(tokens: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The tokens that are found in the most windows, at least in `FEWEST_WINDOWS`."""
    places = np.unique(np.stack([tokens, rows], axis=1)[tokens >= 0], axis=0)
    values, number = np.unique(places[:, 0], return_counts=True)
    order = np.argsort(-number, kind="stable")[:MOST_TOKENS]
    return values[order][number[order] >= FEWEST_WINDOWS]


def _join(parts: Sequence[Windows]) -> Windows:
    names = ("tokens", "activations", "labels", "context", "start")
    return Windows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
