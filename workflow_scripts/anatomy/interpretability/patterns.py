"""Explanations without a language model: patterns of tokens and labels in a latent's own examples.

After Neuron-to-Graph (Foote et al., 2023): a latent is described by the tokens that it fires on,
with as much of what comes before them as makes the description more precise. What generalises
over tokens there, a masked language model's substitutes, is here a label of the position.
Patterns are added one by one, each time the one that best tells the active windows of the
explanation half from its silent ones. No randomness.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby, product

import numpy as np

from workflow_scripts.anatomy.interpretability.examples import LatentExamples
from workflow_scripts.anatomy.interpretability.judgement import Judgement, unjudged
from workflow_scripts.anatomy.interpretability.labels import BIT, DESCRIPTIONS, LABELS
from workflow_scripts.anatomy.interpretability.windows import Windows

# How far back the token of `since` may lie.
REACH = 8
MOST_PATTERNS = 12
# A condition more has to be worth this much of balanced accuracy, so that simple patterns win ties.
COST_OF_CONDITION = 0.004
# What a pattern must add: it must catch so many windows more, and be worth so much.
FEWEST_WINDOWS = 2
LEAST_GAIN = 0.01
# Of each kind of condition the most telling ones become candidates, alone and in pairs.
MOST_TOKENS, MOST_PAIRED = 40, 8


@dataclass(frozen=True)
class Pattern:
    """A condition on a position: all parts that are not None, or empty, must hold.

    token: it is this token. labels: it has these labels. after: the token before it is this one.
    since: one of the `REACH` tokens before it is this one. weight: mean activation of the latent
    where the pattern holds and the latent fires, over the latent's largest; precision: share of
    the positions where it holds, in the explanation's windows, at which the latent fires;
    recall: share of the active windows that it catches and earlier patterns do not.
    """

    token: int | None = None
    labels: tuple[str, ...] = ()
    after: int | None = None
    since: int | None = None
    weight: float = 0.0
    precision: float = 0.0
    recall: float = 0.0

    @property
    def conditions(self) -> int:
        parts = (self.token, self.after, self.since)
        return len(self.labels) + sum(part is not None for part in parts)


class Positions:
    """The tokens and labels of windows, ready to be matched against many patterns."""

    def __init__(self, windows: Windows):
        self.tokens, self.bits = windows.tokens, windows.labels
        # What lies before a window is unknown, which no token equals.
        self.before = np.full(windows.tokens.shape, -1, dtype=np.int32)
        self.before[:, 1:] = windows.tokens[:, :-1]
        self.known: dict[tuple[str, int], np.ndarray] = {}

    def matches(self, pattern: Pattern) -> np.ndarray:
        """Where a pattern holds, (n, W) bool."""
        parts = [("label", LABELS.index(label)) for label in pattern.labels]
        names = ("token", "after", "since")
        parts += [(name, value) for name in names if (value := getattr(pattern, name)) is not None]
        found = np.ones(self.tokens.shape, dtype=bool)
        for part in parts:
            if part not in self.known:
                self.known[part] = self._part(*part)
            found = found & self.known[part]
        return found

    def _part(self, name: str, value: int) -> np.ndarray:
        if name == "label":
            return (self.bits & BIT[LABELS[value]]) != 0
        if name == "since":
            equal = self.before == value
            found = equal.copy()
            for back in range(1, REACH):
                found[:, back:] |= equal[:, :-back]
            return found
        return (self.tokens if name == "token" else self.before) == value


def find_patterns(examples: LatentExamples) -> list[Pattern]:
    """The patterns of a latent, from its explanation windows (`top`, `spread` and `silent`).

    The most telling first; none where nothing tells its active from its silent windows.
    """
    windows = _join([examples.top, examples.spread, examples.silent])
    n_active = len(examples.top) + len(examples.spread)
    positions = Positions(windows)
    fires = windows.activations > 0
    candidates = _candidates(positions, windows, n_active)
    if not candidates or n_active == len(windows):
        return []
    matches = [positions.matches(candidate) for candidate in candidates]
    # In an active window only a match where the latent fires counts for the pattern.
    caught = np.stack([(match[:n_active] & fires[:n_active]).any(1) for match in matches])
    alarmed = np.stack([match[n_active:].any(1) for match in matches])
    conditions = np.array([candidate.conditions for candidate in candidates])
    chosen = _choose(caught, alarmed, conditions)
    largest = float(windows.activations.max())
    seen = np.zeros(n_active, dtype=bool)
    patterns = []
    for at in chosen:
        where = matches[at] & fires
        patterns.append(
            replace(
                candidates[at],
                weight=float(windows.activations[where].mean(dtype=np.float64)) / largest,
                precision=float(where.sum() / matches[at].sum()),
                recall=float((caught[at] & ~seen).mean()),
            )
        )
        seen |= caught[at]
    return patterns


def predict(patterns: Sequence[Pattern], windows: Windows) -> np.ndarray:
    """Predicted activation over the latent's largest, (n, W) float32: the best matching weight."""
    positions = Positions(windows)
    predicted = np.zeros(windows.tokens.shape, dtype=np.float32)
    for pattern in patterns:
        weights = positions.matches(pattern) * np.float32(pattern.weight)
        np.maximum(predicted, weights, out=predicted)
    return predicted


