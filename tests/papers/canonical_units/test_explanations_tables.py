"""From planted stores to the tables of explanations and questions, with both backends."""

import json
import re
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.anatomy.interpretability.test_endpoint import VARIABLE, serving
from tests.papers.canonical_units.explanations_stores import (
    BLOCK,
    CONTEXTS,
    FIRST,
    INTERPRETABILITY,
    META,
    SILENT,
    planted,
)
from tests.running import run_script
from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.interpretability import settings_of
from workflow_scripts.anatomy.interpretability.halves import Halves
from workflow_scripts.papers.canonical_units.explanations import choice, explained
from workflow_scripts.papers.canonical_units.explanations.by_model import ModelExplainer
from workflow_scripts.papers.canonical_units.explanations.composed import ComposedCodes
from workflow_scripts.papers.canonical_units.explanations.explainer import Explainer
from workflow_scripts.papers.canonical_units.explanations.taken_apart import take_apart
from workflow_scripts.papers.canonical_units.tables import fig1, mcq, table1


@pytest.fixture(scope="module", params=["siblings", "alone"])
def world(request, tmp_path_factory):
    found = planted(tmp_path_factory.mktemp(request.param), request.param == "siblings")
    explain(found, INTERPRETABILITY)
    return request.param, found


@pytest.fixture(scope="module")
def siblings(tmp_path_factory):
    found = planted(tmp_path_factory.mktemp("planted"), True)
    explain(found, INTERPRETABILITY)
    return found


def explain(found, interpretability, to=None):
    files = vars(found.files)
    run_script(
        "explain_meta_latents",
        found.files.sae.parent / "explain.log",
        input={name: path for name, path in files.items() if name != "explanations"},
        output={"explanations": to or found.files.explanations},
        params={"interpretability": interpretability, "explanations": BLOCK, "seed": 0}
        | {"explained_by": explained.__name__},
    )
    return read_table(to or found.files.explanations)


def params(**other):
    given = {"interpretability": INTERPRETABILITY, "explanations": BLOCK, "seed": 0}
    return SimpleNamespace(**given | other)


def opened(found):
    return take_apart(found.files.sae, found.files.codes, found.files.meta)


def share_right(tables, control, left_out):
    shares = tables["shares"]
    rows = shares[(shares["control"] == control) & (shares["left_out"] == left_out)]
    return rows.set_index(rows["n_meta_latents"].astype(str)).loc["all"]


def test_a_meta_sae_of_the_planted_parts_finds_them(siblings):
    apart = opened(siblings)
    assert apart.latents.tolist() == list(range(len(siblings.owners)))
    np.testing.assert_array_equal(apart.activations.toarray() > 0, siblings.owners)
    np.testing.assert_allclose(apart.variance_explained, 1, atol=1e-5)
    np.testing.assert_array_equal(apart.n_latents, siblings.owners.sum(0))
    assert apart.codes.width == len(siblings.owners) + SILENT


def test_questions_are_right_where_siblings_share_tokens_and_chance_elsewhere(world):
    kind, found = world
    tables = mcq.tabulate(found.files, params())
    questions, n = tables["table"], len(found.owners)
    assert len(questions) == 4 * n
    real = questions[(questions["control"] == "real") & (questions["left_out"] == "options")]
    assert sorted(real["latent"]) == list(range(n))
    np.testing.assert_array_equal(real["n_active"], found.owners.sum(1)[real["latent"]])
    assert (real["n_meta_latents"] <= real["n_active"]).all()
    assert ((real["chosen"] == real["latent"]) == real["correct"]).all()
    # With the latent itself among what explains its meta-latents, it is told in either world.
    assert share_right(tables, "real", "nothing")["share_lo"] > 0.4
    share = share_right(tables, "real", "options")
    if kind == "siblings":
        assert share["share_lo"] > 0.4
    else:
        assert share["share_lo"] < 0.2 < share["share_hi"]
    for left_out in ("options", "nothing"):
        share = share_right(tables, "shuffled", left_out)
        assert share["share_lo"] < 0.2 < share["share_hi"]
        assert share["questions"] + share["unanswered"] == n


def test_the_same_seed_gives_the_same_tables_and_another_one_others(siblings):
    one, same, other = (mcq.tabulate(siblings.files, params(seed=seed)) for seed in (0, 0, 1))
    for name in one:
        pd.testing.assert_frame_equal(one[name], same[name])
    assert not one["table"]["right"].equals(other["table"]["right"])


def test_fewer_questions_are_asked_where_fewer_are_wanted(siblings):
    few = params(explanations=BLOCK | {"questions": 7, "left_out": ["nothing"]})
    table = mcq.tabulate(siblings.files, few)["table"]
    assert len(table) == 2 * 7 and set(table["left_out"]) == {"nothing"}


