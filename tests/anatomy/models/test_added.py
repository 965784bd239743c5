"""What attention and MLP add, in families that have it in different places. All: `families.py`."""

import pytest
import torch

from tests.anatomy.models.families import ids, random_model
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.added import check_hook_points
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.models.substituting import substituting

TERMS = ("resid_pre", "attn_out", "mlp_out", "resid_post")
# Handed the stream (Bloom, MPT), multiplied (Granite), added to in place (Falcon), parallel (GPT-NeoX).
ADDS_UP = ("bloom", "falcon", "gpt_neox", "granite", "hyperclovax", "inkling_text", "mpt", "olmo2")


def terms(model, layer):
    names = [f"blocks.{layer}.hook_{kind}" for kind in TERMS]
    with capturing(model, names) as captured:
        model(input_ids=ids(), use_cache=False)
    return [captured[name] for name in names]


@pytest.mark.parametrize("family", ADDS_UP)
def test_terms_add_up_and_may_be_replaced(family):
    model = random_model(family)
    names = [f"blocks.{layer}.hook_{kind}" for layer in range(4) for kind in TERMS]
    check_hook_points(model, names, ids(), "toy")
    before, attention, mlp, after = terms(model, 1)
    torch.testing.assert_close(before + attention + mlp, after, atol=1e-4, rtol=1e-4)
    assert (mlp - after).abs().max() > 0.1 and attention.abs().max() > 0.01
    with substituting(model, {"blocks.1.hook_mlp_out": torch.full_like(mlp, 0.3)}):
        before, attention, _, after = terms(model, 1)
    torch.testing.assert_close(before + attention + 0.3, after, atol=1e-4, rtol=1e-4)


def test_mlp_out_of_mpt_by_hand():
    model = random_model("mpt")
    before, attention, mlp, _ = terms(model, 1)
    block = model.transformer.blocks[1]
    expected = block.ffn(block.norm_2(before + attention), torch.zeros_like(before))
    torch.testing.assert_close(mlp, expected, atol=1e-4, rtol=1e-4)


def test_half_precision_adds_up_to_its_rounding():
    check_hook_points(random_model("granite").bfloat16(), ["blocks.2.hook_mlp_out"], ids(), "toy")


@pytest.mark.parametrize(
    ("family", "layer", "message"),
    [
        # The last layer's attention has a bias that the layer adds.
        ("gpt_neox_japanese", 3, "misses resid_post of layer 3 by"),
        # What goes round the modules is multiplied too.
        ("doge", 0, "misses resid_post of layer 0 by"),
        ("bert", 0, "none of mlp, .* cannot be seen in model toy"),
    ],
)
def test_what_does_not_add_up_is_refused(family, layer, message):
    model = random_model(family)
    for kind in ("attn_out", "mlp_out"):
        with pytest.raises(AnatomyError, match=message) as error:
            check_hook_points(model, [f"blocks.{layer}.hook_{kind}"], ids(), "toy")
        assert str(error.value).endswith(f"use blocks.{layer}.hook_resid_post")
        assert f"model toy ({family})" in str(error.value)
    check_hook_points(model, [f"blocks.{layer}.hook_resid_post"], ids(), "toy")
