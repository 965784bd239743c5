"""Losses under substitutions against whole forward passes with torch hooks, and losses summed by hand."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from tests.anatomy.models.tiny_models import tiny
from tests.conftest import plant_harvest, random_dictionary, random_documents
from workflow_scripts.anatomy.activations.sums import mean_activation
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interventions import substitution_losses
from workflow_scripts.anatomy.interventions.loss_recovery import (
    degradation,
    loss_recovered,
    recovery,
)
from workflow_scripts.anatomy.interventions.substitution_losses import (
    SubstitutedModel,
    baseline_losses,
    sae_losses,
)
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.models.losses import kl_from_logs
from workflow_scripts.anatomy.models.substituting import resumed
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.regression import LinearMap

POST, PRE = "blocks.1.hook_resid_post", "blocks.1.hook_resid_pre"
MLP, ATTENTION, Z = "blocks.1.hook_mlp_out", "blocks.1.hook_attn_out", "blocks.1.attn.hook_z"
SITES = [POST, PRE, MLP, ATTENTION, Z]
D, C, T, FIRST = 16, 21, 9, 3
CONTEXTS = [0, 2, 3, 5, 6, 8, 9, 11, 12, 15, 20]


@pytest.fixture(scope="module")
def model():
    return tiny("gpt2")


@pytest.fixture(scope="module")
def store(model, tmp_path_factory):
    ids = torch.randint(0, 50, (C, T), generator=torch.Generator().manual_seed(4))
    with capturing(model, SITES) as captured:
        model(ids, use_cache=False)
    x = {name: activations.numpy() for name, activations in captured.items()}
    return plant_harvest(tmp_path_factory.mktemp("h") / "h.zarr", x, ids.numpy(), None, FIRST)


def substituted(model, store, site, contexts=CONTEXTS):
    return SubstitutedModel(model, store, site, contexts, "cpu")


def random_map(seed=5):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(D, D, generator=generator, dtype=torch.float64) * 0.2
    return LinearMap(weights, torch.randn(D, generator=generator, dtype=torch.float64) * 0.1)


def exact_dictionary():
    """Sae(x) = relu(x) - relu(-x), which is x to the last bit."""
    eye = torch.eye(D)
    both = torch.cat([eye, -eye])
    return Dictionary(both.T.contiguous(), torch.zeros(2 * D), both, torch.zeros(D))


def all_losses(model, store, site, dictionary, linear):
    """Sums of the baselines and of an SAE, as the tables take them."""
    mean, place = mean_activation(store, site), substituted(model, store, site)
    return baseline_losses(place, mean) | sae_losses(place, dictionary, linear)


def streams(x, dictionary, linear):
    """What takes the place of x at every token, and the parts of the error, in float64."""
    _, reconstruction = dictionary.reconstruct(torch.from_numpy(x).reshape(-1, D))
    reconstruction = reconstruction.numpy().reshape(x.shape).astype(np.float64)
    error = x - reconstruction
    predicted = x @ linear.weights.numpy() + linear.intercept.numpy()
    parts = {"error": error, "linear": predicted, "nonlinear": error - predicted}
    replaced = {
        "clean": x,
        "sae": reconstruction,
        "linear_error": reconstruction + parts["linear"],
        "nonlinear_error": reconstruction + parts["nonlinear"],
    }
    return replaced, parts


def hooked(model, site, put_in):
    """A hook of torch's own at a site of layer 1; `put_in` maps activations to their replacement."""
    block = model.transformer.h[1]
    inputs = {PRE: block, Z: block.attn.c_proj}
    outputs = {POST: block, MLP: block.mlp, ATTENTION: block.attn}
    if site in inputs:
        return inputs[site].register_forward_pre_hook(lambda _, a: (put_in(a[0]), *a[1:]))

    def after(_, __, output):
        return (put_in(output[0]), *output[1:]) if isinstance(output, tuple) else put_in(output)

    return outputs[site].register_forward_hook(after)


def losses_by_hand(model, site, ids, stream):
    """Loss of each token after FIRST, (c, T), of one whole forward pass; 0 at the others."""
    new = torch.from_numpy(np.ascontiguousarray(stream)).float()

    def put_in(activations):
        activations = activations.clone()
        activations[:, FIRST:] = new[:, FIRST:]
        return activations

    handle = hooked(model, site, put_in)
    logits = model(torch.from_numpy(ids).long(), use_cache=False).logits.double().numpy()
    handle.remove()
    log_p = log_softmax(logits, -1)
    losses = np.zeros((len(ids), T))
    for context in range(len(ids)):
        for position in range(FIRST + 1, T):
            losses[context, position] = -log_p[context, position - 1, ids[context, position]]
    return losses