def test_unanswered_questions_are_counted_and_not_wrong():
    asked = pd.DataFrame({"correct": [1.0, 0.0, np.nan], "n_meta_latents": [2, 2, 0]})
    found = mcq.shares(asked.assign(control="real", left_out="options")).set_index("n_meta_latents")
    assert found.loc["all", ["share", "questions", "unanswered"]].tolist() == [0.5, 2, 1]
    assert np.isnan(found.loc[0, "share"]) and found.loc[0, "unanswered"] == 1


def test_meta_latents_fire_where_their_latents_add_up_to_most(siblings):
    apart = opened(siblings)
    codes, composed = apart.codes, ComposedCodes(apart)
    whole = np.zeros((codes.width, META))
    whole[apart.latents] = apart.activations.toarray()
    product = codes.rows(slice(0, CONTEXTS)).toarray() @ whole
    counted = np.tile(np.arange(codes.shape[1]) >= FIRST, CONTEXTS)
    kept = round(apart.firing_share.mean() * counted.sum())
    expected = np.where(product >= np.sort(product[counted], axis=0)[-kept], product, 0)
    np.testing.assert_allclose(
        composed.rows(slice(0, CONTEXTS)).toarray(), expected, rtol=1e-5, atol=1e-6
    )
    assert ((expected[counted] > 0).sum(0) == kept).all()


def test_explanations_say_what_fires(siblings):
    table = read_table(siblings.files.explanations)
    latents, meta_latents = (
        table[table["kind"] == kind].set_index("latent") for kind in ("latent", "meta_latent")
    )
    assert latents["sampled"].sum() == 10
    assert meta_latents["n_latents"].tolist() == siblings.owners.sum(0).tolist()
    shuffled = table[table["kind"] == "shuffled"].set_index("latent")
    np.testing.assert_array_equal(shuffled["n_latents"], meta_latents["n_latents"])
    assert meta_latents["score"].mean() > shuffled["score"].mean()
    assert latents["score"].min() > 0.9 and meta_latents["score"].min() > 0.7
    for latent, text in latents["explanation"].items():
        assert f'"w{latent}"' in text
    for meta_latent, text in meta_latents["explanation"].items():
        assert f'"m{meta_latent}"' in text


def test_decompositions_are_chosen_by_rule(siblings):
    apart = opened(siblings)
    generator = np.random.default_rng(4)
    object.__setattr__(apart, "variance_explained", generator.random(len(apart.latents)))
    share = apart.firing_share
    block = BLOCK | {"firing_share": [float(np.median(share)), 1.0]}
    chosen = choice.choose(apart, block, 0)
    fit = np.flatnonzero(share >= np.median(share))
    best = fit[np.argsort(-apart.variance_explained[fit])]
    assert chosen.places[:4].tolist() == best[:4].tolist()
    assert set(chosen.places[4:]) <= set(best[4:]) and len(set(chosen.places)) == 6
    assert chosen.why == [choice.LARGEST] * 4 + [choice.RANDOM] * 2
    assert choice.choose(apart, block, 0).places.tolist() == chosen.places.tolist()
    assert len(choice.choose(apart, BLOCK | {"firing_share": [0.9, 1]}, 0).places) == 0


def test_table_1_has_a_row_for_each_part(siblings):
    table = table1.tabulate(siblings.files, params())["table"]
    assert table["latent"].nunique() == 6
    for latent, rows in table.groupby("latent"):
        assert set(rows["meta_latent"]) == set(np.flatnonzero(siblings.owners[latent]))
        assert rows["activation"].is_monotonic_decreasing
        np.testing.assert_allclose((rows["activation"] ** 2).sum(), 1, rtol=1e-5)
    assert table["explanation"].notna().all() and table["latent_explanation"].notna().all()


def test_figure_1_is_the_first_of_table_1_with_three_meta_latents(siblings):
    rows = table1.tabulate(siblings.files, params())["table"]
    parts = rows.groupby("latent", sort=False).size()
    first = next(iter(parts.index[parts >= 3]), parts.index[0])
    tables = fig1.tabulate(siblings.files, params())
    edges, nodes = tables["table"], tables["nodes"]
    assert nodes["node"].is_unique
    assert nodes.loc[nodes["kind"] == "middle", "latent"].tolist() == [first]
    parts = nodes.loc[nodes["kind"] == "part", "latent"]
    assert set(parts) == set(np.flatnonzero(siblings.owners[first]))
    activations = opened(siblings).activations.toarray()
    for edge in edges[edges["kind"] == "member"].itertuples():
        latent, part = int(edge.target.split()[1]), int(edge.source.split()[1])
        assert latent != first and edge.strength == pytest.approx(activations[latent, part])
    rest = np.delete(activations, first, axis=0)
    cosines = {
        frozenset(pair): float(rest[:, pair[0]] @ rest[:, pair[1]])
        / np.prod(np.linalg.norm(rest[:, pair], axis=0))
        for pair in ([a, b] for a in parts for b in parts if a < b)
    }
    shared = edges[edges["kind"] == "shared"]
    found = {
        frozenset((int(one.split()[1]), int(other.split()[1]))): strength
        for one, other, strength in zip(
            shared["source"], shared["target"], shared["strength"], strict=True
        )
    }
    assert found == pytest.approx({pair: value for pair, value in cosines.items() if value > 0})


