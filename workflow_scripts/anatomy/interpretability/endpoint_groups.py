"""A language model on groups of latents: what they have in common, and which latent some texts describe.

After Leask et al. (2025), section 5.1, with prompts of our own. Answers are kept and asked for again as in
`endpoint`; a question that stays without an answer has none, and says why in the log.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress, log
from workflow_scripts.anatomy.interpretability.completions import Completions, EndpointProblem
from workflow_scripts.anatomy.interpretability.endpoint import (
    EXPLAIN_AGAIN,
    Unreadable,
    ask,
    marked,
    messages_of,
    numbered,
    parse_explanation,
    visible,
)
from workflow_scripts.anatomy.interpretability.windows import Windows

GROUP_EXPLAINER = """You study a group of latents of a sparse autoencoder trained on a language \
model. Of each latent you are given a description and excerpts of text in which the tokens on which \
it is active stand between « and ». The latents are in the group because they share one property. \
Find what they have in common, and describe it in one short, specific sentence, without mentioning \
the marks, the excerpts or the group.
End with one line of JSON: {"explanation": "..."}"""

CHOOSER = """A latent of a sparse autoencoder is composed of several parts. You are given \
descriptions of its parts, and descriptions of some latents. Choose the one latent that relates most \
to the parts. Answer with one line of JSON: {"choice": N}, where N is the number of the latent."""

CHOOSE_AGAIN = 'Answer with one line of JSON only: {{"choice": N}}, with N from 1 to {}.'


class Question(NamedTuple):
    """The messages of one question, what is said to an answer that cannot be read, and how it is read."""

    messages: list[dict[str, str]]
    again: str
    parse: Callable[[str], Any]


def explanation_question(messages: list[dict[str, str]]) -> Question:
    """Ask for an explanation; the answer is a text."""
    return Question(messages, EXPLAIN_AGAIN, parse_explanation)


def choice_question(parts: Sequence[str], options: Sequence[str]) -> Question:
    """Ask which of some descriptions relates most to the `parts`; the answer is its place, from 0."""
    parse = partial(parse_choice, number=len(options))
    return Question(choice_prompt(parts, options), CHOOSE_AGAIN.format(len(options)), parse)


def ask_all(
    completions: Completions, questions: Sequence[Question], concurrency: int, what: str
) -> list[Any]:
    """The answer to each question, None where there is none; `concurrency` at a time.

    what: what is asked for, in the words of messages: "explanations of latents".

    Raises
    ------
    AnatomyError: no key, the endpoint refuses the key, or no question at all got an answer.
    """
    if any(completions.cached(question.messages) is None for question in questions):
        completions.key()
    progress, answers, problems = Progress(what, len(questions)), [], []

    def answer(question: Question) -> Any:
        try:
            return ask(completions, *question)
        except (EndpointProblem, Unreadable) as problem:
            problems.append(str(problem))
            return None

    with ThreadPoolExecutor(concurrency) as pool:
        try:
            for found in pool.map(answer, questions):
                answers.append(found)
                progress(len(answers))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            completions.close()
    if problems:
        log.warning("%s: %d of %d got none: %s", what, len(problems), len(questions), problems[0])
    if questions and len(problems) == len(questions):
        raise AnatomyError(
            f"interpretability: no {what} from {completions.url}: {problems[0]}; check base_url and "
            "model, and rerun: what was answered is kept"
        )
    return answers


def group_prompt(
    members: Sequence[tuple[str, Windows]], strings: Sequence[str]
) -> list[dict[str, str]]:
    """The messages that ask what latents have in common, by their explanations and some windows."""
    texts = []
    for explanation, windows in members:
        excerpts = [marked(windows, at, strings) for at in range(len(windows))]
        texts.append(f"{explanation}\n\n{numbered(excerpts)}")
    return messages_of(GROUP_EXPLAINER, numbered(texts, "Latent"))


def choice_prompt(parts: Sequence[str], options: Sequence[str]) -> list[dict[str, str]]:
    """The messages that ask which of the `options` relates most to the `parts`."""
    return messages_of(CHOOSER, f"{numbered(parts, 'Part')}\n\n{numbered(options, 'Latent')}")


def parse_choice(answer: str, number: int) -> int | None:
    """The place of the option in an answer, from 0; None if there is none of the `number`."""
    text = visible(answer)
    found = re.findall(r'"choice"\s*:\s*"?(\d+)', text) or re.findall(r"^\D*(\d+)\D*$", text)
    return int(found[-1]) - 1 if found and 1 <= int(found[-1]) <= number else None
