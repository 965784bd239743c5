"""Capabilities removed, against whole forward passes with hooks and softmaxes of all logits."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from tests.anatomy.models.tiny_models import tiny
from tests.conftest import plant_harvest, random_dictionary, random_documents
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interventions.attribution import attributions
from workflow_scripts.anatomy.interventions.capability import (
    ELSEWHERE,
    RIVAL,
    Capability,
    capability_from_sums,
    capability_of,
    chance_of,
    removed_from_sums,
)
from workflow_scripts.anatomy.interventions.editing import (
    Amount,
    LatentAblation,
    PartialErasure,
    SubspaceAblation,
    measure_edits,
)
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.models.hook_points import attach, capturing

POST, MLP = "blocks.1.hook_resid_post", "blocks.1.hook_mlp_out"
D, C, T, FIRST, M = 16, 11, 9, 3, 24
CONTEXTS = [0, 2, 3, 5, 6, 7, 8, 9, 10]
RANKED = torch.tensor([5, 1, 20, 7])
COUNTS = [1, 3, 4]
GROUPS = (np.array([3, 7, 11, 12]), np.array([20, 21, 22]))
CAPABILITIES = {
    "one group": Capability(GROUPS[:1], np.arange(25, 50)),
    "two groups": Capability(GROUPS, np.array([], np.int64)),
    "two and rivals": Capability(GROUPS, np.arange(25, 50)),
}


@pytest.fixture(scope="module")
def model():
    return tiny("gpt2")


@pytest.fixture(scope="module")
def store(model, tmp_path_factory):
    ids = torch.randint(0, 50, (C, T), generator=torch.Generator().manual_seed(4))
    with capturing(model, [POST, MLP]) as captured:
        model(ids, use_cache=False)
    x = {name: activations.numpy() for name, activations in captured.items()}
    documents = random_documents(C, T, 7)
    path = tmp_path_factory.mktemp("h") / "h.zarr"
    return plant_harvest(path, x, ids.numpy(), None, FIRST, documents)


@pytest.fixture(scope="module")
def dictionary():
    return random_dictionary(D, M, input_scale=1.7)


def edits(dictionary):
    generator = torch.Generator().manual_seed(6)
    directions = torch.randn(5, D, generator=generator, dtype=torch.float64)
    mean = torch.randn(D, generator=generator, dtype=torch.float64)
    return {
        "sae": LatentAblation(dictionary, RANKED, COUNTS),
        "span": SubspaceAblation.of(mean, directions, COUNTS),
        "shrunk": PartialErasure(lambda x: 0.5 * x.double() + 1, 2, (0.5, 1.0)),
    }, (directions, mean)


def by_hand(name, amount, dictionary, about, x):
    """What an edit makes of x (n, D), in float64."""
    directions, mean = (each.numpy() for each in about)
    if name == "sae":
        z = dictionary.encode(x).to_dense(M).double().numpy()
        kept = RANKED[: amount.n].numpy()
        return x.double().numpy() - z[:, kept] @ dictionary.W_dec.double().numpy()[kept] / 1.7
    if name == "span":
        rows = directions[: amount.n]
        onto = rows.T @ np.linalg.pinv(rows.T)
        return x.double().numpy() - (x.double().numpy() - mean) @ onto.T
    return x.double().numpy() * (1 - 0.5 * amount.strength) + amount.strength


def whole_passes(model, store, site, replace):
    """Probabilities (C, T, V) of whole passes in which positions from FIRST on are replaced."""

    def function(x):
        new = torch.from_numpy(replace(x.flatten(0, 1))).float().reshape(x.shape)
        return torch.where(torch.arange(T)[:, None] >= FIRST, new, x)

    handle = attach(model, site, function)
    try:
        logits = model(torch.from_numpy(store.group["tokens"][:]).long(), use_cache=False).logits
    finally:
        handle.remove()
    return softmax(logits.double().numpy(), -1)


def expected(capability, store, clean, edited):
    """Capability before and after, and mean KL elsewhere, position by position."""
    tokens = store.group["tokens"][:]
    before, after, kl = [[] for _ in capability.groups], [[] for _ in capability.groups], []
    every = np.concatenate([*capability.groups, capability.rivals])
    for context in CONTEXTS:
        for position in range(FIRST, T - 1):
            follows = tokens[context, position + 1]
            mine = [at for at, group in enumerate(capability.groups) if follows in group]
            for number in mine:
                for p, found in ((clean, before), (edited, after)):
                    here = p[context, position]
                    own = here[capability.groups[number]].sum()
                    found[number].append(own / here[every].sum())
            if not mine:
                kl.append(entropy(clean[context, position], edited[context, position]))
    return *(np.mean([np.mean(group) for group in each]) for each in (before, after)), np.mean(kl)


@pytest.mark.parametrize("site", [POST, MLP])
@pytest.mark.parametrize("which", CAPABILITIES)
def test_edits_are_those_of_whole_passes_with_hooks(model, store, dictionary, site, which):
    capability = CAPABILITIES[which]
    made, about = edits(dictionary)
    substituted = SubstitutedModel(model, store, site, CONTEXTS, "cpu")
    clean_sums, found = measure_edits(substituted, capability, made)
    assert [key for key in found if key[0] == "sae"] == [("sae", Amount(n)) for n in COUNTS]
    clean = whole_passes(model, store, site, lambda x: x.double().numpy())
    totals = {name: part.sum(0) for name, part in clean_sums.items()}
    for (name, amount), sums in found.items():
        replace = partial(by_hand, name, amount, dictionary, about)
        edited = whole_passes(model, store, site, replace)
        before, after, kl = expected(capability, store, clean, edited)
        total = totals | {key: part.sum(0) for key, part in sums.items()}
        assert capability_from_sums(total, "clean") == pytest.approx(before, rel=1e-5)
        assert capability_from_sums(total, "edited") == pytest.approx(after, rel=1e-4)
        assert total["kl"] / total["elsewhere"] == pytest.approx(kl, rel=2e-3)
        share = (before - after) / (before - 0.1)
        assert removed_from_sums(total, 0.1) == pytest.approx(share, rel=1e-3, abs=1e-5)


def test_sums_are_those_of_the_documents_of_what_is_predicted(model, store, dictionary):
    capability = CAPABILITIES["two and rivals"]
    substituted = SubstitutedModel(model, store, POST, CONTEXTS, "cpu")
    sums, _ = measure_edits(substituted, capability, {})
    tokens, documents = store.group["tokens"][:], store.group["documents"][:]
    used = np.unique(documents[CONTEXTS][:, FIRST:])
    for place, document in enumerate(used):
        follows = [
            tokens[context, position + 1]
            for context in CONTEXTS
            for position in range(FIRST, T - 1)
            if documents[context, position + 1] == document
        ]
        counts = [np.isin(follows, group).sum() for group in GROUPS]
        assert sums["positions"][place].tolist() == counts
        assert sums["elsewhere"][place] == len(follows) - sum(counts)


def test_an_edit_of_nothing_costs_nothing(model, store):
    same = {"same": PartialErasure(lambda x: x.double(), 0, (1.0,))}
    substituted = SubstitutedModel(model, store, POST, CONTEXTS, "cpu")
    clean, found = measure_edits(substituted, CAPABILITIES["two groups"], same)
    (sums,) = found.values()
    np.testing.assert_array_equal(sums["share_edited"], clean["share_clean"])
    assert (sums["kl"] == 0).all()


def mean_log_odds(model, store, site, capability, replace):
    """The capability's log-odds, by whole passes: a mean over groups of means over positions."""
    p = whole_passes(model, store, site, replace)
    tokens = store.group["tokens"][:]
    odds = [[] for _ in capability.groups]
    for context in CONTEXTS:
        for position in range(FIRST, T - 1):
            for number, group in enumerate(capability.groups):
                if tokens[context, position + 1] in group:
                    others = [g for at, g in enumerate(capability.groups) if at != number]
                    against = np.concatenate([*others, capability.rivals])
                    here = p[context, position]
                    odds[number].append(np.log(here[group].sum() / here[against].sum()))
    return np.mean([np.mean(each) for each in odds])


