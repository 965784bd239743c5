"""Explanations and answers of a language model, as in section 5.1 of the paper."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.interpretability import completions_of
from workflow_scripts.anatomy.interpretability.endpoint import explainer_prompt
from workflow_scripts.anatomy.interpretability.endpoint_groups import (
    ask_all,
    choice_question,
    explanation_question,
    group_prompt,
)
from workflow_scripts.anatomy.interpretability.halves import Halves
from workflow_scripts.anatomy.interpretability.strongest import strongest_windows
from workflow_scripts.anatomy.interpretability.windows import Windows
from workflow_scripts.papers.canonical_units.explanations.evidence import Evidence
from workflow_scripts.papers.canonical_units.explanations.explainer import Explainer

# Latents whose windows, and so whose prompts, are in memory at a time.
CHUNK = 2048


@dataclass
class ModelExplainer:
    """What a language model says about an SAE's latents, and about groups of them.

    texts: explanations of latents so far, None where there is none; windows: a few of their strongest
    ones. All are of the half of the documents that explanations are made from.
    """

    explainer: Explainer
    codes: CodesStore
    texts: dict[int, str | None] = field(default_factory=dict)
    windows: dict[int, Windows] = field(default_factory=dict)

    @cached_property
    def completions(self) -> Any:
        return completions_of(self.explainer.settings)

    def explain_latents(self, latents: np.ndarray) -> None:
        """Step 1: explain latents from their strongest windows; those with none get no text."""
        new = np.array(sorted({int(one) for one in latents} - self.texts.keys()), dtype=np.int64)
        store, settings = self.explainer.store, self.explainer.settings
        halves = Halves.of(store.units, self.explainer.seed)
        for start in range(0, len(new), CHUNK):
            part = new[start : start + CHUNK]
            count = settings.explanation_examples
            found = strongest_windows(store, self.codes, part, settings.window, count, halves)
            shown = [(int(one), own) for one, own in zip(part, found, strict=True) if len(own)]
            prompts = [explainer_prompt(own, self.explainer.strings) for _, own in shown]
            texts = self._ask([explanation_question(p) for p in prompts], "explanations of latents")
            self.texts |= dict.fromkeys(part.tolist())
            self.texts |= {one: text for (one, _), text in zip(shown, texts, strict=True)}
            few = slice(self.explainer.block["examples_per_latent"])
            self.windows |= {one: own.take(few) for one, own in shown}

    def explain_groups(self, weights: Any, latents: np.ndarray) -> list[str | None]:
        """Step 2: explain each row of weights, csr (p, n), by the latents, (n,), where it is largest.

        The `latents_per_meta_latent` largest count, with their explanations and a few windows each.
        """
        most = self.explainer.block["latents_per_meta_latent"]
        groups = [
            latents[row.indices[np.lexsort((row.indices, -row.data))]][:most]
            for row in (weights[[at]] for at in range(weights.shape[0]))
        ]
        self.explain_latents(np.concatenate([*groups, np.zeros(0, np.int64)]))
        known = [
            [(text, self.windows[one]) for one in group.tolist() if (text := self.texts[one])]
            for group in groups
        ]
        questions = [
            explanation_question(group_prompt(members, self.explainer.strings))
            for members in known
            if members
        ]
        texts = iter(self._ask(questions, "explanations of meta-latents"))
        return [next(texts) if members else None for members in known]

    def answer(
        self, given: Evidence, options: np.ndarray, latents: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Step 3: choose among `options`, (q, k), by the explanations of the meta-latents given.

        Returns
        -------
        (q,) int64, which option, -1 where the question could not be asked or has no answer; and (q,)
        int64, meta-latents with an explanation.
        """
        parts: list[list[str]] = [[] for _ in options]
        texts = self.explain_groups(given.weights, latents)
        for question, text in zip(given.question, texts, strict=True):
            if text:
                parts[question].append(text)
        self.explain_latents(np.unique(latents[options]))
        described = [[self.texts[one] for one in row] for row in latents[options].tolist()]
        asked = [at for at in range(len(options)) if parts[at] and all(described[at])]
        questions = [choice_question(parts[at], [str(t) for t in described[at]]) for at in asked]
        chosen = np.full(len(options), -1, dtype=np.int64)
        for at, found in zip(asked, self._ask(questions, "answers to questions"), strict=True):
            chosen[at] = -1 if found is None else found
        return chosen, np.array([len(part) for part in parts], dtype=np.int64)

    def _ask(self, questions: list[Any], what: str) -> list[Any]:
        return ask_all(self.completions, questions, self.explainer.settings.concurrency, what)
