"""Gradient pursuit against a loop over single tokens in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.codes.pursuit import GradientPursuit

BOTH = pytest.mark.parametrize("gram_bytes", [2**30, 0], ids=["gram", "residuals"])


def pursuit_of_one_token(target, decoder, steps):
    """The algorithm as Blumensath & Davies and Smith write it, one token, float64."""
    norms = np.linalg.norm(decoder, axis=1)
    atoms = decoder / norms[:, None]
    z = np.zeros(len(atoms))
    for _ in range(steps):
        residual = target - z @ atoms
        correlation = atoms @ residual
        outside = np.where(z > 0, -np.inf, correlation)
        best = int(outside.argmax())
        if outside[best] <= 0:
            break
        support = z > 0
        support[best] = True
        gradient = np.where(support, correlation, 0.0)
        direction = gradient @ atoms
        z = np.maximum(z + gradient * (direction @ residual) / (direction @ direction), 0)
    return z / norms


def random_problem(seed, tokens, d, m, most):
    # Atoms share a direction, so that some are taken too early and clipped again.
    torch.manual_seed(seed)
    decoder = (torch.randn(m, d) + torch.randn(d)) * torch.rand(m, 1).add(0.2)
    target = torch.randn(tokens, d) + 0.5
    return decoder, target, torch.randint(0, most + 1, (tokens,), dtype=torch.int32)


@BOTH
def test_same_codes_as_one_token_at_a_time(gram_bytes):
    decoder, target, steps = random_problem(0, tokens=60, d=24, m=80, most=16)
    codes = GradientPursuit(decoder, gram_bytes)(target, steps)
    expected = np.stack(
        [
            pursuit_of_one_token(x, decoder.double().numpy(), int(n))
            for x, n in zip(target.double().numpy(), steps, strict=True)
        ]
    )
    np.testing.assert_allclose(codes.to_dense(80).numpy(), expected, rtol=1e-3, atol=1e-5)
    # Atoms were clipped on the way, or the test would not see that they are handled.
    assert (codes.l0 < steps).any()


@BOTH
def test_batches_and_chunks_do_not_change_the_codes(gram_bytes, monkeypatch):
    decoder, target, steps = random_problem(1, tokens=50, d=16, m=64, most=8)
    whole = GradientPursuit(decoder, gram_bytes)(target, steps)
    monkeypatch.setattr("workflow_scripts.anatomy.codes.pursuit.CORRELATION_ENTRIES", 300)
    parts = GradientPursuit(decoder, gram_bytes)(target, steps)
    assert torch.equal(whole.indices, parts.indices)
    torch.testing.assert_close(whole.values, parts.values, rtol=1e-4, atol=1e-6)


@BOTH
def test_nothing_to_pursue(gram_bytes):
    decoder = torch.eye(4)
    decoder[3] = 0.0
    target = torch.stack([torch.zeros(4), -torch.ones(4), torch.ones(4)])
    codes = GradientPursuit(decoder, gram_bytes)(target, torch.tensor([3, 3, 4]).int())
    assert codes.l0.tolist() == [0, 0, 3]
    assert codes.indices.tolist() == [0, 1, 2]
    torch.testing.assert_close(codes.values, torch.ones(3))
    none = GradientPursuit(decoder, gram_bytes)(target[:0], torch.zeros(0).int())
    assert len(none.values) == 0


@BOTH
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_codes_are_positive_ordered_within_budget_and_never_worse_than_nothing(gram_bytes, seed):
    decoder, target, steps = random_problem(seed, tokens=9, d=6, m=20, most=10)
    codes = GradientPursuit(decoder, gram_bytes)(target, steps)
    assert (codes.values > 0).all() and (codes.l0 <= steps).all()
    for start, end in zip(codes.offsets[:-1], codes.offsets[1:], strict=True):
        assert (codes.indices[start:end].diff() > 0).all()
    assert codes.values.isfinite().all()
