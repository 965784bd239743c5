"""Explanations by a language model, and detection by one, after Juang et al. (2024).

The model sees the windows of a latent's strongest activations with the active tokens marked, and
writes an explanation; then it sees that explanation and unmarked windows in batches, and says for
each window whether the latent fires in it.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress
from workflow_scripts.anatomy.interpretability.completions import Completions, EndpointProblem
from workflow_scripts.anatomy.interpretability.examples import LatentExamples
from workflow_scripts.anatomy.interpretability.judgement import UNKNOWN, Judgement, unjudged
from workflow_scripts.anatomy.interpretability.windows import Windows

# A token is marked if the latent's activation is at least this share of the window's largest.
MARKED = 0.3
# An answer that cannot be read is asked for again so often.
ASKED_AGAIN = 2
LONGEST_EXPLANATION = 1000

EXPLAINER = """You study one latent of a sparse autoencoder trained on a language model.
Below are excerpts of text. The tokens on which the latent is active stand between « and ».
Find what these tokens, or what comes before them, have in common, and describe when the latent is \
active in one short, specific sentence, without mentioning the marks or the excerpts.
End with one line of JSON: {"explanation": "..."}"""

DETECTOR = """A latent of a sparse autoencoder trained on a language model is described by one \
sentence. For each numbered excerpt of text, decide whether the latent is active on at least one \
of its tokens. Answer with a JSON list only, of one number for each excerpt, in their order: 1 if \
it is active, 0 if it is not."""

EXPLAIN_AGAIN = 'Answer with one line of JSON only: {"explanation": "..."}'
DETECT_AGAIN = "Answer with a JSON list of {} numbers only, each of them 0 or 1."

FALSE_TRUE = {"0": 0, "1": 1, "false": 0, "true": 1, "no": 0, "yes": 1}


class Unreadable(Exception):
    """An answer in which what was asked for cannot be found."""


class _Job(NamedTuple):
    completions: Completions
    strings: Sequence[str]
    batch: int
    explanations: Mapping[int, str | None] | None
    stop: threading.Event


def judge(
    examples: Sequence[LatentExamples],
    strings: Sequence[str],
    completions: Completions,
    concurrency: int = 4,
    batch: int = 10,
    explanations: Mapping[int, str | None] | None = None,
) -> list[Judgement]:
    """Explain each latent and test its explanation, `concurrency` latents at a time.

    Parameters
    ----------
    strings: text of every token of the vocabulary.
    batch: windows that are judged in one request.
    explanations: of each latent, where they are known and only to be tested; None where there is none.

    Returns
    -------
    One for each latent, in their order. One without an answer, or with answers for a part of its
    windows, says why in `problem`.

    Raises
    ------
    AnatomyError: no key, the endpoint refuses the key, or no latent at all got an answer.
    """
    asked = [latent for latent in examples if not latent.problem]
    job = _Job(completions, strings, batch, explanations, threading.Event())
    if any(completions.cached(prompt) is None for prompt in _first_prompts(job, asked)):
        completions.key()
    progress = Progress("latents judged", len(examples))
    judgements = []
    with ThreadPoolExecutor(concurrency) as pool:
        try:
            for judgement in pool.map(partial(_judge_one, job), examples):
                judgements.append(judgement)
                progress(len(judgements))
        except BaseException:
            job.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            completions.close()
    if asked and all((one.fires == UNKNOWN).all() for one in judgements):
        reasons = [
            one.problem for one, own in zip(judgements, examples, strict=True) if not own.problem
        ]
        raise AnatomyError(
            f"interpretability: no latent could be judged at {completions.url}: {reasons[0]}; "
            "check base_url and model, and rerun: what was answered is kept"
        )
    return judgements


def _judge_one(job: _Job, examples: LatentExamples) -> Judgement:
    if examples.problem:
        return unjudged(examples, examples.problem)
    if job.stop.is_set():
        return unjudged(examples, "not asked")
    if job.explanations is not None:
        known = job.explanations[examples.latent]
        if known is None:
            return unjudged(examples, "no explanation")
        explanation = known
    else:
        try:
            prompt = explainer_prompt(examples.top, job.strings)
            explanation = ask(job.completions, prompt, EXPLAIN_AGAIN, parse_explanation)
        except (EndpointProblem, Unreadable) as problem:
            return unjudged(examples, f"no explanation: {problem}")
    fires = np.full(len(examples.detection), UNKNOWN, dtype=np.int8)
    failures = []
    for start in range(0, len(fires), job.batch):
        if job.stop.is_set():
            break
        part = slice(start, start + job.batch)
        number = len(fires[part])
        prompt = detector_prompt(explanation, examples.detection.take(part), job.strings)
        again, parse = DETECT_AGAIN.format(number), partial(parse_answers, number=number)
        try:
            fires[part] = ask(job.completions, prompt, again, parse)
        except (EndpointProblem, Unreadable) as problem:
            failures.append(str(problem))
    missing = int((fires == UNKNOWN).sum())
    note = f"{missing} of {len(fires)} windows not judged: {failures[0]}" if failures else None
    return Judgement(examples.latent, explanation, fires, note)


def _first_prompts(job: _Job, asked: Sequence[LatentExamples]) -> Iterator[list[dict[str, str]]]:
    """What is asked first about each latent."""
    for one in asked:
        if job.explanations is None:
            yield explainer_prompt(one.top, job.strings)
        elif (known := job.explanations[one.latent]) is not None:
            yield detector_prompt(known, one.detection.take(slice(job.batch)), job.strings)


def ask(completions: Completions, messages: list[dict[str, str]], again: str, parse):
    """Ask until the answer can be read, at most `ASKED_AGAIN` times more.

    again: what is said to an answer in which `parse` finds nothing, None.

    Raises
    ------
    EndpointProblem, Unreadable: there is no answer, or none that can be read.
    """
    for _ in range(ASKED_AGAIN + 1):
        answer = completions.ask(messages)
        parsed = parse(answer)
        if parsed is not None:
            return parsed
        # The conversation grows, so each further question has a place of its own in the cache.
        reply = {"role": "assistant", "content": answer}
        messages = [*messages, reply, {"role": "user", "content": again}]
    raise Unreadable(f"{ASKED_AGAIN + 1} answers that could not be read")


def explainer_prompt(windows: Windows, strings: Sequence[str]) -> list[dict[str, str]]:
    """The messages that ask for an explanation of a latent, from its strongest windows."""
    texts = [marked(windows, at, strings) for at in range(len(windows))]
    return messages_of(EXPLAINER, numbered(texts))


def detector_prompt(
    explanation: str, windows: Windows, strings: Sequence[str]
) -> list[dict[str, str]]:
    """The messages that ask in which windows a latent fires."""
    texts = ["".join(strings[token] for token in row) for row in windows.tokens]
    return messages_of(DETECTOR, f"The latent: {explanation}\n\n{numbered(texts)}")


def marked(windows: Windows, at: int, strings: Sequence[str]) -> str:
    """The text of one window with its active tokens between « and »."""
    activations = windows.activations[at]
    active = activations >= max(MARKED * float(activations.max()), 1e-30)
    parts, before = [], False
    for token, is_active in zip(windows.tokens[at], active, strict=True):
        if is_active != before:
            parts.append("«" if is_active else "»")
        parts.append(strings[token])
        before = bool(is_active)
    return "".join(parts) + ("»" if before else "")


def parse_explanation(answer: str) -> str | None:
    """The explanation in an answer, on one line; None if there is none."""
    text = visible(answer)
    for found in reversed(re.findall(r'\{\s*"explanation"\s*:.*?\}', text, re.DOTALL)):
        try:
            text = json.loads(found, strict=False)["explanation"]
            break
        except json.JSONDecodeError:
            continue
    else:
        labelled = re.findall(r"explanation\W{0,4}:\W{0,4}(\S.*)", text, re.IGNORECASE)
        text = labelled[-1].rstrip('"}* ') if labelled else ""
    text = " ".join(text.split()) if isinstance(text, str) else ""
    return text[:LONGEST_EXPLANATION] or None


def parse_answers(answer: str, number: int) -> list[int] | None:
    """The list of `number` zeros and ones in an answer; None if there is none."""
    for found in reversed(re.findall(r"\[([^\[\]]*)\]", visible(answer))):
        items = [item.strip(" \t\r\n\"'").lower() for item in found.strip().rstrip(",").split(",")]
        if len(items) == number and all(item in FALSE_TRUE for item in items):
            return [FALSE_TRUE[item] for item in items]
    return None


def visible(answer: str) -> str:
    """An answer without what a reasoning model thought aloud before it."""
    return re.sub(r"<think>.*?</think>", "", answer, flags=re.DOTALL)


def messages_of(system: str, user: str) -> list[dict[str, str]]:
    """A conversation with one question."""
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def numbered(texts: Sequence[str], name: str = "Excerpt") -> str:
    """Texts one after another, each under its number."""
    return "\n\n".join(f"{name} {at}:\n{text}" for at, text in enumerate(texts, start=1))
