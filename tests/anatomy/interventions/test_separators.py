"""Nothing that is measured depends on what a model has at the tokens between documents."""

import numpy as np
import pytest
import torch

from tests.anatomy.models.tiny_models import tiny
from tests.conftest import plant_harvest, random_dictionary
from workflow_scripts.anatomy.activations.sums import activation_sums
from workflow_scripts.anatomy.codes.normalised_error import error_sums
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interpretability.dashboard import Extent, dashboards
from workflow_scripts.anatomy.interpretability.token_profiles import token_frequencies
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.models.losses import token_losses
from workflow_scripts.anatomy.report.latents import error_sums as of_latents
from workflow_scripts.anatomy.report.shards.samples import mean_errors
from workflow_scripts.anatomy.statistics.splits import Split

SITE = "blocks.1.hook_resid_post"
D, C, T, FIRST, WIDTH = 16, 12, 9, 2, 24


@pytest.fixture(scope="module")
def model():
    return tiny("gpt2")


@pytest.fixture(scope="module")
def world(model):
    generator = np.random.default_rng(0)
    separators = generator.random((C, T)) < 0.25
    separators[:, 0] = False
    ids = generator.integers(1, 50, (C, T))
    ids[separators] = 0
    documents = np.concatenate([[0], np.cumsum(separators.ravel())[:-1]]).reshape(C, T)
    with capturing(model, [SITE]) as captured, torch.no_grad():
        model(torch.from_numpy(ids), use_cache=False)
    return ids, separators, documents, captured[SITE].numpy().copy()


def planted(folder, world, at_separators):
    """The harvest, with its activations at separators multiplied."""
    ids, separators, documents, x = world
    x = np.where(separators[..., None], x * at_separators, x)
    folder.mkdir()
    kwargs = {"documents": documents, "separators": separators, "min_position": FIRST}
    store = plant_harvest(folder / "h.zarr", {SITE: x}, ids, **kwargs)
    sae = random_dictionary(D, WIDTH)
    reconstruct(sae, store, SITE, folder / "c.zarr")
    return store, sae, open_codes(folder / "c.zarr")


def measured(store, sae, codes):
    """Numbers of every kind, by name."""
    split = Split("document", 0.6, 0, FIRST, store.units)
    found = {"summary": np.array([v for _, v in sorted(codes.summary.items())], float)}
    found |= activation_sums(store, SITE) | error_sums(codes, split)
    found |= {n: codes.latents(n) for n in ("firing_count", "activation_sum", "activation_max")}
    found["frequencies"] = token_frequencies(store, 50)
    extent = Extent(window=4, contexts=3, bins=5)
    shown = dashboards(store, codes, np.arange(WIDTH), extent, 0)
    found |= {"fired": shown.firings, "tokens": shown.tokens, "histogram": shown.histogram}
    (sums,) = of_latents.error_sums(SaeOnHarvest(sae, codes, store))
    found |= {f"of_latents_{n}": getattr(sums, n) for n in ("tokens", "error", "shared", "rise")}
    found["mean_errors"] = mean_errors(codes)
    return found


def test_no_number_depends_on_activations_at_separators(world, tmp_path):
    one, other = (
        measured(*planted(tmp_path / str(factor), world, factor)) for factor in (1.0, 30.0)
    )
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_the_summary_is_that_of_the_text(world, tmp_path):
    _, separators, _, x = world
    _, sae, codes = planted(tmp_path / "h", world, 1.0)
    rows = torch.from_numpy(x[~separators & (np.arange(T) >= FIRST)])
    found, recon = sae.reconstruct(rows)
    error2 = (rows - recon).double().square().sum(1).mean()
    variance = (rows - rows.mean(0)).double().square().sum(1).mean()
    assert codes.summary["n_tokens"] == len(rows)
    assert codes.summary["l0"] == pytest.approx(float(found.l0.double().mean()))
    assert codes.summary["mse"] == pytest.approx(float(error2), rel=1e-5)
    assert codes.summary["variance"] == pytest.approx(float(variance), rel=1e-5)


def test_interventions_leave_separators_as_they_are(model, world, tmp_path):
    """Against a whole pass of the model in which a hook replaces the text alone."""
    ids, separators, documents, _ = world
    store, _, _ = planted(tmp_path / "h", world, 1.0)
    used = ~separators & (np.arange(T) >= FIRST)
    place = SubstitutedModel(model, store, SITE, list(range(C)), "cpu")
    found = place.measure(lambda x: ({"zero": torch.zeros_like(x)}, {"x": x.double()}))

    def zeroed(module, inputs, output):
        stream = output[0] if isinstance(output, tuple) else output
        stream = torch.where(torch.from_numpy(used)[..., None], 0.0, stream)
        return (stream, *output[1:]) if isinstance(output, tuple) else stream

    handle = model.transformer.h[1].register_forward_hook(zeroed)
    with torch.no_grad():
        tokens = torch.from_numpy(ids)
        losses = token_losses(model(tokens, use_cache=False).logits, tokens).numpy()
    handle.remove()
    counted = used & (np.arange(T) > FIRST)
    assert found["loss_zero"].sum() == pytest.approx(losses[counted].sum(), rel=1e-5)
    assert place.count().sum() == counted.sum()
    numbers = np.unique(documents[used])
    by_document = [losses[counted & (documents == number)].sum() for number in numbers]
    np.testing.assert_allclose(found["loss_zero"], by_document, rtol=1e-5)
    x = store.activations(SITE)[:]
    assert found["x2"].sum() == pytest.approx((x[used].astype(float) ** 2).sum(), rel=1e-5)
