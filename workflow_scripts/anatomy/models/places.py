"""Which module of a layer computes what attention, or the MLP, adds to the residual stream.

That is the last module before the addition: a norm or convolution after the MLP, or, where a module is handed
the residual stream and returns the sum (Bloom, MPT), its own last projection. Where the layer multiplies what
comes out of it (Granite), so must whoever takes it.

What is found by name is a guess; `added.check_hook_points` asks the model whether it is right.
"""

import inspect
from dataclasses import dataclass

from torch import nn

from workflow_scripts.anatomy.base.errors import AnatomyError

# Submodules by the names that transformers gives them, whatever the family.
ATTENTION = ("attn", "self_attn", "attention", "self_attention")
PROJECTION = ("c_proj", "o_proj", "out_proj", "dense", "wo")
MLP = (
    "mlp",
    "feed_forward",
    "ffn",
    "block_sparse_moe",
    "mlp_block",
    "moe",
    "shared_mlp",
    # Of a layer that holds the MLP's two projections itself, the second.
    "fc2",
)
MLP_PROJECTION = ("dense_4h_to_h", "down_proj", "c_proj", "fc2", "wo")
# What some layers have in the place of attention.
MIXERS = ("mamba", "linear_attn", "conv", "short_conv", "temporal_block")
# A norm of what is added to the residual stream. Llama's post_attention_layernorm is not one (it
# comes before the MLP); it is only where the MLP's output has a norm as well.
MLP_NORM = ("post_feedforward_layernorm", "post_mlp_layernorm", "post_norm2", "mlp_sconv")
ATTENTION_NORM = ("post_norm1", "post_self_attn_layernorm", "post_attention_layernorm")
# A short convolution after attention, and what the layer multiplies all that it adds with.
ATTENTION_CONVOLUTION = "attn_sconv"
MULTIPLIER = "residual_multiplier"


@dataclass(frozen=True)
class Place:
    """Where a tensor that is added is computed: the output of a module, times a number."""

    module: nn.Module
    multiplier: float = 1.0


def added_by(block: nn.Module, kind: str, hook_point: str, mixers: bool = False) -> Place:
    """What computes `kind` (attn_out or mlp_out) in a layer; `hook_point` is what errors name.

    mixers: whether a state space or the like may stand in for attention.

    Raises
    ------
    AnatomyError: the layer has no such module.
    """
    multiplier = getattr(block, MULTIPLIER, 1.0)
    multiplier = float(multiplier) if isinstance(multiplier, int | float) else 1.0
    norm = part(block, MLP_NORM)
    if kind == "mlp_out":
        module = norm or part(block, MLP, hook_point)
        inner = MLP_PROJECTION
    else:
        names = ATTENTION + MIXERS if mixers else ATTENTION
        module = part(block, names, hook_point)
        inner = PROJECTION
        if (convolution := part(block, (ATTENTION_CONVOLUTION,))) is not None:
            module = convolution
        elif norm is not None:
            module = part(block, ATTENTION_NORM, hook_point)
    if "residual" in inspect.signature(module.forward).parameters:
        module = part(module, inner, hook_point)
    return Place(module, multiplier)


def read_by_projection(block: nn.Module, hook_point: str) -> nn.Module:
    """The output projection of a layer's attention.

    Raises
    ------
    AnatomyError: the layer has no such module.
    """
    return part(part(block, ATTENTION, hook_point), PROJECTION, hook_point)


def part(module: nn.Module, names: tuple[str, ...], hook_point: str | None = None):
    """The first submodule of one of these names; without one an error, where there is a `hook_point`."""
    for name in names:
        found = getattr(module, name, None)
        if isinstance(found, nn.Module):
            return found
    if hook_point is None:
        return None
    raise AnatomyError(
        f"hook point {hook_point}: a {type(module).__name__} has none of {', '.join(names)}, so it "
        "cannot be taken from this architecture"
    )
