"""Figures 12 and 13: which latents are shown, how alike pairs are, and the tables, against plain loops."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given as anything
from hypothesis import strategies as st

from tests.conftest import SITE
from tests.papers.canonical_units.stitching_worlds import (
    CONTEXTS,
    FIRST,
    POSITIONS,
    D,
    dense,
    planted_pair,
)
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.models.language_model import build, load_model
from workflow_scripts.anatomy.models.logit_weights import logits, unembedding
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.anatomy.text.tokenization import token_strings, train_tokenizer
from workflow_scripts.papers.canonical_units.dashboards import choice, shown
from workflow_scripts.papers.canonical_units.dashboards.choice import (
    exchanged,
    matched_pairs,
    novel_latent,
)
from workflow_scripts.papers.canonical_units.figures.dashboards import draw
from workflow_scripts.papers.canonical_units.tables import fig12, fig13

DRAWS, SEED = 60, 4
PARAMS = SimpleNamespace(site=SITE, analysis={"bootstrap": DRAWS}, seed=SEED)
TOKENS = CONTEXTS * (POSITIONS - FIRST)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A planted pair with its model, tokenizer and, as figure 4 has it, insertions."""
    folder = tmp_path_factory.mktemp("dashboards")
    pair = planted_pair(folder)
    (folder / "text.jsonl").write_text(
        json.dumps({"id": "a", "text": "def f(self):\n    pass\n" * 9})
    )
    train_tokenizer(folder / "text.jsonl", 270, folder / "tokenizer.json")
    torch.manual_seed(0)
    vocabulary = len(token_strings(folder / "tokenizer.json"))
    # Two rows more than there are tokens, as padding.
    model = build("gpt2", {"n_embd": D, "n_head": 2, "n_layer": 2}, 16, vocabulary + 2, 0)
    for weights in model.parameters():
        torch.nn.init.normal_(weights, 0.3, 0.5)
    model.save_pretrained(folder / "model")
    about = {"name": "planted", "kind": "train", "path": "model", "dtype": "float32"}
    (folder / "model.json").write_text(json.dumps(about))
    change = np.linspace(-1, 1, pair.large.width)
    insertions = pd.DataFrame(
        {"latent": range(len(change)), "delta_mse_latent": change, "novel": True}
    )
    insertions = insertions.assign(
        delta_mse_latent_hi=change + 0.2, sae_small=pair.small.name, sae_large=pair.large.name
    )
    # The two largest decreases are of a latent that is not novel, and of one that is uncertain.
    insertions.loc[0, "novel"], insertions.loc[1, "delta_mse_latent_hi"] = False, 0.1
    write_table(folder / "fig4.csv", insertions)
    saes = (pair.large, pair.small)
    input = SimpleNamespace(
        activations=folder / "harvest.zarr",
        model=folder / "model.json",
        tokenizer=folder / "tokenizer.json",
        insertions=folder / "fig4.csv",
        saes=[folder / f"{sae.name}.safetensors" for sae in saes],
        codes=[sae.codes.path for sae in saes],
    )
    return pair, input


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """What is often, on so few tokens."""
    monkeypatch.setattr(choice, "OFTEN", 60)


def cosines(pair):
    small, large = (
        torch.nn.functional.normalize(half.directions.double(), dim=1)
        for half in (pair.small, pair.large)
    )
    return (small @ large.T).numpy()


def fires_often(pair):
    return [(dense(half) > 0).sum(0) >= 60 for half in (pair.small, pair.large)]


def test_pairs_are_the_most_alike_of_latents_that_fire_often(world):
    pair, _ = world
    every, (small, large) = cosines(pair), fires_often(pair)
    assert not (small.all() and large.all())
    every[~small], every[:, ~large] = -2, -2
    expected, taken = [], set()
    for column in np.argsort(-every.max(0)):
        row = every[:, column].argmax()
        if every[row, column] > -2 and row not in taken:
            taken.add(row)
            expected.append((row, column))
    found = matched_pairs(pair.small, pair.large, 50)
    assert list(zip(found.small.tolist(), found.large.tolist(), strict=True)) == expected
    np.testing.assert_allclose(found.cosine, [every[at] for at in expected], atol=1e-6)
    assert found.cosine[0] == pytest.approx(every.max(), abs=1e-6)
    few = matched_pairs(pair.small, pair.large, 2)
    assert all(np.array_equal(some, all_[:2]) for some, all_ in zip(few, found, strict=True))


