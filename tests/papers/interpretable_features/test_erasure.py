"""The exhibit on erasure: what is chosen where, ways of removing, and their comparison at equal removal."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from concept_erasure import LeaceEraser
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tests.anatomy.models.tiny_models import tiny
from tests.conftest import plant_harvest, random_dictionary
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.interventions.capability import Capability
from workflow_scripts.anatomy.interventions.editing import Amount
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.statistics.components import (
    independent_components,
    principal_components,
    save_components,
)
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.interpretable_features.labels import LabelledTokens
from workflow_scripts.papers.interpretable_features.matching import kl_at, log_ratios
from workflow_scripts.papers.interpretable_features.order import Order, by_difference
from workflow_scripts.papers.interpretable_features.removal import METHODS, STRENGTHS, edits_of
from workflow_scripts.papers.interpretable_features.removed import curves, matched
from workflow_scripts.papers.interpretable_features.tables import erasure

SITE, D, M, C, T, FIRST = "blocks.1.hook_resid_post", 16, 24, 60, 9, 1
ANALYSIS = {"split": "document", "train_fraction": 0.6, "bootstrap": 100}
CAPABILITY = Capability((np.array([3, 7, 11, 12, 30, 31, 32]),), np.arange(15, 28))


@pytest.fixture(scope="module")
def model():
    return tiny("gpt2")


@pytest.fixture(scope="module")
def store(model, tmp_path_factory):
    ids = torch.randint(0, 50, (C, T), generator=torch.Generator().manual_seed(4))
    with capturing(model, [SITE]) as captured:
        model(ids, use_cache=False)
    path = tmp_path_factory.mktemp("h") / "h.zarr"
    documents = np.repeat(np.arange(C // 3, dtype=np.int32), 3)[:, None] + np.zeros(
        (C, T), np.int32
    )
    x = {SITE: captured[SITE].numpy()}
    return plant_harvest(path, x, ids.numpy(), None, FIRST, documents)


@pytest.fixture(scope="module")
def labelled(store):
    return LabelledTokens(store, SITE, Split.of(ANALYSIS, 0, store), CAPABILITY)


@pytest.fixture(scope="module")
def components(store):
    rows = store.activations(SITE)[:].reshape(-1, D).astype(np.float64)
    pca = principal_components(rows.mean(0), np.cov(rows.T, bias=True))
    return {"pca": pca, "ica": independent_components(rows, 4, 0)}


@pytest.fixture(scope="module")
def sae(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sae")
    dictionary = random_dictionary(D, M, input_scale=1.7)
    dictionary.metadata["site"] = SITE
    dictionary.save(folder / "sae.safetensors")
    reconstruct(dictionary, store, SITE, folder / "codes.zarr")
    return open_sae(folder / "sae.safetensors", folder / "codes.zarr")


def by_hand(store, labelled):
    """Activations and classes of the training tokens whose next token counts, one by one."""
    tokens, x = store.group["tokens"][:], store.activations(SITE)[:]
    train = labelled.split.masks(slice(0, C), T)[0]
    rows, classes = [], []
    for context in range(C):
        for position in range(FIRST, T - 1):
            follows = tokens[context, position + 1]
            own = follows in CAPABILITY.groups[0]
            if train[context, position] and (own or follows in CAPABILITY.rivals):
                rows.append(x[context, position])
                classes.append(0 if own else 1)
    return torch.from_numpy(np.array(rows)), torch.tensor(classes)


def test_labelled_tokens_are_of_training_documents(store, labelled):
    x, classes = by_hand(store, labelled)
    found = [torch.cat(parts) for parts in zip(*labelled.activations(), strict=True)]
    assert torch.equal(found[0], x) and torch.equal(found[1], classes)
    assert labelled.counts().tolist() == torch.bincount(classes).tolist()
    chosen = labelled.whole_contexts(5)
    train, test = labelled.split.masks(slice(0, C), T)
    assert len(chosen) == 5 and not test[chosen].any() and train[chosen][:, FIRST:].all()
    judged = labelled.split.held_out_contexts(store.shape, 100)
    assert not set(judged) & set(labelled.whole_contexts(100))


def test_without_whole_training_contexts_nothing_is_chosen(store):
    split = Split("context", 1e-9, 0, FIRST, store.units)
    with pytest.raises(AnatomyError, match=r"raise analysis\.train_fraction"):
        LabelledTokens(store, SITE, split, CAPABILITY).whole_contexts(5)


def test_every_way_takes_away_what_it_should(store, labelled, components, sae):
    """Latents by their codes, subspaces by projection, and LEACE as concept-erasure has it."""
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(M, generator=generator, dtype=torch.float64)
    weight = torch.randn(D, generator=generator, dtype=torch.float64)
    order = Order(scores, lambda rows: rows @ weight)
    edits = edits_of(labelled, sae.dictionary, components, order, [1, 3, 50], 0)
    assert list(edits) == list(METHODS)
    x, classes = by_hand(store, labelled)
    found = {(name, amount): new for name, edit in edits.items() for amount, new in edit(x)}
    x64 = x.double()

    top = scores.argsort(descending=True)[:3]
    z = sae.dictionary.encode(x).to_dense(M).double()[:, top]
    expected = x64 - z @ sae.dictionary.W_dec.double()[top] / 1.7
    torch.testing.assert_close(found["sae", Amount(3)].double(), expected, rtol=1e-5, atol=1e-5)

    readers = torch.from_numpy(components["pca"].readers)
    first = readers[(readers @ weight).argsort(descending=True)[:3]]
    centred = x64 - torch.from_numpy(components["pca"].mean)
    expected = x64 - centred @ first.T @ first
    torch.testing.assert_close(found["pca", Amount(3)].double(), expected, rtol=1e-5, atol=1e-5)
    assert ("pca", Amount(50)) not in found and ("sae", Amount(50)) not in found

    label = torch.nn.functional.one_hot(classes, 2).double()
    expected = LeaceEraser.fit(x64, label)(x64)
    for strength in STRENGTHS:
        new = found["leace", Amount(1, strength)].double()
        partial = x64 + strength * (expected - x64)
        torch.testing.assert_close(new, partial, rtol=1e-5, atol=1e-5)
    for name, chance in (("sae", False), ("leace", True), ("mean_difference", True)):
        new = found[name, Amount(3) if name == "sae" else Amount(1, 1.0)].double().numpy()
        probe = LogisticRegression(C=1e6, max_iter=5000).fit(new, classes)
        auc = roc_auc_score(classes, probe.decision_function(new))
        assert (auc < 0.53) == chance, (name, auc)


def test_the_order_by_difference_is_the_variance_of_class_means(store, labelled, sae):
    order = by_difference(labelled, sae)
    x, classes = by_hand(store, labelled)
    z = sae.dictionary.encode(x).to_dense(M).double().numpy()
    share = np.bincount(classes) / len(classes)

    def variance(values):
        means = np.array([values[classes.numpy() == number].mean(0) for number in (0, 1)])
        return share @ (means - share @ means) ** 2

    lengths2 = (sae.directions.double().numpy() ** 2).sum(1) / 1.7**2
    np.testing.assert_allclose(order.latents, variance(z) * lengths2, rtol=1e-4, atol=1e-12)
    rows = torch.eye(D, dtype=torch.float64)
    np.testing.assert_allclose(order.directions(rows), variance(x.double().numpy()), rtol=1e-6)


def test_kl_is_read_off_where_enough_is_removed():
    removed = np.array([[0.2, 0.6, 0.5, 0.9], [0.2, 0.3, 0.3, 0.4]])
    kl = np.array([[0.01, 0.09, 0.2, 0.4], [0.01, 0.04, 0.5, 1.0]])
    # Half way from roots 0.1 to 0.3; half way from nothing to 0.1.
    assert kl_at(removed, kl, 0.4)[0] == pytest.approx(0.04)
    np.testing.assert_allclose(kl_at(removed, kl, 0.1), [0.0025, 0.0025])
    np.testing.assert_allclose(kl_at(removed, kl, 0.6), [0.09, np.nan])


def test_who_does_not_get_there_loses():
    own, other = np.array([0.1, np.nan, 0.1, np.nan]), np.array([0.2, 0.2, np.nan, np.nan])
    found = log_ratios(own, other)
    np.testing.assert_allclose(found, [np.log(0.5), np.inf, -np.inf, np.nan])


def planted_sums(scale, documents=12, seed=0):
    """Sums under edits that remove in step with their strength, at KLs that are `scale` times apart."""
    generator = np.random.default_rng(seed)
    positions = generator.integers(2, 9, (documents, 1)).astype(float)
    clean = {"share_clean": 0.5 * positions, "positions": positions}
    clean["elsewhere"] = generator.integers(50, 90, documents).astype(float)
    noise = generator.uniform(0.5, 1.5, documents)
    edited = {}
    for name, factor in (("sae", 1.0), ("other", scale)):
        for strength in (0.25, 0.5, 1.0):
            share = 0.5 * positions * (1 - strength)
            kl = factor * 0.01 * strength**2 * noise * clean["elsewhere"]
            edited[name, Amount(4, strength)] = {"share_edited": share, "kl": kl}
    return clean, edited


def test_methods_are_compared_on_the_same_documents():
    """A ratio that is one in every document has no interval, however much KLs vary over documents."""
    clean, edited = planted_sums(3.0)
    rows = pd.DataFrame(matched(clean, edited, 0.0, 200, 0))
    np.testing.assert_allclose(rows["log_ratio"], -np.log(3.0))
    np.testing.assert_allclose(rows["log_ratio_lo"], rows["log_ratio_hi"])
    total = (clean["elsewhere"].sum(), edited["sae", Amount(4, 1.0)]["kl"].sum())
    half = rows[rows["level"] == 0.5].iloc[0]
    assert half["kl_sae"] == pytest.approx(0.25 * total[1] / total[0])
    assert half["kl_sae_hi"] > 1.1 * half["kl_sae_lo"]


def test_curves_are_ratios_of_sums_over_documents():
    clean, edited = planted_sums(2.0)
    rows = pd.DataFrame(curves(clean, edited, 0.1, 200, 0)).set_index(["method", "strength"])
    row = rows.loc["other", 0.5]
    assert row["capability"] == pytest.approx(0.25)
    assert row["capability_clean"] == pytest.approx(0.5)
    assert row["capability_lost"] == pytest.approx(0.25 / 0.4)
    kl = edited["other", Amount(4, 0.5)]["kl"].sum() / clean["elsewhere"].sum()
    assert row["kl_elsewhere"] == pytest.approx(kl)
    assert row["kl_elsewhere_lo"] < kl < row["kl_elsewhere_hi"]


@pytest.mark.parametrize("selection", ["attribution", "difference"])
def test_the_table_is_made_of_a_model_and_its_stores(
    model, store, sae, components, tmp_path, monkeypatch, selection
):
    strings = [f"t{number}" for number in range(50)]
    monkeypatch.setattr(erasure, "load_model", lambda *_: (model, {}))
    monkeypatch.setattr(erasure, "token_strings", lambda _: strings)
    monkeypatch.setattr(erasure, "open_sae", lambda *_: sae)
    save_components(tmp_path / "components.npz", components)
    groups = [[f"t{number}" for number in CAPABILITY.groups[0]]]
    given = SimpleNamespace(
        **{name: "" for name in ("model", "tokenizer", "sae", "codes")},
        activations=store.path,
        components=tmp_path / "components.npz",
    )
    params = SimpleNamespace(
        erasure={"groups": groups, "rivals": "t(1[5-9]|2[0-7])", "counts": [1, 4, 16]}
        | {"selection": selection},
        site=SITE,
        contexts=12,
        analysis=ANALYSIS,
        seed=0,
        device="cpu",
    )
    tables = erasure.tabulate(given, params)
    table = tables["table"]
    assert list(dict.fromkeys(table["method"])) == list(METHODS)
    assert (table["selection"] == selection).all()
    assert table.loc[table["method"] == "pca", "n_ablated"].tolist() == [1, 4, 16]
    assert (table["kl_elsewhere"] > 0).all()
    assert (table["capability_lo"] <= table["capability_hi"]).all()
    assert set(tables["matched"]["method"]) == set(METHODS[1:])
    again = erasure.tabulate(given, params)
    for name, made in tables.items():
        pd.testing.assert_frame_equal(made, again[name])
