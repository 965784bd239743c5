"""Figure 8 against whole forward passes with a torch hook, and losses summed by hand."""

import numpy as np
import pytest
import torch
from conftest import random_dictionary
from planted_harvest import plant_harvest
from scipy.special import log_softmax
from tiny_models import tiny

from workflow_scripts.anatomy.dictionary import Dictionary
from workflow_scripts.anatomy.errors import AnatomyError
from workflow_scripts.anatomy.interventions import kl_divergence, resumed
from workflow_scripts.anatomy.loss_recovery import intervention_losses, recovery
from workflow_scripts.anatomy.regression import LinearMap

POST, PRE, MLP = "blocks.1.hook_resid_post", "blocks.1.hook_resid_pre", "blocks.1.hook_mlp_out"
D, C, T, FIRST = 16, 21, 9, 3
CONTEXTS = [0, 2, 3, 5, 6, 8, 9, 11, 12, 15, 20]


@pytest.fixture(scope="module")
def model():
    return tiny("gpt2")


@pytest.fixture(scope="module")
def store(model, tmp_path_factory):
    ids = torch.randint(0, 50, (C, T), generator=torch.Generator().manual_seed(4))
    kept = {}
    block = model.transformer.h[1]
    handles = [
        block.register_forward_pre_hook(lambda _, arguments: kept.update({PRE: arguments[0]})),
        block.register_forward_hook(lambda _, __, output: kept.update({POST: first_of(output)})),
    ]
    model(ids, use_cache=False)
    for handle in handles:
        handle.remove()
    x = {name: activations.numpy() for name, activations in kept.items()}
    x[MLP] = np.zeros((C, T, D))
    return plant_harvest(tmp_path_factory.mktemp("h") / "h.zarr", x, ids.numpy(), None, FIRST)


def first_of(output):
    return output[0] if isinstance(output, tuple) else output


def random_map(seed=5):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(D, D, generator=generator, dtype=torch.float64) * 0.2
    return LinearMap(weights, torch.randn(D, generator=generator, dtype=torch.float64) * 0.1)


def exact_dictionary():
    """Sae(x) = relu(x) - relu(-x), which is x to the last bit."""
    eye = torch.eye(D)
    both = torch.cat([eye, -eye])
    return Dictionary(both.T.contiguous(), torch.zeros(2 * D), both, torch.zeros(D))


def streams(x, dictionary, linear):
    """The four residual streams at every token, and the parts of the error, in float64."""
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


def loss_by_hand(model, site, ids, stream):
    """Loss of each context, summed over the tokens after FIRST, of one whole forward pass."""
    new = torch.from_numpy(stream).float()

    def put_in(residual):
        residual = residual.clone()
        residual[:, FIRST:] = new[:, FIRST:]
        return residual

    def after(_, __, output):
        if isinstance(output, tuple):
            return (put_in(output[0]), *output[1:])
        return put_in(output)

    block = model.transformer.h[1]
    if site == POST:
        handle = block.register_forward_hook(after)
    else:
        handle = block.register_forward_pre_hook(lambda _, a: (put_in(a[0]), *a[1:]))
    logits = model(torch.from_numpy(ids).long(), use_cache=False).logits.double().numpy()
    handle.remove()
    log_p = log_softmax(logits, -1)
    sums = np.zeros(len(ids))
    for context in range(len(ids)):
        for position in range(FIRST + 1, T):
            sums[context] -= log_p[context, position - 1, ids[context, position]]
    return sums


@pytest.mark.parametrize("site", [POST, PRE])
@pytest.mark.parametrize("center", [False, True])
def test_equals_whole_forward_passes(model, store, site, center):
    dictionary, linear = random_dictionary(D, 40, center=center), random_map()
    found = intervention_losses(model, store, site, CONTEXTS, dictionary, linear, "cpu")
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
    assert not np.allclose(found["loss_sae"], found["loss_clean"], rtol=1e-3)


def test_the_clean_loss_is_that_of_the_model_left_alone(model, store):
    arguments = (CONTEXTS, random_dictionary(D, 40), random_map(), "cpu")
    found = intervention_losses(model, store, POST, *arguments)
    ids = torch.from_numpy(store.group["tokens"][:][CONTEXTS]).long()
    labels = ids.clone()
    labels[:, : FIRST + 1] = -100
    loss = model(ids, labels=labels, use_cache=False).loss
    assert found["loss_clean"].sum() / found["count"].sum() == pytest.approx(float(loss), rel=1e-5)


def test_shares_are_those_of_the_sums(model, store):
    dictionary, linear = random_dictionary(D, 40), random_map()
    sums = intervention_losses(model, store, POST, CONTEXTS, dictionary, linear, "cpu")
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


def test_an_error_that_is_all_linear_recovers_everything(model, store):
    """An SAE that never fires leaves x itself, and the identity predicts it."""
    silent = random_dictionary(D, 4, b_enc=torch.full((4,), -1e6), b_dec=torch.zeros(D))
    eye = LinearMap(torch.eye(D).double(), torch.zeros(D).double())
    sums = intervention_losses(model, store, POST, CONTEXTS, silent, eye, "cpu")
    np.testing.assert_array_equal(sums["loss_linear_error"], sums["loss_clean"])
    np.testing.assert_array_equal(sums["loss_nonlinear_error"], sums["loss_sae"])
    linear, nonlinear = recovery(sums, 100, 0)
    for name in ("ce_recovered", "norm_share", "variance_share"):
        assert linear[name] == 100
        assert nonlinear[name] == 0


def test_an_sae_without_error_costs_nothing(model, store):
    nothing = LinearMap(torch.zeros(D, D).double(), torch.zeros(D).double())
    dictionary = exact_dictionary()
    sums = intervention_losses(model, store, POST, CONTEXTS, dictionary, nothing, "cpu")
    for name in ("sae", "linear_error", "nonlinear_error"):
        np.testing.assert_array_equal(sums[f"loss_{name}"], sums["loss_clean"])
    for name in ("error", "linear", "nonlinear"):
        assert (sums[f"{name}2"] == 0).all()
        assert (sums[f"norm_{name}"] == 0).all()
    x = torch.from_numpy(store.activations(POST)[:])
    _, reconstruction = dictionary.reconstruct(x.reshape(-1, D))
    resume = resumed(model, 1)
    assert (kl_divergence(resume(x), resume(reconstruction.reshape(x.shape))) == 0).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_shares_of_no_error_are_not_numbers(model, store):
    nothing = LinearMap(torch.zeros(D, D).double(), torch.zeros(D).double())
    sums = intervention_losses(model, store, POST, CONTEXTS, exact_dictionary(), nothing, "cpu")
    for row in recovery(sums, 100, 0):
        assert row["ce_sae"] == row["ce_clean"]
        assert np.isnan(
            [row[name] for name in ("ce_recovered", "norm_share", "variance_share")]
        ).all()


def test_a_site_outside_the_residual_stream(model, store):
    with pytest.raises(AnatomyError, match=rf"{MLP} is not; choose .* for dark_matter\.main"):
        intervention_losses(model, store, MLP, [0], random_dictionary(D, 4), random_map(), "cpu")
