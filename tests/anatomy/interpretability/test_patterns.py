"""The offline backend: planted latents are found, random ones are not."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.anatomy.interpretability.corpus import Corpus, PlantedCodes
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability import (
    Settings,
    interpret,
    python_store,
    settings_of,
)
from workflow_scripts.anatomy.interpretability.matching import REACH, Pattern, Positions, predict
from workflow_scripts.anatomy.interpretability.pattern_search import find_patterns
from workflow_scripts.anatomy.interpretability.patterns import describe, judge
from workflow_scripts.anatomy.interpretability.scores import latent_scores, tidy
from workflow_scripts.anatomy.interpretability.windows import Windows

N_RANDOM = 12


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    corpus = Corpus()
    tokens = corpus.tokens
    before = np.roll(tokens, 1, axis=1)
    before[:, 0] = -1
    self_id, open_id, dot_id = corpus.ids("self", "(", ".")
    fires = {
        "token": np.isin(tokens, corpus.ids(" self", "self")),
        "after": before == open_id,
        "token after": (tokens == dot_id) & (before == self_id),
        "number": corpus.labelled("number"),
        "comment": corpus.labelled("comment"),
        "docstring": corpus.labelled("docstring"),
        "in brackets": corpus.labelled("identifier") & corpus.labelled("square brackets"),
        "two kinds": (tokens == corpus.ids(" if")[0]) | corpus.labelled("string"),
        "rare": np.zeros(tokens.shape, dtype=bool),
    }
    fires["rare"][3, 40] = True
    generator = np.random.default_rng(5)
    for at in range(N_RANDOM):
        fires[f"random {at}"] = generator.random(tokens.shape) < (0.005, 0.03)[at % 2]
    store = corpus.store(tmp_path_factory.mktemp("patterns") / "store.zarr")
    codes = PlantedCodes(list(fires.values()))
    result = interpret(store, codes, corpus.strings, Settings(latents=None), seed=0)
    examples, judgements = result
    scores = latent_scores(tidy(examples, judgements)).assign(name=list(fires)).set_index("name")
    return corpus, store, codes, dict(zip(fires, examples, strict=True)), judgements, scores


@pytest.mark.parametrize(
    "name, words",
    [
        ("token", ['"self"', '" self"']),
        ("after", ['right after "("']),
        ("token after", ['"."', 'right after "self"']),
        ("number", ["a number"]),
        ("comment", ["in a comment"]),
        ("docstring", ["in a docstring"]),
        ("in brackets", ["inside square brackets", "an identifier"]),
        ("two kinds", ['" if"', "in a string"]),
    ],
)
def test_planted_latents_are_explained_and_detected(judged, name, words):
    score = judged[-1].loc[name]
    assert score["score"] > 0.95, score["explanation"]
    assert all(word in score["explanation"] for word in words), score["explanation"]
    assert score["explanation"].count(";") <= 1, score["explanation"]


def test_random_latents_score_near_chance(judged):
    random = judged[-1].filter(like="random", axis=0)["score"]
    assert len(random) == N_RANDOM
    assert abs(random.mean() - 0.5) < 0.03
    assert (random - 0.5).abs().max() < 0.15


def test_a_latent_that_cannot_be_judged_stays_in_the_table(judged):
    rare = judged[-1].loc["rare"]
    assert np.isnan(rare["score"])
    assert rare["problem"].startswith("too few activations")
    assert pd.isna(rare["explanation"])


def test_where_a_planted_latent_fires_is_predicted(judged):
    _, _, _, examples, _, _ = judged
    for name in ("token after", "number", "in brackets"):
        own = examples[name]
        predicted = predict(find_patterns(own), own.detection) > 0
        # The token before a window is not seen, so its first position may be missed.
        agree = predicted[:, 1:] == (own.detection.activations[:, 1:] > 0)
        assert agree.mean() > 0.999


def test_patterns_state_their_own_statistics(judged):
    _, _, _, examples, judgements, _ = judged
    own = examples["number"]
    (pattern,) = find_patterns(own)
    assert pattern.labels == ("number",)
    assert pattern.precision == 1.0
    assert pattern.recall == 1.0
    active = np.concatenate([own.top.activations, own.spread.activations])
    expected = active[active > 0].mean(dtype=np.float64) / active.max()
    assert pattern.weight == pytest.approx(expected, rel=1e-6)
    assert json.loads(json.dumps(judgements[3].details)) == [
        {"labels": ["number"], "weight": pattern.weight, "precision": 1.0, "recall": 1.0}
    ]


def test_the_same_input_gives_the_same_judgements(judged):
    corpus, _, _, examples, judgements, _ = judged
    again = judge(examples.values(), corpus.strings)
    assert [one.explanation for one in again] == [one.explanation for one in judgements]
    for one, other in zip(again, judgements, strict=True):
        np.testing.assert_array_equal(one.fires, other.fires)


def windows_of(tokens, labels=None) -> Windows:
    tokens = np.array(tokens, dtype=np.int32)
    zeros = np.zeros(len(tokens), dtype=np.int64)
    bits = np.zeros(tokens.shape, dtype=np.uint64) if labels is None else labels
    return Windows(tokens, np.zeros(tokens.shape, np.float32), bits, zeros, zeros)


def test_matching_against_a_loop():
    generator = np.random.default_rng(0)
    windows = windows_of(
        generator.integers(0, 4, (30, 20)), generator.integers(0, 4, (30, 20)).astype(np.uint64)
    )
    pattern = Pattern(token=1, labels=("comment", "string"), after=2, since=3)
    found = Positions(windows).matches(pattern)
    assert found.any()
    for row in range(30):
        for at in range(20):
            tokens = windows.tokens[row]
            expected = (
                tokens[at] == 1
                and windows.labels[row, at] == 3
                and at > 0
                and tokens[at - 1] == 2
                and 3 in tokens[max(0, at - REACH) : at]
            )
            assert found[row, at] == expected
    assert Positions(windows).matches(Pattern()).all()


def test_predictions_take_the_largest_weight():
    windows = windows_of([[0, 1, 2]])
    patterns = [Pattern(token=1, weight=0.25), Pattern(after=0, weight=0.5), Pattern(token=2)]
    assert predict(patterns, windows).tolist() == [[0.0, 0.5, 0.0]]


def test_descriptions():
    strings = [" self", "(", "\n"]
    assert describe([], strings) == "no pattern of tokens or labels tells where it fires"
    patterns = [
        Pattern(token=0, after=1, recall=0.5),
        Pattern(labels=("number", "parentheses"), recall=0.25),
        Pattern(token=2, after=1, recall=0.1),
        Pattern(since=0, recall=0.05),
    ]
    assert describe(patterns, strings) == (
        'fires on: " self" or "\\n", right after "(" (60%); a number, inside parentheses (25%); '
        'any token, within 8 tokens after " self" (5%)'
    )


def test_text_that_is_not_python_gets_generic_labels(tmp_path):
    corpus = Corpus(contexts=100)
    words = [f"{first}{second}" for first in "bdfgklmnprst" for second in ("an", "oft", "ello")]
    corpus.strings = [f" {word}" for word in words] + [f" {word.title()}" for word in words]
    generator = np.random.default_rng(0)
    names = generator.random(corpus.tokens.shape) < 0.01
    corpus.tokens = generator.integers(0, len(words), names.shape, dtype=np.int32)
    corpus.tokens[names] += len(words)
    store = corpus.store(tmp_path / "prose.zarr")
    assert not python_store(store, corpus.strings, 0)
    codes = PlantedCodes([names])
    _, judgements = interpret(store, codes, corpus.strings, Settings(latents=None), seed=0)
    assert judgements[0].explanation == "fires on: a capitalised word (100%)"


def test_settings_are_checked():
    assert settings_of({"latents": None, "window": 16}).window == 16
    with pytest.raises(AnatomyError, match=r"interpretability\.windows: no such key"):
        settings_of({"windows": 16})
    with pytest.raises(AnatomyError, match="'local' is none of offline, endpoint"):
        settings_of({"backend": "local"})
    with pytest.raises(AnatomyError, match=r"interpretability\.negatives: 0 is too small"):
        settings_of({"negatives": 0})