def loss_by_hand(model, site, ids, stream):
    """Loss of each context, summed over the tokens after FIRST."""
    return losses_by_hand(model, site, ids, stream).sum(1)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("center", [False, True])
def test_an_sae_equals_whole_forward_passes(model, store, site, center):
    dictionary, linear = random_dictionary(D, 40, center=center), random_map()
    found = all_losses(model, store, site, dictionary, linear)
    x, ids = store.activations(site)[:][CONTEXTS], store.group["tokens"][:][CONTEXTS]
    replaced, parts = streams(x, dictionary, linear)
    for name, stream in replaced.items():
        expected = loss_by_hand(model, site, ids, stream)
        np.testing.assert_allclose(found[f"loss_{name}"], expected, rtol=1e-5)
    for name, part in parts.items():
        norms = np.linalg.norm(part[:, FIRST:], axis=-1)
        np.testing.assert_allclose(found[f"norm_{name}"], norms.sum(1), rtol=1e-6)
        np.testing.assert_allclose(found[f"{name}2"], (norms**2).sum(1), rtol=1e-6)
    np.testing.assert_array_equal(found["count"], np.full(len(CONTEXTS), T - FIRST - 1))
    assert not np.array_equal(found["loss_sae"], found["loss_clean"])


@pytest.mark.parametrize("books", [False, True])
@pytest.mark.parametrize("length", [3.0, 14.0])
def test_losses_are_those_of_documents_token_by_token(model, store, tmp_path, length, books):
    """Documents that span contexts, contexts with several documents; or books, where these are many."""
    documents = random_documents(C, T, length)
    book_of = np.arange(documents.max() + 1) // 3 if books else None
    ids = store.group["tokens"][:]
    x = {site: store.activations(site)[:] for site in (POST, MLP)}
    mixed = plant_harvest(tmp_path / "h", x, ids, None, FIRST, documents=documents, books=book_of)
    units = book_of[documents] if mixed.units.kind == "book" else documents
    assert (mixed.units.kind == "book") == (books and length == 3)
    dictionary, linear = random_dictionary(D, 40), random_map()
    for site in (POST, MLP):
        found = all_losses(model, mixed, site, dictionary, linear)
        replaced, parts = streams(x[site][CONTEXTS], dictionary, linear)
        names = [f"loss_{name}" for name in replaced] + ["count"]
        names += [f"{kind}{name}" for name in parts for kind in ("norm_", "2 ")]
        expected = {name: {} for name in names}
        losses = {
            name: losses_by_hand(model, site, ids[CONTEXTS], stream)
            for name, stream in replaced.items()
        }
        for row, context in enumerate(CONTEXTS):
            for position in range(FIRST, T):
                unit = int(units[context, position])
                values = {}
                for name, part in parts.items():
                    norm = np.linalg.norm(part[row, position])
                    values |= {f"norm_{name}": norm, f"2 {name}": norm**2}
                if position > FIRST:
                    values["count"] = 1
                    values |= {f"loss_{n}": each[row, position] for n, each in losses.items()}
                for name in names:
                    sums = expected[name]
                    sums[unit] = sums.get(unit, 0) + values.get(name, 0)
        for name, sums in expected.items():
            key = f"{name[2:]}2" if name.startswith("2 ") else name
            in_order = [sums[unit] for unit in sorted(sums)]
            np.testing.assert_allclose(found[key], in_order, rtol=1e-5, atol=1e-6, err_msg=name)
        row = degradation(found, 50, 0)
        assert row["ce_degradation_lo"] < row["ce_degradation_hi"]


@pytest.mark.parametrize("site", SITES)
def test_ablations_equal_whole_forward_passes(model, store, site):
    mean = store.activations(site)[:][:, FIRST:].astype(np.float64).mean((0, 1))
    np.testing.assert_allclose(mean_activation(store, site), mean, rtol=1e-12, atol=1e-12)
    found = baseline_losses(substituted(model, store, site), mean)
    ids = store.group["tokens"][:][CONTEXTS]
    for name, vector in (("zero", np.zeros(D)), ("mean", mean)):
        stream = np.broadcast_to(vector, (len(CONTEXTS), T, D))
        expected = loss_by_hand(model, site, ids, stream)
        np.testing.assert_allclose(found[f"loss_{name}"], expected, rtol=1e-5)
    assert set(found) == {"loss_clean", "loss_zero", "loss_mean", "count"}


