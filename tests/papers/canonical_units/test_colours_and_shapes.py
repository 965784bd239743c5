"""Coloured shapes, and small ReLU SAEs on them, against loops and closed forms."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.canonical_units.toy import small_relu_saes
from workflow_scripts.papers.canonical_units.toy.colours_and_shapes import (
    compose,
    draw_coloured_shapes,
    match,
    truth,
)
from workflow_scripts.papers.canonical_units.toy.small_relu_saes import ReluSaes, train_relu_saes
from workflow_scripts.papers.registry import load_schema

TOY = load_schema()["properties"]["canonical_units"]["properties"]["toy"]["properties"]
DEFAULTS = {name: about["default"] for name, about in TOY.items()}
OBJECTS = ("colours", "shapes", "dimensions", "magnitudes", "noise")
SIZES = {name: DEFAULTS[name] for name in OBJECTS}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As the rule has it: these matrices are too small to be shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def token_loss(x, W_enc, b_enc, W_dec, b_dec, coefficient):
    """The loss of one token, latent by latent, and its gradient, by hand."""
    centred = x - b_dec
    before = [centred @ W_enc[:, j] + b_enc[j] for j in range(len(b_enc))]
    codes = np.array([max(value, 0.0) for value in before])
    error = b_dec + sum(codes[j] * W_dec[j] for j in range(len(codes))) - x
    to_codes = np.where(np.array(before) > 0, 2 * W_dec @ error + coefficient, 0.0)
    gradient = [
        np.outer(centred, to_codes),
        to_codes,
        2 * np.outer(codes, error),
        2 * error - W_enc @ to_codes,
    ]
    return error @ error + coefficient * codes.sum(), gradient


def by_hand(x, width, seed, coefficient, learning_rate, steps, batch_size):
    """One SAE with Adam in float64, token by token."""
    n, d = x.shape
    W_dec = np.random.default_rng(seed).standard_normal((width, d))
    W_dec /= np.sqrt((W_dec**2).sum(1, keepdims=True))
    weights = [W_dec.T.copy(), np.zeros(width), W_dec, x.mean(0)]
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    generator = torch.Generator().manual_seed(0)
    for step in range(steps):
        rate = learning_rate * min(1, (steps - step) / (0.3 * steps))
        batch = torch.randint(n, (batch_size,), generator=generator).tolist()
        gradients = [token_loss(x[at], *weights, coefficient)[1] for at in batch]
        mean = [sum(parts) / batch_size for parts in zip(*gradients, strict=True)]
        for j in range(width):
            mean[2][j] -= (mean[2][j] @ weights[2][j]) * weights[2][j]
        for at, gradient in enumerate(mean):
            first[at] = 0.9 * first[at] + 0.1 * gradient
            second[at] = 0.99 * second[at] + 0.01 * gradient**2
            corrected = first[at] / (1 - 0.9 ** (step + 1))
            scale = np.sqrt(second[at] / (1 - 0.99 ** (step + 1))) + 1e-8
            weights[at] = weights[at] - rate * corrected / scale
        for j in range(width):
            weights[2][j] /= np.linalg.norm(weights[2][j])
    return weights


def test_training_many_at_once_is_training_each_by_hand():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 40, 5)) + 0.5
    options = {"coefficient": 0.3, "learning_rate": 0.01, "steps": 25, "batch_size": 4}
    found = train_relu_saes(torch.tensor(x, dtype=torch.float32), 7, [(3, 0), (3, 1)], **options)
    for at in range(2):
        expected = by_hand(x[at], 7, (3, at), **options)
        for weight, reference in zip(vars(found).values(), expected, strict=True):
            np.testing.assert_allclose(weight[at].numpy().squeeze(), reference, atol=2e-4)
        losses = [token_loss(token, *expected, 0.3)[0] for token in x[at]]
        tokens = torch.tensor(x, dtype=torch.float32)
        assert found.losses(tokens, 0.3)[at].item() == pytest.approx(np.mean(losses), rel=1e-3)


def test_an_saes_training_does_not_depend_on_its_neighbours():
    x = torch.randn(3, 30, 4, generator=torch.Generator().manual_seed(0))
    options = {"coefficient": 0.1, "learning_rate": 0.01, "steps": 10, "batch_size": 8}
    seeds = [(0, 0), (1, 0), (2, 0)]
    together = train_relu_saes(x, 5, seeds, **options)
    again = train_relu_saes(x, 5, seeds, **options)
    alone = train_relu_saes(x[1:2], 5, seeds[1:2], **options)
    for each, repeated, one in zip(
        *(vars(s).values() for s in (together, again, alone)), strict=True
    ):
        assert torch.equal(each, repeated)
        assert not each.requires_grad
        torch.testing.assert_close(each[1:2], one, atol=1e-5, rtol=1e-5)
    norms = together.W_dec.norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones_like(norms))


def test_a_loss_that_is_not_finite_is_an_error():
    x = 1e25 * torch.randn(1, 20, 3, generator=torch.Generator().manual_seed(0))
    with pytest.raises(AnatomyError, match="the loss is not finite"):
        train_relu_saes(x, 2, [(0,)], coefficient=1, learning_rate=0.1, steps=3, batch_size=2)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 4), st.integers(3, 5), st.integers(0, 3))
def test_the_truth_has_the_angles_of_simplices(colours, shapes, seed):
    drawn = draw_coloured_shapes(
        colours * shapes * 2,
        **SIZES | {"colours": colours, "shapes": shapes, "dimensions": 10, "noise": 0.0},
        seed=seed,
    )
    np.testing.assert_allclose(drawn.atoms @ drawn.atoms.T, np.eye(colours + shapes), atol=1e-12)
    known = truth(drawn.atoms, colours)
    for kind, (n, at) in {"colour": (colours, 0), "shape": (shapes, colours)}.items():
        part = known.atoms[at : at + n]
        expected = np.where(np.eye(n, dtype=bool), 1, -1 / (n - 1))
        np.testing.assert_allclose(part @ part.T, expected, atol=1e-12, err_msg=kind)
    np.testing.assert_allclose(known.atoms[:colours] @ known.atoms[colours:].T, 0, atol=1e-12)
    # Squared norms of a centred colour and shape, and of their sum.
    a2, b2 = 1 - 1 / colours, 1 - 1 / shapes
    for (i, j), direction in zip(known.composition_names, known.compositions, strict=True):
        assert direction @ known.atoms[i] == pytest.approx(np.sqrt(a2 / (a2 + b2)))
        assert direction @ known.atoms[colours + j] == pytest.approx(np.sqrt(b2 / (a2 + b2)))
    pairs = list(zip(drawn.colour, drawn.shape, strict=True))
    assert {pairs.count(name) for name in known.composition_names} == {2}
    for token, (i, j) in zip(drawn.x, pairs, strict=True):
        coordinates = drawn.atoms @ token
        assert set(np.flatnonzero(np.abs(coordinates) > 1e-9)) == {i, colours + j}
        assert (coordinates[[i, colours + j]] >= 0.9).all()
        assert (coordinates[[i, colours + j]] <= 1.1).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 9))
def test_latents_are_paired_as_well_as_can_be(latents, targets, seed):
    generator = np.random.default_rng(seed)
    rows, known = (generator.normal(size=(n, 3)) for n in (latents, targets))
    rows, known = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (rows, known))
    target, cosine = match(rows, known)
    paired = target >= 0
    assert paired.sum() == min(latents, targets) == len(set(target[paired]))
    assert np.isnan(cosine[~paired]).all()
    for at in np.flatnonzero(paired):
        assert cosine[at] == pytest.approx(rows[at] @ known[target[at]])
    cosines = rows @ known.T if latents <= targets else known @ rows.T
    few, many = cosines.shape
    best = max(
        sum(cosines[i, j] for i, j in enumerate(chosen))
        for chosen in permutations(range(many), few)
    )
    assert np.nansum(cosine) == pytest.approx(best)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"dimensions": 5}, "dimensions: 5"),
        ({"colours": 2, "shapes": 2}, "4 compositions of 4 atoms"),
        ({"colours": 1, "shapes": 5}, "5 compositions of 6 atoms"),
        ({"magnitudes": [1.2, 0.8]}, "magnitudes"),
        ({"magnitudes": [1.0]}, "magnitudes"),
    ],
)
def test_a_toy_that_cannot_show_it_is_an_error(wrong, message):
    with pytest.raises(AnatomyError, match=message):
        draw_coloured_shapes(9, **SIZES | wrong, seed=0)


@pytest.fixture(scope="module")
def default_tables():
    return compose(**DEFAULTS)


def test_six_latents_find_atoms_and_nine_find_compositions(default_tables):
    table, _ = default_tables
    assert list(table["dictionary_size"]) == [6] * 5 + [9] * 5
    assert list(table["seed"]) == DEFAULTS["seeds"] * 2
    small, large = (table[table["dictionary_size"] == size] for size in (6, 9))
    assert (small["atoms_recovered"] == 6).all() and (small["compositions_recovered"] == 0).all()
    assert (large["atoms_recovered"] == 0).all() and (large["compositions_recovered"] == 9).all()
    assert small["l0"].between(1.95, 2.05).all() and large["l0"].between(1, 1.2).all()
    assert (large["loss"].to_numpy() < small["loss"].to_numpy()).all()
    assert (small["restarts_all_atoms"] > 0).all() and (
        large["restarts_all_compositions"] > 0
    ).all()


def test_the_cosines_of_the_figure_are_those_that_are_counted(default_tables):
    table, latents = default_tables
    for row in table.itertuples():
        part = latents[
            (latents["dictionary_size"] == row.dictionary_size) & (latents["seed"] == row.seed)
        ]
        assert len(part) == row.dictionary_size * 15
        atom = part["colour"].isna() | part["shape"].isna()
        for chosen, count in (
            (atom, row.atoms_recovered),
            (~atom, row.compositions_recovered),
        ):
            pairs = part[chosen & part["matched"]]
            assert pairs["latent"].is_unique
            assert not pairs.duplicated(["colour", "shape"]).any()
            assert (pairs["cosine"] > DEFAULTS["threshold"]).sum() == count


def test_losses_of_trained_saes_are_those_of_the_closed_form():
    """Without noise and with magnitude 1, a latent of amplitude a costs c a - c^2 / 4 (docs)."""
    coefficient = 0.2
    options = DEFAULTS | {"magnitudes": [1, 1], "noise": 0.0, "seeds": [0]}
    table, _ = compose(**options | {"coefficient": coefficient})
    measured = table.set_index("dictionary_size")
    for size, active, amplitude in ((6, 2, np.sqrt(2 / 3)), (9, 1, np.sqrt(4 / 3))):
        row = measured.loc[size]
        assert row["l0"] == pytest.approx(active, abs=0.01)
        assert row["l1"] == pytest.approx(active * (amplitude - coefficient / 2), rel=5e-3)
        assert row["mse"] == pytest.approx(active * coefficient**2 / 4, rel=0.05)
        expected = active * (coefficient * amplitude - coefficient**2 / 4)
        assert row["loss"] == pytest.approx(expected, rel=2e-3)


def test_no_dictionary_costs_less_than_compositions():
    """||f||_1 >= ||x - b||, and the mean is the b that makes it least: the bound of the docs."""
    drawn = draw_coloured_shapes(90, **SIZES | {"magnitudes": [1, 1], "noise": 0.0}, seed=1)
    bound = np.linalg.norm(drawn.x - drawn.x.mean(0), axis=1)
    np.testing.assert_allclose(bound, np.sqrt(4 / 3))
    generator = np.random.default_rng(2)
    for size in (0.01, 0.1, 1):
        for shift in size * generator.normal(size=(20, drawn.x.shape[1])):
            moved = np.linalg.norm(drawn.x - drawn.x.mean(0) - shift, axis=1)
            assert moved.mean() > bound.mean()


def test_the_kept_initialisation_has_the_lowest_loss(monkeypatch):
    """Nothing known of the atoms takes part: SAEs are planted, and the second of them is cheaper."""
    drawn = draw_coloured_shapes(200, **SIZES | {"noise": 0.0}, seed=0)
    planted = {}

    def plant(x, width, seeds, **_):
        known = truth(drawn.atoms, 3)
        good = known.atoms if width == 6 else known.compositions
        bad = np.linalg.qr(np.random.default_rng(5).normal(size=(10, 10)))[0][:width]
        rows = torch.tensor(np.stack([bad, good])).float()
        bias = x.mean(1, keepdim=True)
        planted[width] = ReluSaes(rows.mT - 0, torch.full((2, 1, width), -0.4), rows, bias)
        return planted[width]

    monkeypatch.setattr(
        "workflow_scripts.papers.canonical_units.toy.colours_and_shapes.train_relu_saes", plant
    )
    table, _ = compose(**DEFAULTS | {"noise": 0.0, "seeds": [0], "restarts": 2, "samples": 100})
    x = torch.tensor(drawn.x).float()
    for row in table.itertuples():
        saes = planted[row.dictionary_size]
        losses = saes.losses(x[None, :100].expand(2, -1, -1), DEFAULTS["coefficient"])
        assert losses[1] < losses[0]
        assert (row.atoms_recovered, row.compositions_recovered) == (
            (6, 0) if row.dictionary_size == 6 else (0, 9)
        )
        assert row.restarts_all_atoms == (row.dictionary_size == 6)
        assert row.restarts_all_compositions == (row.dictionary_size == 9)
        codes, rebuilt = (part[1] for part in saes(x[None, 100:].expand(2, -1, -1)))
        l0 = np.mean([(token > 0).sum() for token in codes.numpy()])
        mse = np.mean(
            [((a - b) ** 2).sum() for a, b in zip(x[100:].numpy(), rebuilt.numpy(), strict=True)]
        )
        assert row.l0 == pytest.approx(l0)
        assert row.mse == pytest.approx(mse, rel=1e-4)


def test_training_says_how_far_it_is(monkeypatch):
    told = []
    monkeypatch.setattr(
        small_relu_saes,
        "Progress",
        lambda what, total: lambda done: told.append((what, done, total)),
    )
    x = torch.zeros(2, 10, 3)
    train_relu_saes(x, 4, [(0,), (1,)], coefficient=1, learning_rate=0.1, steps=2, batch_size=3)
    assert told == [("2 SAEs of 4 latents", 1, 2), ("2 SAEs of 4 latents", 2, 2)]
