"""Hook points: places in a transformer, under TransformerLens's names, on any transformers model.

========================  ====================================================  ==============
name                      what it is                                            width
========================  ====================================================  ==============
blocks.L.hook_resid_pre   residual stream entering layer L                      d_model
blocks.L.hook_resid_post  residual stream leaving layer L, before a final norm  d_model
blocks.L.hook_attn_out    what attention adds to the residual stream            d_model
blocks.L.hook_mlp_out     what the MLP adds to the residual stream              d_model
blocks.L.attn.hook_z      input of attention's output projection, heads flat    n_heads * d_head
========================  ====================================================  ==============

Where a layer normalises what attention or the MLP adds (Gemma 2 and 3, OLMo 2, GLM 4), attn_out and
mlp_out are taken after that norm. ``blocks.L.hook_z`` is taken as another name of the last one.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from workflow_scripts.anatomy.base.errors import AnatomyError

NAME = re.compile(
    r"blocks\.(\d+)\.(?:hook_(resid_pre|resid_post|attn_out|mlp_out)|(?:attn\.)?hook_(z))"
)

# Submodules by the names that transformers gives them, whatever the family.
ATTENTION = ("attn", "self_attn", "attention", "self_attention")
PROJECTION = ("c_proj", "o_proj", "out_proj", "dense", "wo")
MLP = ("mlp", "feed_forward", "ffn", "block_sparse_moe")
# A norm of what is added to the residual stream. Llama's post_attention_layernorm is not one (it
# comes before the MLP); it is only where the MLP's output has a norm as well.
MLP_NORM = ("post_feedforward_layernorm", "post_mlp_layernorm")
ATTENTION_NORM = ("post_self_attn_layernorm", "post_attention_layernorm")


def parse(name: str) -> tuple[int, str]:
    """Split a hook point's name into its layer and its kind.

    Kinds are ``resid_pre``, ``resid_post``, ``attn_out``, ``mlp_out`` and ``z``.

    Raises
    ------
    AnatomyError: no such hook point.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise AnatomyError(
            f"{name} is not a hook point; there are blocks.L.hook_resid_pre, hook_resid_post, "
            "hook_attn_out, hook_mlp_out and blocks.L.attn.hook_z"
        )
    return int(found[1]), found[2] or found[3]


def check(names: list[str], description: dict[str, Any]) -> None:
    """Check that a model (its model.json, as a dict) has these hook points.

    Raises
    ------
    AnatomyError: no such hook point, or a layer that the model lacks.
    """
    for name in names:
        layer, _ = parse(name)
        if layer >= description["n_layers"]:
            raise AnatomyError(
                f"hook point {name}: model {description['name']} has layers 0 to "
                f"{description['n_layers'] - 1}"
            )


def blocks(model: nn.Module) -> nn.ModuleList:
    """The layers of a causal language model: its first list of modules as long as n_layers."""
    n_layers = model.config.get_text_config().num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == n_layers:
            return module
    raise AnatomyError(
        f"the architecture {model.config.model_type} keeps its {n_layers} layers in no list of "
        "modules, so it has no hook points"
    )


@contextmanager
def capturing(model: nn.Module, names: list[str]) -> Iterator[dict[str, torch.Tensor]]:
    """Collect the activations at some hook points: after each forward pass the dictionary holds,
    under the names as given, a tensor (n, T, d) in the model's dtype."""
    captured: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[[torch.Tensor], None]:
        def store(activations: torch.Tensor) -> None:
            captured[name] = activations

        return store

    with ExitStack() as stack:
        for name in names:
            stack.callback(attach(model, name, keep(name)).remove)
        yield captured


def attach(model: nn.Module, name: str, function: Callable[[torch.Tensor], torch.Tensor | None]):
    """Call `function` with the activations (n, T, d) at a hook point in every forward pass.

    What it returns takes their place, unless it is None. Returns the handle of the hook.
    """
    layer, kind = parse(name)
    layers = blocks(model)
    if layer >= len(layers):
        raise AnatomyError(f"hook point {name}: the model has layers 0 to {len(layers) - 1}")
    block = layers[layer]
    if kind == "resid_pre":
        return on_input(block, function)
    if kind == "z":
        attention = _part(block, ATTENTION, name)
        return on_input(_part(attention, PROJECTION, name), function)
    if kind == "resid_post":
        return on_output(block, function)
    norm = _part(block, MLP_NORM)
    if norm is None:
        return on_output(_part(block, MLP if kind == "mlp_out" else ATTENTION, name), function)
    return on_output(norm if kind == "mlp_out" else _part(block, ATTENTION_NORM, name), function)


def on_input(module: nn.Module, function: Callable[[torch.Tensor], torch.Tensor | None]):
    """Hook the first argument of a module, given by position or as ``hidden_states``."""

    def hook(_, arguments, named):
        new = function(arguments[0] if arguments else named["hidden_states"])
        if new is None:
            return None
        if arguments:
            return (new, *arguments[1:]), named
        return arguments, named | {"hidden_states": new}

    return module.register_forward_pre_hook(hook, with_kwargs=True)


def on_output(module: nn.Module, function: Callable[[torch.Tensor], torch.Tensor | None]):
    """Hook the output of a module; of a tuple, its first element."""

    def hook(_, arguments, output):
        new = function(output[0] if isinstance(output, tuple) else output)
        if new is None:
            return None
        return (new, *output[1:]) if isinstance(output, tuple) else new

    return module.register_forward_hook(hook)


def _part(module: nn.Module, names: tuple[str, ...], hook_point: str | None = None):
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