@pytest.mark.parametrize("site", SITES)
def test_the_clean_loss_is_that_of_the_model_left_alone(model, store, site):
    found = all_losses(model, store, site, random_dictionary(D, 40), None)
    ids = torch.from_numpy(store.group["tokens"][:][CONTEXTS]).long()
    labels = ids.clone()
    labels[:, : FIRST + 1] = -100
    loss = model(ids, labels=labels, use_cache=False).loss
    assert found["loss_clean"].sum() / found["count"].sum() == pytest.approx(float(loss), abs=1e-4)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
@pytest.mark.parametrize("site", [POST, MLP])
def test_other_families(family, site, tmp_path):
    """Sandwich norms, rotary positions and sliding windows stay the model's own."""
    model = tiny(family)
    ids = torch.randint(0, 50, (3, T), generator=torch.Generator().manual_seed(6))
    with capturing(model, [site]) as captured:
        logits = model(ids, use_cache=False).logits
    x = {site: captured[site].numpy()}
    store = plant_harvest(tmp_path / "h.zarr", x, ids.numpy(), None, FIRST)
    place = SubstitutedModel(model, store, site, [0, 1, 2], "cpu")
    found = baseline_losses(place, np.zeros(D))
    log_p = log_softmax(logits.double().numpy(), -1)
    for context in range(3):
        pairs = [(at - 1, int(ids[context, at])) for at in range(FIRST + 1, T)]
        expected = -sum(log_p[context, at, token] for at, token in pairs)
        assert found["loss_clean"][context] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(found["loss_zero"], found["loss_mean"])
    assert (found["loss_zero"] != found["loss_clean"]).all()


def test_what_is_not_kept_is_read_again_and_gives_the_same(model, store, monkeypatch):
    for site in (POST, MLP):
        place = substituted(model, store, site)
        first = sae_losses(place, random_dictionary(D, 40))
        assert len(place.kept) == 2
        again = sae_losses(place, random_dictionary(D, 40))
        monkeypatch.setattr(substitution_losses, "KEPT_BYTES", 0)
        bare = substituted(model, store, site)
        unkept = sae_losses(bare, random_dictionary(D, 40))
        monkeypatch.undo()
        assert bare.kept == {}
        for name in first:
            np.testing.assert_array_equal(first[name], again[name])
            np.testing.assert_array_equal(first[name], unkept[name])


def test_an_sae_does_not_depend_on_whether_its_error_is_split(model, store):
    place, dictionary = substituted(model, store, POST), random_dictionary(D, 40)
    whole, split = sae_losses(place, dictionary), sae_losses(place, dictionary, random_map())
    assert set(whole) == {"loss_sae", "error2", "norm_error"}
    for name in whole:
        np.testing.assert_array_equal(whole[name], split[name])


def test_shares_are_those_of_the_sums(model, store):
    dictionary, linear = random_dictionary(D, 40), random_map()
    sums = all_losses(model, store, POST, dictionary, linear)
    rows = {row["component"]: row for row in recovery(sums, 200, 0)}
    x = store.activations(POST)[:][CONTEXTS]
    _, parts = streams(x, dictionary, linear)
    used = {name: part[:, FIRST:].reshape(-1, D) for name, part in parts.items()}
    norm = {name: np.linalg.norm(part, axis=1).mean() for name, part in used.items()}
    square = {name: (part**2).sum() for name, part in used.items()}
    tokens = len(CONTEXTS) * (T - FIRST - 1)
    loss = {name: sums[f"loss_{name}"].sum() / tokens for name in ("clean", "sae")}
    for component, short, other in (
        ("linear_error", "linear", "nonlinear"),
        ("nonlinear_error", "nonlinear", "linear"),
    ):
        row = rows[component]
        with_it = sums[f"loss_{component}"].sum() / tokens
        expected = {
            "ce_recovered": 100 * (loss["sae"] - with_it) / (loss["sae"] - loss["clean"]),
            "norm_share": 100 * norm[short] / norm["error"],
            # What is left of the error when one part of it is added back is the other part.
            "variance_share": 100 * (1 - square[other] / square["error"]),
            "ce_clean": loss["clean"],
            "ce_sae": loss["sae"],
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-6), (component, name)
            assert row[f"{name}_lo"] < row[name] < row[f"{name}_hi"], (component, name)


