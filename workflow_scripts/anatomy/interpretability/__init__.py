"""Automated interpretability: explain latents from examples, and test the explanations.

`interpret` does all of it. Two backends share its examples and its scores: ``offline``
(`patterns`, no language model) and ``endpoint`` (`endpoint`, any OpenAI-compatible server).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability.examples import (
    ExampleCounts,
    LatentExamples,
    choose_latents,
    draw_examples,
)
from workflow_scripts.anatomy.interpretability.judgement import Judgement

BACKENDS = ("offline", "endpoint")
# Contexts that are looked at to find out whether a data set is Python source.
LOOKED_AT = 64


@dataclass(frozen=True)
class Settings:
    """The block `interpretability` of the configuration.

    latents: how many, drawn at random; null for all. See `ExampleCounts` for the numbers of
    examples and `Completions` for the endpoint; `detection_batch` windows go into one request.
    """

    backend: str = "offline"
    latents: int | None = 200
    window: int = ExampleCounts.window
    examples_per_quantile: int = ExampleCounts.examples_per_quantile
    negatives: int = ExampleCounts.negatives
    explanation_examples: int = ExampleCounts.top
    base_url: str | None = None
    model: str | None = None
    api_key_variable: str | None = None
    concurrency: int = 4
    timeout_s: float = 60.0
    retries: int = 5
    cache: str = "results/store/interpretability"
    detection_batch: int = 10
    request: dict[str, Any] = field(default_factory=dict)


def settings_of(block: dict[str, Any]) -> Settings:
    """Check a block of the configuration.

    Raises
    ------
    AnatomyError: an unknown key, an unknown backend, or a number that is too small.
    """
    known = [one.name for one in fields(Settings)]
    for key in block:
        if key not in known:
            raise AnatomyError(f"interpretability.{key}: no such key; there are {', '.join(known)}")
    settings = Settings(**block)
    if settings.backend not in BACKENDS:
        raise AnatomyError(
            f"interpretability.backend: {settings.backend!r} is none of {', '.join(BACKENDS)}"
        )
    numbers = ("latents", "examples_per_quantile", "negatives", "explanation_examples")
    for name in (*numbers, "window", "concurrency", "detection_batch"):
        value = getattr(settings, name)
        if value is not None and value < (2 if name == "window" else 1):
            raise AnatomyError(f"interpretability.{name}: {value} is too small")
    return settings


def interpret(
    store: ActivationStore,
    codes: Any,
    strings: Sequence[str],
    settings: Settings,
    seed: int,
    latents: np.ndarray | None = None,
) -> tuple[list[LatentExamples], list[Judgement]]:
    """Explain latents and test the explanations.

    Parameters
    ----------
    store, codes: tokens, and the codes on them, see `draw_examples`.
    strings: text of every token of the vocabulary.
    latents: which columns of the codes; by default `settings.latents` of them at random.

    Returns
    -------
    Examples and judgements of each latent, for `scores.tidy`.
    """
    if latents is None:
        width = codes.rows(slice(0, 1)).shape[1]
        latents = choose_latents(width, settings.latents, seed)
    if settings.backend == "offline":
        from workflow_scripts.anatomy.interpretability import patterns
        from workflow_scripts.anatomy.interpretability.labels import Labeller

        labeller = Labeller(strings, python_store(store, strings, seed))
        counts = example_counts(settings)
        examples = draw_examples(store, codes, latents, counts, seed, labeller)
        return examples, patterns.judge(examples, strings)

    from workflow_scripts.anatomy.interpretability import endpoint

    examples = draw_examples(store, codes, latents, example_counts(settings), seed)
    judgements = endpoint.judge(
        examples,
        strings,
        completions_of(settings),
        settings.concurrency,
        settings.detection_batch,
    )
    return examples, judgements


def example_counts(settings: Settings) -> ExampleCounts:
    """How many examples of a latent the backend sees."""
    numbers = {
        "window": settings.window,
        "examples_per_quantile": settings.examples_per_quantile,
        "negatives": settings.negatives,
        "top": settings.explanation_examples,
    }
    # A language model is shown the strongest examples alone, as in the paper.
    alone = {} if settings.backend == "offline" else {"spread": 0, "silent": 0}
    return ExampleCounts(**numbers, **alone)


def completions_of(settings: Settings) -> Any:
    """The model at the endpoint, a `completions.Completions`.

    Raises
    ------
    AnatomyError: no address or no name of a model.
    """
    from workflow_scripts.anatomy.interpretability.completions import Completions

    names = ("base_url", "model", "api_key_variable", "concurrency", "timeout_s", "retries")
    return Completions(**{name: getattr(settings, name) for name in (*names, "cache", "request")})


def python_store(store: ActivationStore, strings: Sequence[str], seed: int) -> bool:
    """Whether the tokens of a store are Python source, by a sample of its contexts."""
    from workflow_scripts.anatomy.interpretability.labels import looks_like_python

    contexts = store.shape[0]
    chosen = np.random.default_rng([seed, 2]).choice(
        contexts, min(LOOKED_AT, contexts), replace=False
    )
    rows = (store.group["tokens"][int(at)] for at in np.sort(chosen))
    return looks_like_python(["".join(strings[token] for token in row) for row in rows])
