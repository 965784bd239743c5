"""Interventions: run a language model with some of its activations replaced, and measure it.

From a residual stream onward only the layers after it are run: pass-through modules stand in for
those before, so that masks, positions and sliding windows stay the model's own in every family.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

import torch
from torch import nn

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.hook_points import attach, blocks, on_input, parse

Replacement: TypeAlias = torch.Tensor | Callable[[torch.Tensor], torch.Tensor]


class PassThrough(nn.Module):
    """Stands in for a layer: returns its input, or what it was `given`.

    What the model reads of a layer besides (its attention_type) it reads of the layer itself.
    """

    def __init__(self, block: nn.Module, as_tuple: bool):
        super().__init__()
        # Past nn.Module's registration: the layer must not appear as a child.
        self.__dict__["block"] = block
        self.as_tuple = as_tuple
        self.given: torch.Tensor | None = None

    def forward(self, hidden_states: torch.Tensor, *_: Any, **__: Any) -> Any:
        """Return `given`, or else the input."""
        output = hidden_states if self.given is None else self.given
        return (output,) if self.as_tuple else output

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["block"], name)


def resumed(model: nn.Module, layer: int, which: str = "post") -> Callable[..., torch.Tensor]:
    """Make a function that resumes a model from the residual stream at a layer.

    Parameters
    ----------
    model: a causal language model of transformers, in evaluation mode.
    layer, which: from the residual stream ``blocks.layer.hook_resid_{which}``, pre or post.

    The function takes a residual (n, T, d), on the model's device, and optionally the input_ids
    (n, T), which only a model needs that looks at them again in its later layers; it returns logits
    (n, T, vocabulary) in the model's dtype. Gradients flow to the residual. The model itself is
    left as it was after each call.

    Raises
    ------
    AnatomyError: a layer that the model lacks.
    """
    layers = blocks(model)
    if which not in ("pre", "post") or not 0 <= layer < len(layers):
        raise AnatomyError(
            f"cannot resume at resid_{which} of layer {layer}: the model has layers 0 to "
            f"{len(layers) - 1}, pre and post"
        )
    skipped = layer + (which == "post")
    as_tuple = returns_tuple(model, layers) if skipped else False
    dtype = next(model.parameters()).dtype

    def run(residual: torch.Tensor, input_ids: torch.Tensor | None = None) -> torch.Tensor:
        residual = residual.to(dtype)
        inputs = {"inputs_embeds": residual} if input_ids is None else {"input_ids": input_ids}
        originals = [layers[i] for i in range(skipped)]
        with ExitStack() as stack:
            if skipped:
                for i, block in enumerate(originals):
                    stack.callback(layers.__setitem__, i, block)
                    layers[i] = PassThrough(block, as_tuple)
                layers[skipped - 1].given = residual
            else:
                stack.callback(on_input(layers[0], lambda _: residual).remove)
            return model(**inputs, use_cache=False).logits

    return run


@contextmanager
def substituting(
    model: nn.Module,
    replacements: Mapping[str, Replacement],
    positions: torch.Tensor | slice | None = None,
) -> Iterator[None]:
    """Replace activations at hook points in every forward pass inside the block.

    Parameters
    ----------
    replacements: by hook point, a tensor (n, T, d), or a function of the activations (n, T, d)
        that returns their replacement.
    positions: which positions are replaced: a mask (T,) or (n, T) of bools, or a slice of the T
        positions; all of them by default. Tensors and functions are of full shape all the same.

    Raises
    ------
    AnatomyError: no such hook point, or a replacement of another shape than the activations.
    """
    with ExitStack() as stack:
        for name, replacement in replacements.items():
            parse(name)
            stack.callback(attach(model, name, _replacer(name, replacement, positions)).remove)
        yield


def _replacer(name: str, replacement: Replacement, positions: torch.Tensor | slice | None):
    def function(activations: torch.Tensor) -> torch.Tensor:
        new = replacement if isinstance(replacement, torch.Tensor) else replacement(activations)
        if new.shape != activations.shape:
            raise AnatomyError(
                f"{name}: a replacement of shape {tuple(new.shape)} for activations of shape "
                f"{tuple(activations.shape)}"
            )
        new = new.to(activations.dtype)
        if positions is None:
            return new
        if isinstance(positions, slice):
            mask = torch.zeros(activations.shape[1], dtype=torch.bool, device=new.device)
            mask[positions] = True
        else:
            mask = positions.to(new.device)
        return torch.where(mask[..., None], new, activations)

    return function


class _Stop(Exception):
    pass


def returns_tuple(model: nn.Module, layers: nn.ModuleList) -> bool:
    """Whether a layer of the model returns a tuple: run it on one token up to its first layer."""
    found = []

    def look(_module, _arguments, output):
        found.append(isinstance(output, tuple))
        raise _Stop

    handle = layers[0].register_forward_hook(look)
    token = torch.zeros((1, 1), dtype=torch.long, device=next(model.parameters()).device)
    try:
        with torch.no_grad():
            model(input_ids=token, use_cache=False)
    except _Stop:
        pass
    finally:
        handle.remove()
    return found[0]