def test_loss_recovered_and_degradation_are_those_of_mean_losses(model, store):
    sums = all_losses(model, store, MLP, random_dictionary(D, 40), None)
    tokens = len(CONTEXTS) * (T - FIRST - 1)
    ce = {name: sums[f"loss_{name}"].sum() / tokens for name in ("clean", "sae", "zero", "mean")}
    row = loss_recovered(sums, 200, 0)
    for name, value in ce.items():
        assert row[f"ce_{name}"] == pytest.approx(value, rel=1e-12)
    for name in ("zero", "mean"):
        expected = (ce[name] - ce["sae"]) / (ce[name] - ce["clean"])
        assert row[f"celr_{name}"] == pytest.approx(expected, rel=1e-9)
    assert degradation(sums, 200, 0)["ce_degradation"] == pytest.approx(ce["sae"] - ce["clean"])


def test_intervals_are_those_of_resampled_documents(model, store):
    """The same multinomial draws of documents, which are contexts here, each loss summed anew."""
    sums = all_losses(model, store, POST, random_dictionary(D, 40), None)
    found = degradation(sums, 300, 7)
    weights = np.random.default_rng(7).multinomial(
        len(CONTEXTS), np.full(len(CONTEXTS), 1 / len(CONTEXTS)), size=300
    )
    drawn = []
    for counts in weights:
        picked = np.repeat(np.arange(len(CONTEXTS)), counts)
        tokens = len(picked) * (T - FIRST - 1)
        drawn.append((sums["loss_sae"] - sums["loss_clean"])[picked].sum() / tokens)
    low, high = np.quantile(drawn, (0.025, 0.975))
    assert found["ce_degradation_lo"] == pytest.approx(low, rel=1e-9)
    assert found["ce_degradation_hi"] == pytest.approx(high, rel=1e-9)


def test_an_error_that_is_all_linear_recovers_everything(model, store):
    """An SAE that never fires leaves x itself, and the identity predicts it."""
    silent = random_dictionary(D, 4, b_enc=torch.full((4,), -1e6), b_dec=torch.zeros(D))
    eye = LinearMap(torch.eye(D).double(), torch.zeros(D).double())
    sums = all_losses(model, store, POST, silent, eye)
    np.testing.assert_array_equal(sums["loss_linear_error"], sums["loss_clean"])
    np.testing.assert_array_equal(sums["loss_nonlinear_error"], sums["loss_sae"])
    np.testing.assert_array_equal(sums["loss_zero"], sums["loss_sae"])
    linear, nonlinear = recovery(sums, 100, 0)
    for name in ("ce_recovered", "norm_share", "variance_share"):
        assert linear[name] == 100
        assert nonlinear[name] == 0
    # Such an SAE is zero ablation.
    assert loss_recovered(sums, 100, 0)["celr_zero"] == 0


@pytest.mark.parametrize("site", SITES)
def test_an_sae_without_error_costs_nothing(model, store, site):
    nothing = LinearMap(torch.zeros(D, D).double(), torch.zeros(D).double())
    dictionary = exact_dictionary()
    sums = all_losses(model, store, site, dictionary, nothing)
    for name in ("sae", "linear_error", "nonlinear_error"):
        np.testing.assert_array_equal(sums[f"loss_{name}"], sums["loss_clean"])
    for name in ("error", "linear", "nonlinear"):
        assert (sums[f"{name}2"] == 0).all()
        assert (sums[f"norm_{name}"] == 0).all()
    assert degradation(sums, 100, 0)["ce_degradation"] == 0
    row = loss_recovered(sums, 100, 0)
    for name in ("celr_zero", "celr_mean"):
        assert row[name] == row[f"{name}_lo"] == row[f"{name}_hi"] == 1


def test_no_kl_divergence_without_error(model, store):
    x = torch.from_numpy(store.activations(POST)[:])
    _, reconstruction = exact_dictionary().reconstruct(x.reshape(-1, D))
    resume = resumed(model, 1)
    logs = [resume(each).log_softmax(-1) for each in (x, reconstruction.reshape(x.shape))]
    assert (kl_from_logs(*logs) == 0).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_shares_of_no_error_are_not_numbers(model, store):
    nothing = LinearMap(torch.zeros(D, D).double(), torch.zeros(D).double())
    sums = all_losses(model, store, POST, exact_dictionary(), nothing)
    for row in recovery(sums, 100, 0):
        assert row["ce_sae"] == row["ce_clean"]
        assert np.isnan(
            [row[name] for name in ("ce_recovered", "norm_share", "variance_share")]
        ).all()


def test_an_sae_of_another_width(model, store):
    with pytest.raises(AnatomyError, match=r"takes activations of 7 dimensions.*has 16"):
        sae_losses(substituted(model, store, POST), random_dictionary(7, 4))
