"""Logit weights: by how much a direction of the residual stream raises the logit of every token.

Canonical-units paper, Appendix A.4: w . W_U, for the decoder row w of a latent. Between the residual
stream and W_U stands the model's final norm, ``gain * (x - mean(x)) / scale + bias`` (LayerNorm) or
``gain * x / scale`` (RMSNorm). With the scale held fixed it is linear in x, and its linear part is folded
into W_U; the scale, one number a token, is left out. What comes later and is the same for all tokens, a
factor of the logits or a soft cap, is left out too. A constant added to all logits changes no
probability, so their mean over the vocabulary can be taken off.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.hook_points import blocks, parse

# The final norm stands beside the list of layers, under one of these names.
FINAL_NORM = ("ln_f", "norm", "final_layer_norm", "final_layernorm", "norm_f", "layer_norm")
# Logits held at a time: 64 MB in float32.
ENTRIES = 2**24
TOLERANCE = 1e-4


def writes_residual(hook_point: str) -> bool:
    """Whether what is decoded at a hook point is part of the residual stream, or is added to it.

    It is not at hook_z: directions there are in the space of attention's heads and have no logit weights
    before attention's output projection.
    """
    return parse(hook_point)[1] != "z"


def unembedding(
    model: nn.Module, tokens: int | None = None, folded: bool = True, centred: bool = True
) -> Tensor:
    """The rows (V, d) float32 whose product with a direction (d,) is its logit weights (V,).

    Parameters
    ----------
    model: a causal language model of transformers.
    tokens: how many tokens there really are, the first ones; W_U may have rows for padding.
    folded: with the linear part of the final norm, or W_U as it is.
    centred: without the mean over the vocabulary.

    Raises
    ------
    AnatomyError: an architecture whose final norm is not known, is none of the two kinds, or does not
        stand before W_U.
    """
    head = model.get_output_embeddings()
    weight = getattr(head, "weight", None)
    width = model.config.get_text_config().hidden_size
    if not isinstance(weight, Tensor) or weight.shape[1] != width:
        raise _unknown(
            model, f"its output embeddings do not read the {width} dimensions of a layer"
        )
    rows = weight.detach()[:tokens].float()
    if folded:
        gain, centring = linear_part(_final_norm(model), width)
        rows = rows * gain
        if centring:
            rows = rows - rows.mean(1, keepdim=True)
    return rows - rows.mean(0) if centred else rows


def linear_part(norm: nn.Module, width: int) -> tuple[Tensor, bool]:
    """The gain (d,) float32 of a norm, and whether it takes the mean over d off.

    Measured, as families keep their gains differently (Gemma's is 1 + weight): for x of mean 0 and
    norm(x) - norm(-x), bias and scale are known. A second x tells whether the norm is what it seems.

    Raises
    ------
    AnatomyError: neither LayerNorm nor RMSNorm.
    """
    parameters = list(norm.parameters())
    norm = copy.deepcopy(norm).float()
    signs = torch.ones(width)
    signs[1::2] = -1
    # Other numbers, neither of mean 0 nor of one size.
    other = 2 + torch.linspace(-3, 4, width).cos() + 0.3 * signs
    if parameters:
        signs, other = (x.to(parameters[0].device) for x in (signs, other))
    for centring in (False, True):
        gain = _odd_part(norm, signs) / _normalised(signs, centring)
        expected = gain * _normalised(other, centring)
        if torch.allclose(_odd_part(norm, other), expected, rtol=TOLERANCE, atol=TOLERANCE):
            return gain, centring
    raise AnatomyError(
        f"logit weights: the final norm, a {type(norm).__name__}, is neither a LayerNorm nor an "
        "RMSNorm, so it cannot be folded into the unembedding"
    )


def logits(directions: Tensor, rows: Tensor) -> Tensor:
    """Logit weights (n, V) of directions (n, d), which count with norm 1; rows of `unembedding`."""
    unit = torch.nn.functional.normalize(directions.float(), dim=1, eps=1e-30)
    return unit @ rows.T


def extremes(directions: Tensor, rows: Tensor, count: int) -> dict[str, tuple[Tensor, Tensor]]:
    """The tokens that directions (n, d) promote and suppress most, the most extreme first.

    Returns
    -------
    `promoted` and `suppressed`: tokens (n, count) int64 and their logit weights (n, count) float32.
    Memory is a block of `ENTRIES` logit weights.
    """
    count = min(count, len(rows))
    found: dict[str, list[tuple[Tensor, Tensor]]] = {"promoted": [], "suppressed": []}
    for part in directions.split(max(1, ENTRIES // len(rows))):
        weights = logits(part, rows)
        for side, largest in (("promoted", True), ("suppressed", False)):
            values, tokens = weights.topk(count, dim=1, largest=largest)
            found[side].append((tokens, values))
    return {
        side: tuple(torch.cat(parts) for parts in zip(*each, strict=True))
        for side, each in found.items()
    }


def logit_correlations(first: Tensor, second: Tensor, rows: Tensor) -> Tensor:
    """Correlation over the vocabulary of the logit weights of pairs of directions, (p, d) each: (p,)."""
    found = [first.new_zeros(0, dtype=torch.float64)]
    step = max(1, ENTRIES // (2 * len(rows)))
    for left, right in zip(first.split(step), second.split(step), strict=True):
        one, other = (logits(part, rows).double() for part in (left, right))
        one, other = (part - part.mean(1, keepdim=True) for part in (one, other))
        norms = one.norm(dim=1) * other.norm(dim=1)
        found.append((one * other).sum(1) / norms)
    return torch.cat(found)


def _final_norm(model: nn.Module) -> nn.Module:
    layers = blocks(model)
    beside = next(m for m in model.modules() if any(child is layers for child in m.children()))
    for name in FINAL_NORM:
        found = getattr(beside, name, None)
        if isinstance(found, nn.Module):
            return found
    raise _unknown(model, f"beside its layers there is none of {', '.join(FINAL_NORM)}")


def _odd_part(norm: nn.Module, x: Tensor) -> Tensor:
    """(norm(x) - norm(-x)) / 2, which has no bias; x is so large that the norm's epsilon is nothing."""
    with torch.no_grad():
        return ((norm(1000 * x[None]) - norm(-1000 * x[None])) / 2)[0]


def _normalised(x: Tensor, centring: bool) -> Tensor:
    x = x - x.mean() if centring else x
    return x / x.square().mean().sqrt()


def _unknown(model: Any, why: str) -> AnatomyError:
    return AnatomyError(
        f"logit weights: the final norm of {model.config.model_type} is not known, {why}; add its name "
        "to FINAL_NORM in anatomy/models/logit_weights.py"
    )
