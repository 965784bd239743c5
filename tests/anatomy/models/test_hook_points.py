"""Hook points against transformers' own hidden states and against modules called by hand."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.anatomy.models.tiny_models import FAMILIES, ids, tiny
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.hook_points import blocks, capturing, check, parse


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


def test_residuals_are_transformers_hidden_states(family):
    model = tiny(family)
    names = [f"blocks.{i}.hook_resid_{which}" for i in range(3) for which in ("pre", "post")]
    with capturing(model, names) as captured:
        hidden = model(ids(), output_hidden_states=True).hidden_states
    for layer in range(3):
        assert torch.equal(captured[f"blocks.{layer}.hook_resid_pre"], hidden[layer])
    for layer in range(2):
        assert torch.equal(captured[f"blocks.{layer}.hook_resid_post"], hidden[layer + 1])
    # The last hidden state of transformers has been through the final norm.
    base = model.base_model
    norm = next(getattr(base, n) for n in ("ln_f", "norm", "final_layer_norm") if hasattr(base, n))
    torch.testing.assert_close(norm(captured["blocks.2.hook_resid_post"]), hidden[3])


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_neox"])
def test_attention_and_mlp_add_up_to_the_residual(family):
    model = tiny(family)
    kinds = ("resid_pre", "attn_out", "mlp_out", "resid_post")
    with capturing(model, [f"blocks.1.hook_{kind}" for kind in kinds]) as captured:
        model(ids())
    before, attention, mlp, after = (captured[f"blocks.1.hook_{kind}"] for kind in kinds)
    torch.testing.assert_close(before + attention + mlp, after)


def test_mlp_out_by_hand():
    model, name = tiny("gpt2"), "blocks.1.hook_mlp_out"
    with capturing(model, [name, "blocks.1.hook_resid_pre", "blocks.1.hook_attn_out"]) as captured:
        model(ids())
    block = model.transformer.h[1]
    middle = captured["blocks.1.hook_resid_pre"] + captured["blocks.1.hook_attn_out"]
    torch.testing.assert_close(captured[name], block.mlp(block.ln_2(middle)))


@pytest.mark.parametrize(
    ("family", "projection", "width"),
    [
        ("gpt2", lambda block: block.attn.c_proj, 16),
        ("llama", lambda block: block.self_attn.o_proj, 16),
        (
            "gemma2",
            lambda block: lambda z: block.post_attention_layernorm(block.self_attn.o_proj(z)),
            12,
        ),
        ("gpt_neox", lambda block: block.attention.dense, 16),
    ],
)
def test_z_is_what_the_output_projection_reads(family, projection, width):
    model = tiny(family)
    with capturing(
        model, ["blocks.2.attn.hook_z", "blocks.2.hook_z", "blocks.2.hook_attn_out"]
    ) as c:
        model(ids())
    z = c["blocks.2.attn.hook_z"]
    assert z.shape == (2, 9, width)
    assert torch.equal(z, c["blocks.2.hook_z"])
    torch.testing.assert_close(projection(blocks(model)[2])(z), c["blocks.2.hook_attn_out"])


def test_hooks_are_taken_away():
    model = tiny("gpt2")
    with capturing(model, ["blocks.0.hook_resid_pre"]) as captured:
        model(ids())
    captured.clear()
    model(ids())
    assert not captured


def test_names():
    assert parse("blocks.12.hook_resid_post") == (12, "resid_post")
    assert parse("blocks.0.attn.hook_z") == parse("blocks.0.hook_z") == (0, "z")
    for wrong in ("blocks.0.hook_resid_mid", "block.0.hook_resid_pre", "blocks.0.hook_mlp_out.x"):
        with pytest.raises(AnatomyError, match="is not a hook point"):
            parse(wrong)


def test_a_layer_that_the_model_lacks():
    description = {"name": "toy", "n_layers": 4}
    check(["blocks.3.hook_mlp_out"], description)
    with pytest.raises(AnatomyError, match=r"blocks\.4\.hook_mlp_out.*toy has layers 0 to 3"):
        check(["blocks.4.hook_mlp_out"], description)


def test_an_architecture_without_the_module():
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(
            "bert",
            hidden_size=16,
            num_hidden_layers=1,
            intermediate_size=16,
            num_attention_heads=2,
            vocab_size=50,
            is_decoder=True,
        )
    )
    with (
        pytest.raises(AnatomyError, match=r"blocks\.0\.hook_mlp_out: a BertLayer has none"),
        capturing(model, ["blocks.0.hook_mlp_out"]),
    ):
        pass
