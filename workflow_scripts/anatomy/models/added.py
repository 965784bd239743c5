"""Whether hook points of a model hold what they are said to hold: the model itself is asked.

What a module returns need not be what is added to the residual stream: some are handed the stream and return
the sum, some are multiplied, some have something added beside them. With

    resid_pre + attn_out + mlp_out = resid_post

to the rounding of the model's dtype, for a layer's every token and dimension, both are what the layer adds.
"""

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import nn

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.hook_points import (
    blocks,
    capturing,
    on_input,
    on_output,
    on_place,
    parse,
)
from workflow_scripts.anatomy.models.places import added_by

ADDED = ("attn_out", "mlp_out")
TERMS = ("resid_pre", *ADDED, "resid_post")
# Two sums and two multiplications are rounded, each by half an epsilon of what there is; some layers also
# go through a narrower dtype on the way. What is wrong is wrong by more than that somewhere.
ROUNDINGS = 8


def check_hook_points(
    model: nn.Module, names: list[str], input_ids: torch.Tensor, name: str
) -> None:
    """Check hook points of a model on some contexts, (n, T) on its device, in one forward pass.

    name: of the model, for errors.

    Raises
    ------
    AnatomyError: a hook point that the model does not pass, or that holds no vector for each token; an
        attn_out or mlp_out that is not what the layer adds, or of which that cannot be seen.
    """
    family = f"model {name} ({model.config.model_type})"
    added: dict[int, str] = {}
    for each in names:
        layer, kind = parse(each)
        if kind in ADDED:
            added.setdefault(layer, each)
    terms: dict[tuple[int, str], torch.Tensor] = {}
    with ExitStack() as stack, torch.no_grad():
        for layer, each in added.items():
            _attach_terms(stack, model, layer, each, family, input_ids.shape, terms)
        captured = stack.enter_context(capturing(model, names))
        model(input_ids=input_ids, use_cache=False)
    for each in names:
        if each not in captured:
            raise AnatomyError(
                f"hook point {each}: {family} does not pass there; {_instead(parse(each)[0])}"
            )
        if captured[each].shape[:-1] != input_ids.shape:
            raise AnatomyError(
                f"hook point {each}: in {family} it is of shape {tuple(captured[each].shape)} for "
                f"{len(input_ids)} contexts of {input_ids.shape[1]} tokens, not one vector a token; "
                f"{_instead(parse(each)[0])}"
            )
    for layer, each in added.items():
        _check_sum(layer, each, family, terms)


def _attach_terms(
    stack: ExitStack,
    model: nn.Module,
    layer: int,
    hook_point: str,
    family: str,
    shape: torch.Size,
    terms: dict[tuple[int, str], torch.Tensor],
) -> None:
    """Keep all four terms of a layer."""
    block = blocks(model)[layer]

    def keep(kind: str) -> Callable[[torch.Tensor], None]:
        def store(activations: torch.Tensor) -> None:
            # Some layers (OPT's) go through the MLP with their contexts in a row.
            flat = activations.ndim == 2 and len(activations) == shape.numel()
            terms[layer, kind] = (activations.reshape(*shape, -1) if flat else activations).clone()

        return store

    stack.callback(on_input(block, keep("resid_pre")).remove)
    stack.callback(on_output(block, keep("resid_post")).remove)
    for kind in ADDED:
        try:
            place = added_by(block, kind, hook_point, mixers=True)
        except AnatomyError as error:
            raise AnatomyError(
                f"{error}, and whether it is what the layer adds cannot be seen in {family}; "
                f"{_instead(layer)}"
            ) from None
        stack.callback(on_place(place, keep(kind)).remove)


def _check_sum(
    layer: int, hook_point: str, family: str, terms: dict[tuple[int, str], torch.Tensor]
) -> None:
    shapes = {terms[layer, kind].shape for kind in TERMS if (layer, kind) in terms}
    if len(shapes) > 1 or any((layer, kind) not in terms for kind in TERMS):
        raise AnatomyError(
            f"hook point {hook_point}: whether it is what the layer adds cannot be seen in {family}; "
            f"{_instead(layer)}"
        )
    eps = torch.finfo(terms[layer, "resid_post"].dtype).eps
    before, attention, mlp, after = (terms[layer, kind].double() for kind in TERMS)
    if not all(torch.isfinite(term).all() for term in (before, attention, mlp, after)):
        # The harvest says where.
        return
    off = before + attention + mlp - after
    size = before.abs() + attention.abs() + mlp.abs() + after.abs()
    if (off.abs() <= ROUNDINGS * eps * size).all():
        return
    share = (off.norm() / (after - before).norm()).item()
    raise AnatomyError(
        f"hook point {hook_point}: in {family} resid_pre + attn_out + mlp_out misses resid_post of layer "
        f"{layer} by {share:.2g} of what the layer adds, so it is not what is added; {_instead(layer)}"
    )


def _instead(layer: int) -> str:
    return f"use blocks.{layer}.hook_resid_post"