@anything(st.lists(st.integers(0, 1000), min_size=2, max_size=30, unique=True), st.integers(0, 99))
def test_random_pairs_are_of_the_same_latents_and_none_is_its_own(large, seed):
    found = exchanged(np.array(large), seed)
    assert sorted(found) == sorted(large)
    assert (found != large).all()
    assert np.array_equal(found, exchanged(np.array(large), seed))


def test_the_novel_latent_is_the_one_that_helps_most_for_certain(world):
    pair, input = world
    table = read_table(input.insertions)
    assert novel_latent(table, pair.small, pair.large) == 2
    assert novel_latent(table.assign(novel=False), pair.small, pair.large) is None
    assert novel_latent(table.assign(sae_small="other"), pair.small, pair.large) is None
    assert novel_latent(table.assign(delta_mse_latent_hi=0.0), pair.small, pair.large) is None


def strongest_places(codes):
    """The strongest places, one a context, of each latent; codes (tokens, m)."""
    codes = codes.reshape(CONTEXTS, POSITIONS - FIRST, -1)
    found = []
    for latent in range(codes.shape[2]):
        top = codes[..., latent].max(1)
        contexts = np.argsort(-top)[: shown.EXTENT.contexts]
        contexts = contexts[top[contexts] > 0]
        found.append({(at, FIRST + codes[at, :, latent].argmax()) for at in contexts})
    return found


def test_how_alike_pairs_are(world):
    pair, input = world
    table = fig12.tabulate(input, PARAMS)["pairs"]
    matched = matched_pairs(pair.small, pair.large, 50)
    assert (table["kind"] == "matched").sum() == (table["kind"] == "random").sum()
    assert table.loc[table["kind"] == "matched", "latent_small"].tolist() == matched.small.tolist()
    small, large = dense(pair.small), dense(pair.large)
    places = strongest_places(small), strongest_places(large)
    model, _ = load_model(input.model)
    rows = unembedding(model, len(token_strings(input.tokenizer)))
    weights = [logits(half.directions, rows).double().numpy() for half in (pair.small, pair.large)]
    for _, row in table.iterrows():
        at = row["latent_small"], row["latent_large"]
        left, right = small[:, at[0]], large[:, at[1]]
        assert row["decoder_cosine"] == pytest.approx(cosines(pair)[at], abs=1e-6)
        sums = {
            name: part.reshape(CONTEXTS, -1).sum(1)
            for name, part in (("xy", left * right), ("x", left**2), ("y", right**2))
        }
        expected = document_interval(
            lambda s: s["xy"] / np.sqrt(s["x"] * s["y"]), sums, DRAWS, SEED
        )
        names = ["activation_cosine", "activation_cosine_lo", "activation_cosine_hi"]
        np.testing.assert_allclose(row[names].astype(float), expected, rtol=1e-6)
        one, other = places[0][at[0]], places[1][at[1]]
        assert row["top_overlap"] == len(one & other) / max(len(one), len(other))
        correlation = np.corrcoef(weights[0][at[0]], weights[1][at[1]])[0, 1]
        assert row["logit_correlation"] == pytest.approx(correlation, abs=1e-5)
        assert row["firings_small"] == (left > 0).sum()
        assert row["firings_large"] == (right > 0).sum()


