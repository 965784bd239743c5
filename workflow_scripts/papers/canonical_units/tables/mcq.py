"""Section 5.1: the questions, the shares of right answers, and scores of the explanations."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named, Tables, read_table, with_interval
from workflow_scripts.anatomy.claims.counts import share
from workflow_scripts.anatomy.interpretability import settings_of
from workflow_scripts.anatomy.text.tokenization import token_strings
from workflow_scripts.papers.canonical_units.explanations.asking import ask_questions
from workflow_scripts.papers.canonical_units.explanations.explainer import Explainer
from workflow_scripts.papers.canonical_units.explanations.taken_apart import take_apart
from workflow_scripts.papers.canonical_units.meta.plan import SAME_DIRECTIONS

ALL = "all"
SCORES = ("kind", "latent", "n_latents", "score", "accuracy_silent", "accuracy_active", "firings")


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations, sae, codes, meta, a meta-SAE of the SAE, tokenizer; explanations, csv. params:
    interpretability, explanations, seed."""
    apart = take_apart(input.sae, input.codes, input.meta)
    explainer = Explainer(
        open_activations(input.activations),
        token_strings(input.tokenizer),
        settings_of(params.interpretability),
        params.explanations,
        params.seed,
    )
    asked = ask_questions(apart, explainer)
    explanations = read_table(input.explanations)
    scores = explanations.loc[explanations["sampled"], list(SCORES)]
    who = {"backend": explainer.settings.backend} | apart.identity(params.seed)
    return {
        "table": asked.assign(n_active_set_on=SAME_DIRECTIONS, **who),
        "shares": shares(asked).assign(**who),
        "scores": scores.assign(**who),
    }


def shares(asked: pd.DataFrame) -> pd.DataFrame:
    """Share of right answers, of all questions and of those with so many meta-latents.

    Columns: left_out, control, n_meta_latents (a number, or `all`), share ±, questions (answered),
    unanswered. The interval is Clopper and Pearson's, over latents: one question is about each.
    """
    rows = []
    for (left_out, control), part in asked.groupby(["left_out", "control"], sort=False):
        groups = [(ALL, part), *part.groupby("n_meta_latents")]
        for number, group in groups:
            answered = group["correct"].dropna()
            row = {"left_out": left_out, "control": control, "n_meta_latents": number}
            found = (np.nan,) * 3
            if len(answered):
                measured = share(int(answered.sum()), len(answered), "latents")
                found = (measured.value, measured.lo, measured.hi)
            row |= with_interval("share", found)
            unanswered = len(group) - len(answered)
            rows.append(row | {"questions": len(answered), "unanswered": unanswered})
    return pd.DataFrame(rows)