@pytest.mark.parametrize("which", CAPABILITIES)
def test_attributions_are_slopes_of_whole_passes(model, store, dictionary, which):
    """Taking a little of a latent, or of a direction, away changes the log-odds in step with it."""
    capability, model64 = CAPABILITIES[which], model
    mean = torch.full((D,), 0.3, dtype=torch.float64)
    substituted = SubstitutedModel(model64, store, POST, CONTEXTS, "cpu")
    found = attributions(substituted, dictionary, capability, mean)
    step = 0.02

    def slope(part):
        ends = [
            mean_log_odds(
                model64, store, POST, capability, lambda x, by=by: x.double().numpy() - by * part(x)
            )
            for by in (-step, step)
        ]
        return (ends[0] - ends[1]) / (2 * step)

    for latent in (1, 5, 20):

        def of_latent(x, latent=latent):
            z = dictionary.encode(x).to_dense(M).double().numpy()[:, latent]
            return np.outer(z, dictionary.W_dec[latent].double().numpy() / 1.7)

        assert float(found.latents[latent]) == pytest.approx(slope(of_latent), rel=0.02, abs=2e-4)
    direction = torch.nn.functional.normalize(torch.arange(1.0, D + 1, dtype=torch.float64), dim=0)

    def of_direction(x):
        return np.outer((x.double() - mean) @ direction, direction)

    (along,) = found.of_directions(direction[None])
    assert float(along) == pytest.approx(slope(of_direction), rel=0.02, abs=2e-4)


def test_classes_are_of_the_next_token():
    capability = Capability((np.array([1]), np.array([2, 3])), np.array([4]))
    found = capability.classes(np.array([[9, 1, 4, 3, 9, 2]]))
    assert found.tolist() == [[0, RIVAL, 1, ELSEWHERE, 1, ELSEWHERE]]


def test_who_knows_nothing_is_at_chance():
    two = CAPABILITIES["two groups"]
    assert chance_of(np.array([30, 10]), two) == 0.5
    assert chance_of(np.array([30, 70]), CAPABILITIES["one group"]) == pytest.approx(0.3)


STRINGS = ["self", " self", "x", " y1", "(", "(self", "for ", "self"]


def test_a_capability_is_found_by_its_texts():
    found = capability_of(STRINGS, [["self", " self"]], r" ?[a-z]\w*", "here")
    assert [group.tolist() for group in found.groups] == [[0, 1]]
    assert found.rivals.tolist() == [2, 3, 7]
    alone = capability_of(STRINGS, [["x"]], None, "here")
    assert alone.rivals.tolist() == [0, 1, 3, 4, 5, 6, 7]
    assert len(capability_of(STRINGS, [["x"], [" y1"]], None, "here").rivals) == 0


@pytest.mark.parametrize(
    ("groups", "rivals", "message"),
    [
        ([["  self"]], None, r"here\.groups: '  self' is not one token .*did you mean"),
        ([["x"], ["self", "x"]], None, r"here\.groups: 'x' is there twice"),
        ([["x"]], "[0-9]+", r"here\.rivals: no token matches '\[0-9\]\+'"),
    ],
)
def test_texts_that_make_no_capability_are_errors(groups, rivals, message):
    with pytest.raises(AnatomyError, match=message):
        capability_of(STRINGS, groups, rivals, "here")
