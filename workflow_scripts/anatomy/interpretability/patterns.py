"""Explanations without a language model: patterns of tokens and labels in a latent's own examples.

After Neuron-to-Graph (Foote et al., 2023): a latent is described by the tokens that it fires on,
with as much of what comes before them as makes the description more precise. What generalises
over tokens there, a masked language model's substitutes, is here a label of the position.
`pattern_search` finds the patterns, from the explanation half of the documents alone.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from workflow_scripts.anatomy.interpretability.examples import LatentExamples
from workflow_scripts.anatomy.interpretability.judgement import Judgement, unjudged
from workflow_scripts.anatomy.interpretability.labels import DESCRIPTIONS
from workflow_scripts.anatomy.interpretability.matching import REACH, Pattern, predict
from workflow_scripts.anatomy.interpretability.pattern_search import find_patterns


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
