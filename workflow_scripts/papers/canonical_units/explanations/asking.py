"""Section 5.1's questions, asked with the right meta-latents and with those of another latent."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.interpretability.token_profiles import token_profiles
from workflow_scripts.papers.canonical_units.explanations.by_model import ModelExplainer
from workflow_scripts.papers.canonical_units.explanations.by_tokens import answer
from workflow_scripts.papers.canonical_units.explanations.evidence import Evidence, evidence
from workflow_scripts.papers.canonical_units.explanations.explainer import Explainer
from workflow_scripts.papers.canonical_units.explanations.questions import draw_questions
from workflow_scripts.papers.canonical_units.explanations.taken_apart import TakenApart

REAL, SHUFFLED = "real", "shuffled"
# What meta-latents are explained without: the five latents that are to choose from, or nothing.
OPTIONS, NOTHING = "options", "nothing"

Answer = Callable[[Evidence, np.ndarray], tuple[np.ndarray, np.ndarray]]


def ask_questions(apart: TakenApart, explainer: Explainer) -> pd.DataFrame:
    """Every question and what was answered.

    Returns
    -------
    One row for each question, control and `left_out`. Columns: latent, right (1 to 5, where the answer
    is), chosen (the latent answered), correct (1 or 0), n_active (meta-latents of the latent that
    gives them), n_meta_latents (those of them that could be explained), control, left_out. `chosen`
    and `correct` are NaN where the question could not be asked or has no answer.
    """
    block = explainer.block
    questions = draw_questions(len(apart.latents), block["questions"], explainer.seed)
    reply = _answerer(apart, explainer)
    none = np.empty((len(questions.latent), 0), dtype=np.int64)
    active = np.diff(apart.activations.indptr)
    parts = []
    for left_out, control in product(block["left_out"], (REAL, SHUFFLED)):
        source = questions.latent if control == REAL else questions.other
        without = questions.options if left_out == OPTIONS else none
        chosen, count = reply(evidence(apart.activations, source, without), questions.options)
        answered = chosen >= 0
        picked = questions.options[np.arange(len(chosen)), np.maximum(chosen, 0)]
        columns = {
            "latent": apart.latents[questions.latent],
            "right": questions.right + 1,
            "chosen": np.where(answered, apart.latents[picked], np.nan),
            "correct": np.where(answered, chosen == questions.right, np.nan),
            "n_active": active[source],
            "n_meta_latents": count,
        }
        parts.append(pd.DataFrame(columns).assign(control=control, left_out=left_out))
    return pd.concat(parts, ignore_index=True)


def _answerer(apart: TakenApart, explainer: Explainer) -> Answer:
    """What answers: distributions over tokens, or a language model."""
    if explainer.offline:
        number, vocabulary = explainer.settings.explanation_examples, len(explainer.strings)
        profiles = token_profiles(explainer.store, apart.codes, apart.latents, number, vocabulary)
        return lambda given, options: (
            answer(profiles, given, options),
            given.count(len(options)),
        )
    model = ModelExplainer(explainer, apart.codes)
    return lambda given, options: model.answer(given, options, apart.latents)
