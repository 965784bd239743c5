"""Explanations of latents and of meta-latents, and how well they predict where these fire."""

from dataclasses import replace

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named
from workflow_scripts.anatomy.interpretability import (
    completions_of,
    example_counts,
    interpret,
    settings_of,
)
from workflow_scripts.anatomy.interpretability.examples import choose_latents, draw_examples
from workflow_scripts.anatomy.interpretability.scores import scores_and_misses
from workflow_scripts.anatomy.text.tokenization import token_strings
from workflow_scripts.papers.canonical_units.explanations.by_model import ModelExplainer
from workflow_scripts.papers.canonical_units.explanations.choice import choose, shown_latents
from workflow_scripts.papers.canonical_units.explanations.composed import ComposedCodes
from workflow_scripts.papers.canonical_units.explanations.explainer import Explainer
from workflow_scripts.papers.canonical_units.explanations.taken_apart import TakenApart, take_apart

LATENT, META_LATENT, SHUFFLED = "latent", "meta_latent", "shuffled"


def tabulate(input: Named, params: Named) -> pd.DataFrame:
    """`explain`, of files. input: activations, sae, codes, meta, a meta-SAE of the SAE, tokenizer. params:
    interpretability, explanations, seed."""
    explainer = Explainer(
        open_activations(input.activations),
        token_strings(input.tokenizer),
        settings_of(params.interpretability),
        params.explanations,
        params.seed,
    )
    return explain(take_apart(input.sae, input.codes, input.meta), explainer)


def explain(apart: TakenApart, explainer: Explainer) -> pd.DataFrame:
    """Explain and test what Table 1 and Fig. 1 show, and random samples of latents and meta-latents.

    Returns
    -------
    Columns: kind (`latent`; `meta_latent`; `shuffled`, the sampled meta-latents again, were they active on
    as many random latents), latent (its number), sampled (drawn at random, for means over latents),
    n_latents (that a meta-latent is active on), and those of `scores.scores_and_misses`.
    """
    block, seed, number = explainer.block, explainer.seed, explainer.settings.latents
    sampled = apart.latents[choose_latents(len(apart.latents), number, seed)]
    latents = np.union1d(sampled, shown_latents(apart, block, seed))
    given = (explainer.store, apart.codes, explainer.strings, explainer.settings, seed)
    found = scores_and_misses(*interpret(*given, latents))
    parts = [found.assign(kind=LATENT, sampled=np.isin(latents, sampled), n_latents=np.nan)]

    alive = np.flatnonzero(apart.n_latents)
    sampled = alive[choose_latents(len(alive), number, seed)]
    shown = apart.activations[choose(apart, block, seed).places].indices
    anew = np.random.default_rng([seed, 2]).permutation(len(apart.latents))
    shuffled = replace(apart, activations=apart.activations[anew])
    for kind, of, chosen in (
        (META_LATENT, apart, np.union1d(sampled, shown)),
        (SHUFFLED, shuffled, sampled),
    ):
        about = {"sampled": np.isin(chosen, sampled), "n_latents": of.n_latents[chosen]}
        parts.append(_of_meta_latents(of, explainer, chosen).assign(kind=kind, **about))
    table = pd.concat(parts, ignore_index=True)
    first = ["kind", "latent", "sampled", "n_latents"]
    return table[[*first, *(name for name in table if name not in first)]]


def _of_meta_latents(
    apart: TakenApart, explainer: Explainer, meta_latents: np.ndarray
) -> pd.DataFrame:
    """Scores of meta-latents: explained by patterns, or by what a model says of their latents."""
    composed, settings = ComposedCodes(apart), explainer.settings
    store, strings, seed = explainer.store, explainer.strings, explainer.seed
    if explainer.offline:
        found = interpret(store, composed, strings, settings, seed, meta_latents)
        return scores_and_misses(*found)
    from workflow_scripts.anatomy.interpretability.endpoint import judge

    weights = apart.activations.T.tocsr()[meta_latents]
    texts = ModelExplainer(explainer, apart.codes).explain_groups(weights, apart.latents)
    examples = draw_examples(store, composed, meta_latents, example_counts(settings), seed)
    judgements = judge(
        examples,
        strings,
        completions_of(settings),
        settings.concurrency,
        settings.detection_batch,
        dict(zip(meta_latents.tolist(), texts, strict=True)),
    )
    scores = scores_and_misses(examples, judgements)
    # An explanation is shown where it could not be tested, too.
    return scores.assign(explanation=texts)
