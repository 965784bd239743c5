"""Logit weights against the model's own final norm and unembedding, by differentiation in float64."""

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from tests.anatomy.models.tiny_models import FAMILIES, ids, tiny
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models import logit_weights
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.models.logit_weights import (
    extremes,
    linear_part,
    logit_correlations,
    logits,
    unembedding,
    writes_residual,
)

LAST = "blocks.2.hook_resid_post"
NORMS = ("ln_f", "norm", "final_layer_norm")


def directions(count=7, seed=3):
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))


def derivative(family, direction):
    """Of the logits of one token along a unit direction at the final norm's input, times the norm's scale.

    By differences in float64, through transformers' own norm and head. The scale is held fixed: what the
    norm makes of the moved x is multiplied by the moved scale over the old one, its bias excepted.
    """
    model = tiny(family)
    with capturing(model, [LAST]) as captured:
        model(ids())
    base = model.base_model
    norm = next(getattr(base, name) for name in NORMS if hasattr(base, name)).double()
    head = model.get_output_embeddings().double()
    x, w = captured[LAST][1, 5].double(), torch.nn.functional.normalize(direction.double(), dim=0)
    if isinstance(norm, nn.LayerNorm):
        x, w = x - x.mean(), w - w.mean()
    bias = head(norm(0 * x))

    def at(step):
        moved = x + step * w
        return (head(norm(moved)) - bias) * moved.square().mean().sqrt()

    return (at(1e-3) - at(-1e-3)) / 2e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_they_are_the_derivative_of_the_logits_with_the_scale_held_fixed(family):
    model, rows = tiny(family), directions()
    found = logits(rows, unembedding(model, centred=False))
    for direction, weights in zip(rows, found, strict=True):
        torch.testing.assert_close(
            derivative(family, direction).float(), weights, rtol=1e-3, atol=1e-4
        )
    centred = logits(rows, unembedding(model))
    torch.testing.assert_close(centred, found - found.mean(1, keepdim=True), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_folded_is_the_unembedding_itself(family):
    model = tiny(family)
    plain = unembedding(model, folded=False, centred=False)
    torch.testing.assert_close(plain, model.get_output_embeddings().weight)
    assert unembedding(model, tokens=41).shape == (41, 16)


@pytest.mark.parametrize("width", [6, 7])
def test_the_gain_of_a_norm_is_measured(width):
    layer = nn.LayerNorm(width)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    gain, centring = linear_part(layer, width)
    assert centring
    torch.testing.assert_close(gain, layer.weight.detach(), rtol=1e-4, atol=1e-5)
    rms = nn.RMSNorm(width)
    nn.init.normal_(rms.weight)
    gain, centring = linear_part(rms, width)
    assert not centring
    torch.testing.assert_close(gain, rms.weight.detach(), rtol=1e-4, atol=1e-5)
    # Of weights in half precision the gain is that of these weights, not of a result in half precision.
    half = nn.RMSNorm(width).bfloat16()
    nn.init.normal_(half.weight)
    torch.testing.assert_close(
        linear_part(half, width)[0], half.weight.detach().float(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("norm", [nn.Tanh(), nn.Identity(), nn.GroupNorm(2, 6)])
def test_what_is_no_such_norm_is_an_error(norm):
    with pytest.raises(AnatomyError, match=f"{type(norm).__name__}, is neither"):
        linear_part(norm, 6)


def test_an_architecture_with_another_name_is_an_error_that_says_so():
    model = tiny("llama")
    model.model.last = model.model.norm
    del model.model.norm
    with pytest.raises(AnatomyError, match=r"final norm of llama is not known.*FINAL_NORM"):
        unembedding(model)


def test_an_unembedding_of_another_width_is_an_error():
    config = {"hidden_size": 16, "num_hidden_layers": 1, "ffn_dim": 16, "num_attention_heads": 2}
    config |= {"vocab_size": 50, "word_embed_proj_dim": 8, "max_position_embeddings": 16}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("opt", **config))
    with pytest.raises(AnatomyError, match="do not read the 16 dimensions"):
        unembedding(model)


def test_extremes_are_those_of_all_logits(monkeypatch):
    rows, w_u = directions(9), directions(50, seed=4)
    monkeypatch.setattr(logit_weights, "ENTRIES", 120)  # two directions at a time
    found = extremes(rows, w_u, 6)
    expected = torch.nn.functional.normalize(rows.double(), dim=1) @ w_u.double().T
    order = expected.argsort(dim=1)
    for side, tokens in (("promoted", order.flip(1)), ("suppressed", order)):
        assert torch.equal(found[side][0], tokens[:, :6])
        values = expected.gather(1, tokens[:, :6])
        torch.testing.assert_close(found[side][1].double(), values, rtol=1e-5, atol=1e-5)
    assert extremes(rows, w_u[:4], 6)["promoted"][0].shape == (9, 4)


def test_correlations_are_numpys(monkeypatch):
    monkeypatch.setattr(logit_weights, "ENTRIES", 240)
    first, second, w_u = directions(9), directions(9, seed=5), directions(50, seed=4)
    found = logit_correlations(first, second, w_u)
    for a, b, value in zip(first, second, found, strict=True):
        expected = torch.corrcoef(torch.stack([w_u @ a, w_u @ b]).double())[0, 1]
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        logit_correlations(first, 3 * first, w_u), torch.ones(9, dtype=torch.float64)
    )


def test_attentions_heads_have_no_logit_weights():
    for kind in ("resid_pre", "resid_post", "mlp_out", "attn_out"):
        assert writes_residual(f"blocks.0.hook_{kind}")
    assert not writes_residual("blocks.3.attn.hook_z")
