"""Interventions against full forward passes with a hook of torch's own."""

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from tests.anatomy.models.tiny_models import FAMILIES, ids, tiny
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.hook_points import blocks, capturing
from workflow_scripts.anatomy.models.losses import (
    LOSS_ELEMENTS,
    kl_from_logs,
    log_probabilities,
    token_losses,
)
from workflow_scripts.anatomy.models.substituting import resumed, substituting


def full_forward(model, layer: int, which: str, residual: torch.Tensor) -> torch.Tensor:
    """Logits of a whole forward pass in which a torch hook puts the residual in."""

    def after(_, __, output):
        return (residual, *output[1:]) if isinstance(output, tuple) else residual

    def before(_, arguments, named):
        return (residual, *arguments[1:]), named

    block = blocks(model)[layer]
    if which == "post":
        handle = block.register_forward_hook(after)
    else:
        handle = block.register_forward_pre_hook(before, with_kwargs=True)
    try:
        return model(ids(), use_cache=False).logits
    finally:
        handle.remove()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("layer", "which"), [(0, "pre"), (0, "post"), (1, "pre"), (2, "post")])
def test_resumed_equals_a_full_forward(family, layer, which):
    model = tiny(family)
    before = [id(block) for block in blocks(model)]
    residual = torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(2))
    resume = resumed(model, layer, which)
    expected = full_forward(model, layer, which, residual)
    assert torch.equal(resume(residual, ids()), expected)
    if family != "bloom":
        assert torch.equal(resume(residual), expected)
    assert [id(block) for block in blocks(model)] == before


def test_resumed_runs_only_the_layers_after_it():
    model = tiny("llama")
    resume, ran = resumed(model, 1), []
    for i, block in enumerate(blocks(model)):
        block.register_forward_hook(lambda *_, i=i: ran.append(i))
    resume(torch.randn(2, 9, 16))
    assert ran == [2]


def test_resumed_restores_the_model_after_an_error():
    model = tiny("gpt2")
    before, parameters = list(blocks(model)), list(model.state_dict())
    with pytest.raises(RuntimeError):
        resumed(model, 1)(torch.randn(2, 9, 15))
    assert all(a is b for a, b in zip(before, blocks(model), strict=True))
    assert list(model.state_dict()) == parameters


def test_resumed_from_the_stored_residual_is_the_model():
    model = tiny("gemma2")
    with capturing(model, ["blocks.1.hook_resid_post"]) as captured:
        logits = model(ids()).logits
    assert torch.equal(resumed(model, 1)(captured["blocks.1.hook_resid_post"]), logits)


def test_gradients_reach_the_residual():
    residual = torch.randn(2, 9, 16, requires_grad=True)
    resumed(tiny("gpt2"), 0)(residual).sum().backward()
    assert residual.grad.abs().sum() > 0


def test_resumed_at_a_layer_that_is_not_there():
    with pytest.raises(AnatomyError, match="layers 0 to 2"):
        resumed(tiny("gpt2"), 3)


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("hook_mlp_out", "post_feedforward_layernorm"),
        ("hook_attn_out", "post_attention_layernorm"),
    ],
)
def test_replacing_an_output(kind, module):
    model = tiny("gemma2")
    new = torch.randn(2, 9, 16)
    handle = getattr(model.model.layers[1], module).register_forward_hook(lambda *_: new)
    expected = model(ids()).logits
    handle.remove()
    with substituting(model, {f"blocks.1.{kind}": new}):
        assert torch.equal(model(ids()).logits, expected)
    assert not torch.equal(model(ids()).logits, expected)


def test_replacing_z_at_some_positions():
    model = tiny("llama")
    projection = model.model.layers[1].self_attn.o_proj
    mask = torch.zeros(2, 9, dtype=torch.bool)
    mask[0, 4] = mask[1, 6:] = True

    def by_hand(_, arguments):
        z = arguments[0].clone()
        z[0, 4] *= 2
        z[1, 6:] *= 2
        return (z,)

    handle = projection.register_forward_pre_hook(by_hand)
    expected = model(ids()).logits
    handle.remove()
    with substituting(model, {"blocks.1.attn.hook_z": lambda z: 2 * z}, mask):
        assert torch.equal(model(ids()).logits, expected)


def test_replacing_a_slice_of_positions_leaves_those_before_it():
    model = tiny("gpt2")
    untouched = model(ids()).logits
    with substituting(model, {"blocks.0.hook_resid_post": torch.zeros_like}, slice(5, None)):
        logits = model(ids()).logits
    assert torch.equal(logits[:, :5], untouched[:, :5])
    assert not torch.allclose(logits[:, 5:], untouched[:, 5:])


def test_a_replacement_of_another_shape():
    model = tiny("gpt2")
    with (
        pytest.raises(
            AnatomyError, match=r"shape \(2, 9, 15\) for activations of shape \(2, 9, 16"
        ),
        substituting(model, {"blocks.0.hook_mlp_out": torch.zeros(2, 9, 15)}),
    ):
        model(ids())


@pytest.mark.parametrize("elements", [1 << 24, 120])
def test_token_losses_are_transformers_loss(monkeypatch, elements):
    monkeypatch.setitem(LOSS_ELEMENTS, "cpu", elements)
    model = tiny("gpt2")
    output = model(ids(), labels=ids())
    losses = token_losses(output.logits, ids())
    assert losses[:, 0].isnan().all()
    assert abs(losses[:, 1:].mean() - output.loss) < 1e-6


@pytest.mark.parametrize("elements", [1 << 24, 120])
def test_divergence_of_logits_in_parts_against_scipy(monkeypatch, elements):
    monkeypatch.setitem(LOSS_ELEMENTS, "cpu", elements)
    p, q = torch.randn(2, 2, 9, 50, generator=torch.Generator().manual_seed(3)) * 3
    expected = rel_entr(softmax(p.double().numpy(), -1), softmax(q.double().numpy(), -1)).sum(-1)
    logs = p.log_softmax(-1).flatten(0, 1)
    parts = [kl_from_logs(logs[rows], part) for rows, part in log_probabilities(q.flatten(0, 1))]
    np.testing.assert_allclose(torch.cat(parts).numpy(), expected.ravel(), rtol=1e-4)
    assert len(parts) == (1 if elements > 120 else 9)
