"""What defines each perturbation, of random activations, SAEs and seeds; and the factors against shrinkage."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from tests.conftest import random_dictionary
from workflow_scripts.anatomy.interventions.effects import random_tokens
from workflow_scripts.anatomy.interventions.perturbations import (
    FIXED,
    OF_LATENTS,
    PERTURBATIONS,
    RANDOM,
    Surroundings,
    at_cosine,
    at_distance,
    chosen_perturbations,
)
from workflow_scripts.anatomy.interventions.subjects import Reconstruction, of_sae
from workflow_scripts.anatomy.interventions.surroundings import _root, latent_scales
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes

D, M, C, T = 6, 15, 3, 8
AT_THE_DISTANCE = (
    *("epsilon_random", "real_difference", "epsilon_activations", "epsilon_errors"),
    *("other_error", "other_error_rotated", "latents_perturbed"),
)


def tokens_of(seed, bias=0.0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(C * T, D, generator=generator) * 3 + bias
    dictionary = random_dictionary(D, M, seed)
    pool = torch.randn(40, D, generator=generator, dtype=torch.float64)
    around = Surroundings(
        mean=pool.mean(0),
        activation_root=_root(pool),
        error_root=_root(pool**3),
        activations=pool,
        errors=pool.flip(0) ** 3,
        scales=1 + torch.rand(M, generator=generator, dtype=torch.float64),
    )
    return random_tokens(x, of_sae(dictionary)(x), around, range(C), (seed, 0))


def norm(vectors):
    return vectors.norm(dim=1)


def cosine(one, other):
    return (one * other).sum(1) / (norm(one) * norm(other))


def close(one, other, rtol=1e-9):
    np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=rtol, atol=1e-9)


seeds = st.integers(0, 10_000)


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from([0.0, 20.0]))
def test_what_defines_each_perturbation(seed, bias):
    tokens = tokens_of(seed, bias)
    x, sae = tokens.x, tokens.sae
    new = {name: perturb(tokens) for name, perturb in PERTURBATIONS.items()}
    for name in AT_THE_DISTANCE:
        reached = torch.ones(len(x), dtype=bool)
        if name == "latents_perturbed":
            reached = tokens.codes.l0 > 0
            close(new[name][~reached], x[~reached])
        close(norm(new[name] - x)[reached], norm(sae - x)[reached], 1e-7)
    close(new["sae"], sae)
    close(norm(new["sae_norm_of_x"]), norm(x))
    close(cosine(new["sae_norm_of_x"], sae), torch.ones(len(x)))
    close(norm(new["x_norm_of_sae"]), norm(sae))
    close(cosine(new["x_norm_of_sae"], x), torch.ones(len(x)))
    close(norm(new["epsilon_random_norm"]), norm(x))
    close(cosine(new["epsilon_random_norm"], new["epsilon_random"]), torch.ones(len(x)))
    close(norm(new["cosine_random"]), norm(sae))
    close(cosine(new["cosine_random"], x), cosine(sae, x), 1e-7)
    # Turned, not only rescaled: this token's cosine between error and x.
    close(cosine(new["other_error_rotated"] - x, x), cosine(sae - x, x), 1e-6)
    close(norm(new["sae_random"] - sae), norm(sae - x))
    close(new["sae_latents_perturbed"] - sae, new["latents_perturbed"] - x)
    close(norm(new["scaled_random"] - x), norm(new["sae_scaled"] - x))
    close(cosine(new["scaled_random"] - x, new["epsilon_random"] - x), torch.ones(len(x)))
    close(new["zero"], torch.zeros_like(x))
    close(new["mean"], tokens.around.mean.expand_as(x))


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_perturbed_latents_keep_l0_and_who_fires(seed):
    """The step is W(f' - f) with f' positive where f is, and nothing elsewhere: solved back from it."""
    tokens = tokens_of(seed)
    ends = tokens.codes.offsets.tolist()
    for row, (start, stop) in enumerate(pairwise(ends)):
        active = tokens.codes.indices[start:stop].long()
        if not 0 < len(active) < D:
            continue  # of more latents than dimensions, the step does not tell which moved
        directions = tokens.dictionary.W_dec[active].double().numpy()
        step = tokens.latent_step[row].numpy()
        lowest = -tokens.codes.values[start:stop].double().numpy()
        found = lsq_linear(directions.T, step, (lowest - 1e-9, np.inf), tol=1e-13)
        assert np.linalg.norm(directions.T @ found.x - step) < 1e-6 * np.linalg.norm(step)


@pytest.mark.parametrize("l0", [1, 8])
def test_perturbed_latents_lead_nowhere_on_average(l0):
    """A step a fifth as long as what the latents add has mean 0 over draws, whatever their activations."""
    dictionary = random_dictionary(D, M, 7)
    generator = torch.Generator().manual_seed(8)
    x = torch.randn(C * T, D, generator=generator) * 3
    active = torch.rand(C * T, l0, generator=generator) + 0.5
    indices = torch.arange(l0, dtype=torch.int32).repeat(C * T)
    codes = SparseCodes(indices, active.flatten(), torch.full((C * T,), l0))
    added = active @ dictionary.W_dec[:l0] / dictionary.input_scale
    stands = Reconstruction(x.double() + 0.2 * added.double(), codes, dictionary)
    around = tokens_of(0).around
    drawn = [random_tokens(x, stands, around, range(C), (1, draw)) for draw in range(400)]
    steps = torch.stack([t.latent_step / t.distance for t in drawn])
    close(steps.norm(dim=2), torch.ones(400, C * T).double(), 1e-6)
    error = steps.std(0) / 400**0.5
    assert (steps.mean(0).abs() < 5 * error + 0.03).all()


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_sweeps_go_through_distances_and_cosines(seed):
    tokens = tokens_of(seed)
    close(norm(at_distance(tokens, tokens.noise, 0.3) - tokens.x), 0.3 * tokens.distance[:, 0])
    close(cosine(at_cosine(tokens, 0.8), tokens.x), torch.full((C * T,), 0.8).double(), 1e-7)
    chosen, drawn = chosen_perturbations("sweep", {"distances": [0.3, 2], "cosines": [0.8]}, 2)
    assert set(chosen) == {"sae", "distance_0.3", "distance_2", "cosine_0.8"}
    assert drawn.count(("sae", 0)) == 1 and ("sae", 1) not in drawn and ("cosine_0.8", 1) in drawn
    close(chosen["distance_2"](tokens), at_distance(tokens, tokens.direction, 2))
    close(norm(chosen["cosine_0.8"](tokens)), norm(tokens.sae))


def test_random_numbers_are_the_tokens_own():
    """Contexts measured together or apart have the same numbers; another draw has others."""
    whole = tokens_of(3)
    x, stands = whole.x.float(), of_sae(whole.dictionary)
    part = random_tokens(x[T:], stands(x[T:]), whole.around, [1, 2], (3, 0))
    for name in RANDOM:
        close(PERTURBATIONS[name](whole)[T:], PERTURBATIONS[name](part))
    other = random_tokens(x, stands(x), whole.around, range(C), (3, 1))
    for name in (name for name in RANDOM if name not in OF_LATENTS):
        assert (PERTURBATIONS[name](whole) - PERTURBATIONS[name](other)).abs().max() > 1e-3
    assert set(FIXED) | set(RANDOM) == set(PERTURBATIONS)


def test_directions_are_those_asked_for():
    """Isotropic, and with the given covariance, by their second moments over many draws."""
    tokens = tokens_of(1)
    x, stands = tokens.x.float()[:T], of_sae(tokens.dictionary)(tokens.x.float()[:T])
    drawn = [random_tokens(x, stands, tokens.around, [0], (9, draw)) for draw in range(1500)]
    random = torch.cat([t.direction for t in drawn])
    assert (random.T @ random / len(random) * D - torch.eye(D)).abs().max() < 0.05
    root = tokens.around.error_root
    coloured = torch.cat([t.noise @ root for t in drawn])
    covariance = root.T @ root
    assert (coloured.T @ coloured / len(coloured) - covariance).abs().max() < 0.1 * covariance.max()


def test_a_root_is_that_of_the_covariance():
    rows = torch.randn(50, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 5
    root = _root(rows).numpy()
    np.testing.assert_allclose(root.T @ root, np.cov(rows.numpy().T), atol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_scales_are_the_ridge_solution(scale):
    """Against the normal equations in float64; a silent latent keeps the factor 1."""
    dictionary = random_dictionary(D, M, 5)
    dictionary.input_scale = scale
    dictionary.b_enc[3] = -1e6
    x = torch.randn(400, D, generator=torch.Generator().manual_seed(6)) * 3
    codes, sae = dictionary.reconstruct(x)
    errors = x.double() - sae.double()
    found = latent_scales(dictionary, codes, errors).numpy()
    dense, W = codes.to_dense(M).double().numpy() / scale, dictionary.W_dec.double().numpy()
    design = np.einsum("nm,md->ndm", dense, W).reshape(-1, M)
    power = (design**2).sum(0)
    normal = design.T @ design + 1e-3 * np.diag(power)
    fires = power > 0
    wanted = np.ones(M)
    right = design.T @ errors.numpy().ravel()
    wanted[fires] += np.linalg.solve(normal[np.ix_(fires, fires)], right[fires])
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert found[3] == 1


def test_scales_undo_a_known_shrinkage():
    """A dictionary whose latents come out too small by known factors gets these factors back."""
    generator = torch.Generator().manual_seed(0)
    W_dec = torch.linalg.qr(torch.randn(D, D, generator=generator))[0]
    factors = torch.rand(D, generator=generator) + 1
    dictionary = Dictionary(W_dec.T / factors, torch.zeros(D), W_dec, torch.zeros(D))
    z = torch.rand(300, D, generator=generator) + 0.1
    x = z @ W_dec
    codes, sae = dictionary.reconstruct(x)
    scales = latent_scales(dictionary, codes, x.double() - sae.double())
    np.testing.assert_allclose(scales.numpy(), factors.numpy(), rtol=2e-3)
