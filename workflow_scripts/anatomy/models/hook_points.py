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

Where a layer normalises or multiplies what attention or the MLP adds (Gemma 2 and 3, OLMo 2, GLM 4;
Granite), attn_out and mlp_out are taken after that: resid_pre + attn_out + mlp_out = resid_post, and a
harvest checks it (`models/added.py`). ``blocks.L.hook_z`` is taken as another name of the last one.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.places import Place, added_by, read_by_projection

NAME = re.compile(
    r"blocks\.(\d+)\.(?:hook_(resid_pre|resid_post|attn_out|mlp_out)|(?:attn\.)?hook_(z))"
)


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
            # Some layers go on to add to this very tensor in place.
            captured[name] = activations.clone()

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
        return on_input(read_by_projection(block, name), function)
    if kind == "resid_post":
        return on_output(block, function)
    return on_place(added_by(block, kind, name), function)


def on_place(place: Place, function: Callable[[torch.Tensor], torch.Tensor | None]):
    """Hook what a layer adds to the residual stream."""
    multiplier = place.multiplier
    if multiplier == 1.0:
        return on_output(place.module, function)

    def scaled(output: torch.Tensor) -> torch.Tensor | None:
        new = function(output * multiplier)
        return None if new is None else new / multiplier

    return on_output(place.module, scaled)


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
    """Hook the output of a module; of a tuple or list, its first element."""

    def hook(_, arguments, output):
        new = function(output[0] if isinstance(output, tuple | list) else output)
        if new is None:
            return None
        return (new, *output[1:]) if isinstance(output, tuple | list) else new

    return module.register_forward_hook(hook)
