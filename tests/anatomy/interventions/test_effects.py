"""Effects of perturbations against whole forward passes with torch hooks, in float64."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr

from tests.anatomy.models.tiny_models import tiny
from tests.conftest import plant_harvest, random_dictionary
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.decomposition.error_store import COMPONENTS
from workflow_scripts.anatomy.interventions.effects import effects, random_tokens
from workflow_scripts.anatomy.interventions.perturbations import PERTURBATIONS
from workflow_scripts.anatomy.interventions.single_position import single_position_effects
from workflow_scripts.anatomy.interventions.subjects import (
    Reconstruction,
    of_component,
    of_pursuit,
    of_sae,
    subject_of,
)
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.interventions.surroundings import surroundings
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.models.losses import kl_from_logs
from workflow_scripts.anatomy.models.substituting import substituting
from workflow_scripts.anatomy.statistics.regression import LinearMap
from workflow_scripts.anatomy.statistics.splits import Split

POST, Z = "blocks.1.hook_resid_post", "blocks.1.attn.hook_z"
D, C, T, FIRST = 16, 11, 9, 2
CONTEXTS = [1, 4, 5, 9]


@pytest.fixture(scope="module")
def model():
    return tiny("gpt2")


@pytest.fixture(scope="module")
def store(model, tmp_path_factory):
    ids = torch.randint(0, 50, (C, T), generator=torch.Generator().manual_seed(4))
    with capturing(model, [POST, Z]) as captured:
        model(ids, use_cache=False)
    x = {name: activations.numpy() for name, activations in captured.items()}
    return plant_harvest(tmp_path_factory.mktemp("h") / "h.zarr", x, ids.numpy(), None, FIRST)


@pytest.fixture(scope="module")
def dictionary():
    return random_dictionary(D, 40, 3)


def around_of(store, dictionary, site=POST):
    split = Split("context", 0.5, 0, FIRST)
    return surroundings(store, site, dictionary, split)


def test_factors_are_1_where_they_are_not_asked_for(store, dictionary):
    split = Split("context", 0.5, 0, FIRST)
    plain = surroundings(store, POST, dictionary, split, scaled=False)
    scaled = around_of(store, dictionary)
    assert (plain.scales == 1).all() and (scaled.scales != 1).any()
    assert torch.equal(plain.errors, scaled.errors) and torch.equal(plain.mean, scaled.mean)


def test_surroundings_are_of_the_tokens_that_are_trained_on(store, dictionary):
    split = Split("context", 0.5, 0, FIRST)
    trained = np.concatenate([split.masks(block, T)[0] for block in store.block_slices()])
    x = store.activations(POST)[:][trained]
    found = surroundings(store, POST, dictionary, split)
    np.testing.assert_array_equal(found.activations.numpy(), x)
    few = surroundings(store, POST, dictionary, split, sample=5).activations.numpy()
    assert len(few) == 5 and all((x == row).all(1).any() for row in few)


def measured(model, store, dictionary, site, drawn, contexts=CONTEXTS, subject=None):
    substituted = SubstitutedModel(model, store, site, contexts, "cpu")
    parts = list(
        effects(
            substituted,
            subject or of_sae(dictionary),
            around_of(store, dictionary, site),
            PERTURBATIONS,
            drawn,
            FIRST,
            7,
        )
    )
    assert [context for found, _ in parts for context in found] == contexts
    return {name: np.concatenate([found[name] for _, found in parts]) for name in parts[0][1]}


def by_hooks(model, store, dictionary, site, name, draw):
    """KL and increase of the loss by hooked passes over the whole model."""
    ids = torch.from_numpy(np.stack([store.group["tokens"][c] for c in CONTEXTS])).long()
    x = torch.from_numpy(np.stack([store.activations(site)[c] for c in CONTEXTS]))
    flat = x.flatten(0, 1)
    stands, around = of_sae(dictionary)(flat), around_of(store, dictionary, site)
    new = PERTURBATIONS[name](random_tokens(flat, stands, around, CONTEXTS, (7, draw)))
    replaced = torch.cat([x[:, :FIRST], new.float().reshape(x.shape)[:, FIRST:]], 1)
    clean = model(ids).logits.double().numpy()
    with substituting(model, {site: replaced}):
        changed = model(ids).logits.double().numpy()
    p, q = log_softmax(clean, -1), log_softmax(changed, -1)
    kl = rel_entr(np.exp(p), np.exp(q)).sum(-1)
    following = ids[:, 1:, None].numpy()
    ce = np.take_along_axis(p - q, np.pad(following, ((0, 0), (0, 1), (0, 0))), -1)[..., 0]
    ce[:, -1] = np.nan
    kl[:, :FIRST] = ce[:, :FIRST] = np.nan
    return kl, ce


@pytest.mark.parametrize("site", [POST, Z])
@pytest.mark.parametrize(
    ("name", "draw"), [("sae", 0), ("epsilon_random", 1), ("latents_perturbed", 0), ("zero", 0)]
)
def test_effects_equal_hooked_whole_passes(model, store, dictionary, site, name, draw):
    found = measured(model, store, dictionary, site, [(name, draw)])
    kl, ce = by_hooks(model, store, dictionary, site, name, draw)
    np.testing.assert_allclose(found[f"kl/{name}/{draw}"], kl, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found[f"ce/{name}/{draw}"], ce, rtol=1e-4, atol=2e-6)


def test_nothing_done_has_no_effect_at_all(model, store, dictionary):
    same = measured(
        *(model, store, dictionary, POST, [("sae", 0), ("epsilon_random", 0)]),
        subject=lambda x: Reconstruction(x.double()),
    )
    for name in ("kl/sae/0", "ce/sae/0", "kl/epsilon_random/0"):
        assert np.nanmax(np.abs(same[name])) == 0, name
    assert np.isnan(same["kl/sae/0"][:, :FIRST]).all() and np.nanmax(same["distance"]) == 0


def test_contexts_do_not_depend_on_their_company(model, store, dictionary):
    drawn = [("epsilon_random", 0), ("sae_latents_perturbed", 0), ("other_error", 1)]
    whole = measured(model, store, dictionary, POST, drawn)
    part = measured(model, store, dictionary, POST, drawn, [5])
    for name, values in part.items():
        np.testing.assert_allclose(values[0], whole[name][2], rtol=1e-4, atol=1e-6)


def test_components_leave_their_part_of_the_error(store, dictionary):
    x = torch.from_numpy(store.activations(POST)[0])
    generator = torch.Generator().manual_seed(5)
    linear = LinearMap(
        torch.randn(D, D, generator=generator, dtype=torch.float64), torch.ones(D).double()
    )
    sae = of_sae(dictionary)(x).sae
    parts = {name: of_component(dictionary, linear, name)(x).sae for name in COMPONENTS}
    error = x.double() - sae
    torch.testing.assert_close(x.double() - parts["linear_error"], linear(x))
    torch.testing.assert_close(sum(x.double() - part for part in parts.values()), error)
    with pytest.raises(ValueError, match="lacks a file"):
        subject_of("linear_error", dictionary)


def test_pursuit_errs_less_with_no_more_latents(store, dictionary):
    x = torch.from_numpy(store.activations(POST)[:].reshape(-1, D))
    sae, pursued = of_sae(dictionary)(x), of_pursuit(dictionary)(x)
    assert (pursued.codes.l0 <= sae.codes.l0).all()
    assert (pursued.sae - x).square().sum() < (sae.sae - x).square().sum()


@pytest.mark.parametrize("name", ["sae", "epsilon_random", "mean"])
def test_a_single_position_equals_whole_passes(model, store, dictionary, name):
    position, following, draws = 3, 4, 3
    around = around_of(store, dictionary)
    arguments = (model, store, POST, of_sae(dictionary), around, PERTURBATIONS, {name: draws})
    found = dict(single_position_effects(*arguments, CONTEXTS, position, following, 7))
    for context in CONTEXTS:
        x = torch.from_numpy(store.activations(POST)[context])
        ids = torch.from_numpy(store.group["tokens"][context][None]).long()
        here = x[position : position + 1]
        clean = model(ids).logits.double().numpy()
        for draw in range(draws):
            tokens = random_tokens(here, of_sae(dictionary)(here), around, [context], (7, draw))
            replaced = x[None].clone()
            replaced[0, position] = PERTURBATIONS[name](tokens)[0].float()
            with substituting(model, {POST: replaced}):
                changed = model(ids).logits.double().numpy()
            p, q = (np.exp(log_softmax(each, -1)) for each in (clean, changed))
            kl = rel_entr(p, q).sum(-1)[0, position : position + following + 1]
            np.testing.assert_allclose(found[context][name][draw], kl, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize(("position", "following"), [(0, 2), (6, 3)])
def test_a_single_position_has_to_be_there(model, store, dictionary, position, following):
    arguments = (model, store, POST, of_sae(dictionary), around_of(store, dictionary))
    with pytest.raises(AnatomyError, match="choose an earlier one"):
        list(
            single_position_effects(
                *arguments, PERTURBATIONS, {"sae": 1}, [0], position, following, 0
            )
        )


def test_kl_is_never_negative_and_that_of_scipy():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(50, 300)) * 5
    for shift in (0.0, 1e-6, 1e-3, 1.0):
        other = logits + shift * generator.normal(size=logits.shape)
        p, q = (log_softmax(each, -1) for each in (logits, other))
        found = kl_from_logs(*(torch.from_numpy(each).float() for each in (p, q))).numpy()
        assert (found >= 0).all()
        wanted = rel_entr(np.exp(p), np.exp(q)).sum(-1)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-7)