def describe(patterns: Sequence[Pattern], strings: Sequence[str]) -> str:
    """A sentence for people, given the text of every token."""
    if not patterns:
        return "no pattern of tokens or labels tells where it fires"

    def shared(pattern: Pattern) -> tuple:
        return (pattern.labels, pattern.after, pattern.since, pattern.token is None)

    def text(token: int) -> str:
        return json.dumps(strings[token], ensure_ascii=False)

    clauses = []
    order = {shared(pattern): at for at, pattern in reversed(list(enumerate(patterns)))}
    ranked = sorted(patterns, key=lambda pattern: order[shared(pattern)])
    for (labels, after, since, _), group in groupby(ranked, key=shared):
        members = list(group)
        tokens = [text(member.token) for member in members if member.token is not None]
        parts = [" or ".join(tokens)] if tokens else []
        parts += [DESCRIPTIONS[label] for label in labels]
        parts = parts or ["any token"]
        if after is not None:
            parts.append(f"right after {text(after)}")
        if since is not None:
            parts.append(f"within {REACH} tokens after {text(since)}")
        share = sum(member.recall for member in members)
        clauses.append(f"{', '.join(parts)} ({share:.0%})")
    return "fires on: " + "; ".join(clauses)


def judge(examples: Iterable[LatentExamples], strings: Sequence[str]) -> list[Judgement]:
    """Explain each latent by patterns and test them on its detection windows."""
    judgements = []
    for latent in examples:
        if latent.problem:
            judgements.append(unjudged(latent, latent.problem))
            continue
        patterns = find_patterns(latent)
        fires = np.any(predict(patterns, latent.detection) > 0, axis=1).astype(np.int8)
        details = [
            {name: value for name, value in vars(pattern).items() if value not in (None, ())}
            for pattern in patterns
        ]
        explanation = describe(patterns, strings)
        judgements.append(Judgement(latent.latent, explanation, fires, None, details))
    return judgements


def _choose(caught: np.ndarray, alarmed: np.ndarray, conditions: np.ndarray) -> list[int]:
    """Greedy choice among candidates, (candidates, windows) bool, for balanced accuracy."""
    n_active, n_silent = caught.shape[1], alarmed.shape[1]
    seen, alarms = np.zeros(n_active, dtype=bool), np.zeros(n_silent, dtype=bool)
    chosen: list[int] = []
    while len(chosen) < MOST_PATTERNS:
        more = (caught & ~seen).sum(1)
        # Half a window for the false alarms that this sample of silent windows did not show.
        false = (alarmed & ~alarms).sum(1) + 0.5
        gain = more / n_active - false / n_silent - COST_OF_CONDITION * conditions
        gain[more < FEWEST_WINDOWS] = -np.inf
        best = int(gain.argmax())
        if gain[best] < LEAST_GAIN:
            break
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


def _candidates(positions: Positions, windows: Windows, n_active: int) -> list[Pattern]:
    """Patterns that could tell where the latent fires: single conditions and pairs of them."""
    activations = windows.activations[:n_active]
    strong = np.zeros(windows.tokens.shape, dtype=bool)
    strong[:n_active] = activations > 0.5 * activations.max(1, keepdims=True, initial=0)
    quiet = windows.activations == 0
    if not strong.any() or not quiet.any():
        return []
    n_strong, n_quiet = np.count_nonzero(strong), np.count_nonzero(quiet)
    rows, columns = np.nonzero(strong)
    before = positions.before[strong]
    tokens = _frequent(windows.tokens[strong], rows)
    afters = _frequent(before, rows)
    back = columns[:, None] - np.arange(1, REACH + 1)
    earlier = np.where(back >= 0, windows.tokens[rows[:, None], np.maximum(back, 0)], -1)
    sinces = _frequent(earlier.ravel(), np.repeat(rows, REACH))

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
        "labels": by_label[: 2 * MOST_PAIRED],
    }
    pairs = [
        replace(first, labels=first.labels + second.labels)
        for first, second in combinations(head["labels"], 2)
    ]
    for name in ("token", "after", "since"):
        pairs += [
            replace(one, labels=label.labels)
            for one, label in product(head[name], head["labels"][:MOST_PAIRED])
        ]
    follow = np.stack([before, windows.tokens[strong]], axis=1)[before >= 0]
    couples, number = np.unique(follow, axis=0, return_counts=True)
    common = np.argsort(-number, kind="stable")[:MOST_TOKENS]
    pairs += [
        Pattern(token=int(token), after=int(last))
        for last, token in couples[common][number[common] >= FEWEST_WINDOWS]
    ]
    pairs += [replace(one, since=s.since) for one, s in product(head["token"], by_since)]
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
