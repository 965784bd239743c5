"""An SAE's encoder and decoder at its active entries alone, with their gradients.

Of a batch's dense (n, m) activations all but a few in a row are zeros. Sums over the entries that are
not are `embedding_bag`s, which add in a fixed order: the same bytes in every run.
"""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag


class Active:
    """Which entries of a batch are active, by token and by latent.

    Parameters
    ----------
    entries: (e,) int64, flat positions in (n, m), ascending.
    shape: n and m.
    """

    def __init__(self, entries: Tensor, shape: tuple[int, int]):
        self.entries, self.shape = entries, shape
        self.rows, self.latents = entries // shape[1], entries % shape[1]

    @cached_property
    def starts(self) -> Tensor:
        """(n,): where the entries of each token begin."""
        return _starts(self.rows, self.shape[0])

    @cached_property
    def order(self) -> Tensor:
        """(e,): entries by latent, those of one latent in their order; numpy sorts 16 bits by radix."""
        if self.latents.device.type == "cpu" and self.shape[1] <= 2**16:
            latents = self.latents.numpy().astype(np.uint16)
            return torch.from_numpy(np.argsort(latents, kind="stable"))
        return self.latents.argsort(stable=True)

    @cached_property
    def tokens(self) -> Tensor:
        """(e,): the token of each entry, by latent."""
        return self.rows[self.order]

    @cached_property
    def by_latent(self) -> Tensor:
        """(m,): where the entries of each latent begin in `order`."""
        return _starts(self.latents, self.shape[1])

    def codes(self, values: Tensor) -> Tensor:
        """The sparse (n, m) matrix of these entries with `values` (e,)."""
        return torch.sparse_coo_tensor(
            torch.stack([self.rows, self.latents]),
            values,
            self.shape,
            is_coalesced=True,
            check_invariants=False,
        )


def encoded(
    values: Tensor,
    W_enc: Tensor,
    b_enc: Tensor,
    b_dec: Tensor,
    x: Tensor,
    active: Active,
    centred: bool,
) -> Tensor:
    """`values` (e,), the pre-activations of the active entries, as differentiable functions of the weights.

    x: (n, d), what was encoded: with `centred`, activations less b_dec.
    """
    return _Encoded.apply(W_enc, b_enc, b_dec, values, x, active, centred)


def decoded(weights: Tensor, W_dec: Tensor, b_dec: Tensor, active: Active) -> Tensor:
    """(n, d): the sum over a token's active entries e of weights[e] W_dec[latent of e], + b_dec."""
    return _Decoded.apply(weights, W_dec, b_dec, active)


class _Encoded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, W_enc, b_enc, b_dec, values, x, active, centred):
        ctx.save_for_backward(W_enc, x)
        ctx.active, ctx.centred = active, centred
        return values.clone()

    @staticmethod
    def backward(ctx, grad):
        W_enc, x = ctx.saved_tensors
        active, grad = ctx.active, grad[ctx.active.order]
        grad_W_enc = _bags(active.tokens, x, active.by_latent, grad).T
        positions = torch.arange(len(grad), device=grad.device)
        grad_b_enc = embedding_bag(positions, grad[:, None], active.by_latent, mode="sum")[:, 0]
        grad_b_dec = -(W_enc @ grad_b_enc) if ctx.centred else None
        return grad_W_enc, grad_b_enc, grad_b_dec, None, None, None, None


class _Decoded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights, W_dec, b_dec, active):
        ctx.save_for_backward(weights, W_dec)
        ctx.active = active
        return _bags(active.latents, W_dec, active.starts, weights) + b_dec

    @staticmethod
    def backward(ctx, grad):
        weights, W_dec = ctx.saved_tensors
        active, grad = ctx.active, grad.contiguous()
        grad_W_dec = _bags(active.tokens, grad, active.by_latent, weights[active.order])
        return _entry_dots(grad, W_dec, active), grad_W_dec, grad.sum(0), None


def _starts(groups: Tensor, n: int) -> Tensor:
    counts = torch.bincount(groups, minlength=n)
    return torch.cumsum(counts, 0) - counts


def _bags(entries: Tensor, matrix: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    return embedding_bag(entries, matrix, starts, mode="sum", per_sample_weights=weights)


def _entry_dots(grad: Tensor, W_dec: Tensor, active: Active) -> Tensor:
    """grad[token] . W_dec[latent] for every entry, without gathering either matrix."""
    with torch.enable_grad():
        weights = torch.ones(len(active.rows), device=grad.device, requires_grad=True)
        out = _bags(active.latents, W_dec.detach(), active.starts, weights)
    return torch.autograd.grad(out, weights, grad)[0]