def test_figure_12_shows_both_latents_of_the_first_pair(world):
    pair, input = world
    tables = fig12.tabulate(input, PARAMS)
    matched = matched_pairs(pair.small, pair.large, 1)
    latents = tables["latents"]
    assert latents["sae"].tolist() == [pair.small.name, pair.large.name]
    assert latents["latent"].tolist() == [matched.small[0], matched.large[0]]
    np.testing.assert_allclose(latents["cosine"], matched.cosine[0])
    assert (latents["role"] == "pair").all()
    for sae, rows in tables["tokens"].groupby("sae"):
        half = pair.small if sae == pair.small.name else pair.large
        assert rows["latent"].nunique() == 1
        assert rows["side"].value_counts().tolist() == [shown.TOKENS] * 2
        # Against the model's own modules: bias apart, the final norm with the scale held fixed.
        model, _ = load_model(input.model)
        w = half.directions[rows["latent"].iloc[0]].double()
        w = (w - w.mean()) / w.norm() * model.transformer.ln_f.weight.double()
        strings = token_strings(input.tokenizer)
        weights = (model.lm_head.weight.double() @ w)[: len(strings)]
        weights = (weights - weights.mean()).sort(descending=True).values
        promoted = rows[rows["side"] == "promoted"]["logit_weight"]
        np.testing.assert_allclose(promoted, weights[: shown.TOKENS], rtol=1e-3, atol=1e-4)
        suppressed = rows[rows["side"] == "suppressed"]["logit_weight"]
        np.testing.assert_allclose(
            suppressed, weights.flip(0)[: shown.TOKENS], rtol=1e-3, atol=1e-4
        )


def test_figure_13_shows_the_novel_latent_and_its_nearest(world):
    pair, input = world
    tables = fig13.tabulate(input, PARAMS)
    latents = tables["latents"]
    assert latents["role"].tolist() == ["novel", *["nearest"] * 3]
    every = cosines(pair)[:, 2]
    every[~pair.small.fires] = -2
    nearest = np.argsort(-every)[:3]
    assert latents["latent"].tolist() == [2, *nearest]
    np.testing.assert_allclose(latents["cosine"], every[[nearest[0], *nearest]], atol=1e-6)
    shown_latents = tables["table"][["sae", "latent"]].drop_duplicates()
    assert len(shown_latents) == 4


def test_the_same_stores_give_the_same_tables_and_the_figure_is_drawn(world, tmp_path):
    _, input = world
    for module in (fig12, fig13):
        tables, again = module.tabulate(input, PARAMS), module.tabulate(input, PARAMS)
        for name, table in tables.items():
            pd.testing.assert_frame_equal(table, again[name])
            write_table(tmp_path / f"{name}.csv", table)
        names = ["table", "tokens", "latents", "histogram", *(["pairs"] if module is fig12 else [])]
        draw(*(read_table(tmp_path / f"{name}.csv") for name in names))


def text_of(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_without_a_latent_to_show_there_are_tables_without_rows(world, tmp_path, monkeypatch):
    _, input = world
    monkeypatch.setattr(choice, "OFTEN", TOKENS + 1)
    table = read_table(input.insertions).assign(novel=False)
    write_table(tmp_path / "fig4.csv", table)
    without = SimpleNamespace(**vars(input) | {"insertions": tmp_path / "fig4.csv"})
    for module in (fig12, fig13):
        tables = module.tabulate(without, PARAMS)
        full = module.tabulate(input, PARAMS)
        for name, table in tables.items():
            assert table.empty
            assert list(table) == list(full[name])
            write_table(tmp_path / f"{name}.csv", table)
        names = ["table", "tokens", "latents", "histogram", *(["pairs"] if module is fig12 else [])]
        figure = draw(*(read_table(tmp_path / f"{name}.csv") for name in names))
        assert "nothing to show" in text_of(figure)


def test_where_directions_are_not_of_the_residual_there_are_no_logit_weights(world, monkeypatch):
    """At hook_z, say, whose SAEs are shown without."""
    _, input = world
    monkeypatch.setattr(shown, "writes_residual", lambda site: False)
    monkeypatch.setattr(shown, "load_model", None)
    tables = fig12.tabulate(input, PARAMS)
    assert tables["tokens"].empty
    assert tables["pairs"]["logit_correlation"].isna().all()
    figure = draw(*(tables[name] for name in ("table", "tokens", "latents", "histogram", "pairs")))
    assert "no logit weights at this hook point" in text_of(figure)
