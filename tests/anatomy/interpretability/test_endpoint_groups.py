"""Groups of latents and choices, against the server of the endpoint's tests."""

import json
import re

import pytest

from tests.anatomy.interpretability.test_endpoint import (
    STRINGS,
    VARIABLE,
    client,
    examples_of,
    serving,
)
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability.endpoint import ASKED_AGAIN, judge
from workflow_scripts.anatomy.interpretability.endpoint_groups import (
    ask_all,
    choice_question,
    explanation_question,
    group_prompt,
    parse_choice,
)
from workflow_scripts.anatomy.interpretability.judgement import correct


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv(VARIABLE, "sk-test")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with serving() as one:
        yield one


def choosing(messages):
    """Chooses the latent whose description is a part's."""
    user = messages[1]["content"]
    part = re.search(r"Part 1:\n(.*)", user)[1]
    options = re.findall(r"Latent \d+:\n(.*)", user)
    return json.dumps({"choice": options.index(part) + 1})


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ('{"choice": 3}', 2),
        ('Latent 2 or so.\n{"choice": "5"}', 4),
        ('<think>{"choice": 1}</think>{"choice": 2}', 1),
        ('{"choice": 1} no: {"choice": 4}', 3),
        ("Latent 4", 3),
        ("2", 1),
        ("Latent 2 or latent 4", None),
        ('{"choice": 0}', None),
        ('{"choice": 6}', None),
        ("none of them", None),
    ],
)
def test_a_choice_is_read(answer, place):
    assert parse_choice(answer, 5) == place


def test_questions_are_answered_in_their_order_and_replayed(server, tmp_path):
    server.model = choosing
    texts = ["sports", "ireland", "letters", "phones", "cities"]
    questions = [choice_question([text], texts) for text in texts]
    completions = client(server, tmp_path)
    assert ask_all(completions, questions, 3, "answers") == [0, 1, 2, 3, 4]
    assert len(server.requests) == 5
    # The connections were closed, and are opened anew.
    more = [choice_question(["sports"], texts[::-1])]
    assert ask_all(completions, [*questions, *more], 3, "answers") == [0, 1, 2, 3, 4, 4]
    assert len(server.requests) == 6


def test_a_group_is_explained_by_explanations_and_windows(server, tmp_path):
    members = [(f"explanation {at}", examples_of(at).top) for at in range(2)]
    server.model = lambda messages: json.dumps({"explanation": "animals"})
    question = explanation_question(group_prompt(members, STRINGS))
    assert ask_all(client(server, tmp_path), [question], 1, "explanations") == ["animals"]
    text = server.requests[0]["messages"][1]["content"]
    assert text.startswith("Latent 1:\nexplanation 0\n\nExcerpt 1:\n")
    assert text.index("« cat»") < text.index("Latent 2:\nexplanation 1") < text.index("« dog»")


def test_what_stays_without_an_answer_is_none_and_nothing_at_all_an_error(server, tmp_path):
    questions = [choice_question(["a"], [text, "a"]) for text in ("a", "b")]
    server.model = lambda messages: (
        "I would rather not." if "Latent 1:\nb" in messages[1]["content"] else choosing(messages)
    )
    assert ask_all(client(server, tmp_path), questions, 1, "answers") == [0, None]
    assert len(server.requests) == 2 + ASKED_AGAIN
    with pytest.raises(AnatomyError, match=r"no answers from http.*could not be read"):
        ask_all(client(server, tmp_path), questions[1:], 1, "answers")
    assert ask_all(client(server, tmp_path), [], 1, "answers") == []


def test_without_a_key_a_replay_is_all_that_there_is(server, tmp_path, monkeypatch):
    server.model = choosing
    question = choice_question(["b"], ["a", "b"])
    ask_all(client(server, tmp_path), [question], 1, "answers")
    monkeypatch.delenv(VARIABLE)
    assert ask_all(client(server, tmp_path), [question], 1, "answers") == [1]
    with pytest.raises(AnatomyError, match="holds no API key"):
        ask_all(client(server, tmp_path), [choice_question(["a"], ["a"])], 1, "answers")


def test_known_explanations_are_tested_and_not_asked_for(server, tmp_path, monkeypatch):
    examples = [examples_of(at) for at in range(3)]
    known = {0: "the word cat", 1: "the word cat", 2: None}
    found = judge(examples, STRINGS, client(server, tmp_path), explanations=known)
    assert [one.explanation for one in found] == ["the word cat", "the word cat", None]
    assert correct(examples[0], found[0]).mean() == 1
    assert correct(examples[1], found[1]).mean() < 1  # it is about dogs
    assert found[2].problem == "no explanation"
    assert all("JSON list" in request["messages"][0]["content"] for request in server.requests)
    monkeypatch.delenv(VARIABLE)
    again = judge(examples, STRINGS, client(server, tmp_path), explanations=known)
    assert [one.fires.tolist() for one in again] == [one.fires.tolist() for one in found]