def test_without_a_latent_to_show_the_tables_are_empty(siblings):
    none = params(explanations=BLOCK | {"firing_share": [0.9, 1]})
    assert table1.tabulate(siblings.files, none)["table"].empty
    tables = fig1.tabulate(siblings.files, none)
    assert tables["table"].empty and tables["nodes"].empty


def test_a_meta_sae_of_another_length_is_an_error(siblings, tmp_path):
    files = siblings.files
    with pytest.raises(AnatomyError, match="of directions in"):
        from tests.conftest import random_dictionary

        random_dictionary(5, 4).save(tmp_path / "other.safetensors")
        take_apart(files.sae, files.codes, tmp_path / "other.safetensors")


def speaking(messages):
    """A model that explains by the words of most texts, or by all, and chooses by the words in common."""
    system, user = messages[0]["content"], messages[1]["content"]
    if "Choose the one" in system:
        parts = " ".join(re.findall(r"Part \d+:\n(.*)", user))
        given = Counter(parts.split())
        options = [set(text.split()) for text in re.findall(r"Latent \d+:\n(.*)", user)]
        common = [sum(given[word] for word in option) for option in options]
        return json.dumps({"choice": common.index(max(common)) + 1})
    if "JSON list" in system:
        words = re.search("The latent: (.*)", user)[1].split()
        excerpts = re.split(r"Excerpt \d+:\n", user)[1:]
        return json.dumps([int(any(word in excerpt for word in words)) for excerpt in excerpts])
    if "group of latents" in system:
        texts = re.findall(r"Latent \d+:\n(.*)", user)
        words = Counter(word for text in texts for word in text.split())
        common = Counter({word: n for word, n in words.items() if 2 * n >= len(texts)})
        words, most = common or words, len(words)
    else:
        most = 4  # a latent fires on four tokens at most
        words = Counter(re.findall(r"[mw]\d+", " ".join(re.findall("«(.*?)»", user))))
    return json.dumps({"explanation": " ".join(word for word, _ in words.most_common(most))})


@pytest.fixture
def endpoint(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "sk-test")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        server.model = speaking
        about = {"backend": "endpoint", "base_url": server.url, "model": "m"}
        about |= {"api_key_variable": VARIABLE, "cache": str(tmp_path / "cache")}
        yield server, INTERPRETABILITY | about


def test_a_language_model_explains_and_answers(world, endpoint, tmp_path):
    kind, found = world
    server, settings = endpoint
    table = explain(found, settings, tmp_path / "explanations.csv")
    assert table["explanation"].notna().all()
    tables = mcq.tabulate(found.files, params(interpretability=settings))
    assert share_right(tables, "real", "nothing")["share_lo"] > 0.6
    share = share_right(tables, "real", "options")
    assert share["share_lo"] > 0.5 if kind == "siblings" else share["share"] < 0.5
    assert share_right(tables, "shuffled", "options")["share"] < 0.6
    asked = len(server.requests)
    mcq.tabulate(found.files, params(interpretability=settings))
    assert len(server.requests) == asked, "what was answered is not asked for again"
    if kind == "siblings":
        meta = table[table["kind"] == "meta_latent"].set_index("latent")
        assert all(f"m{at}" in text.split() for at, text in meta["explanation"].items())
        assert meta["score"].mean() > 0.6


def test_a_language_model_sees_the_explanation_half_alone(siblings, endpoint):
    _, settings = endpoint
    apart, store = opened(siblings), open_activations(siblings.files.activations)
    explainer = Explainer(store, siblings.strings, settings_of(settings), BLOCK, 0)
    model = ModelExplainer(explainer, apart.codes)
    model.explain_latents(apart.latents)
    halves = Halves.of(store.units, explainer.seed)
    assert len(model.windows) == len(apart.latents)
    assert all(halves.explain(own.context, own.start).all() for own in model.windows.values())


def test_what_is_left_out_is_in_no_explanation(endpoint, tmp_path):
    """The model explains a meta-latent by the tokens of all its latents, so a question shows these."""
    found = planted(tmp_path, siblings=False)
    explain(found, INTERPRETABILITY)
    server, settings = endpoint
    for left_out in ("options", "nothing"):
        server.requests.clear()
        block = BLOCK | {"questions": 12, "left_out": [left_out]}
        mcq.tabulate(found.files, params(interpretability=settings, explanations=block))
        users = [request["messages"][1]["content"] for request in server.requests]
        asked = [text.split("Latent 1:") for text in users if text.startswith("Part 1:")]
        assert len(asked) == 2 * 12
        both = [len(set(re.findall(r"w\d+", a)) & set(re.findall(r"w\d+", b))) for a, b in asked]
        if left_out == "options":
            assert not any(both)
        else:
            assert all(both[:12])  # those with the right meta-latents, asked first
