"""What a model's logits say of its loss: cross-entropy and divergence, per token."""

from collections.abc import Iterator

import torch
from torch.nn import functional

# Elements of the float32 copy of logits that a loss takes at a time: of a CPU's cache, or enough for a GPU.
LOSS_ELEMENTS = {"cpu": 1 << 18, "cuda": 1 << 24}


def token_losses(logits: torch.Tensor, input_ids: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of every token given those before it.

    Parameters
    ----------
    logits: (n, T, vocabulary), of any dtype; input_ids: (n, T).

    Returns (n, T) float32, nats, NaN at position 0, which nothing predicts. Logits are taken to
    float32 a few positions at a time.
    """
    losses = torch.full(input_ids.shape, float("nan"), dtype=torch.float32, device=logits.device)
    rows = _rows(logits)
    for i in range(len(logits)):
        for at in range(0, logits.shape[1] - 1, rows):
            end = min(at + rows, logits.shape[1] - 1)
            targets = input_ids[i, at + 1 : end + 1].long()
            some = logits[i, at:end].float()
            losses[i, at + 1 : end + 1] = functional.cross_entropy(some, targets, reduction="none")
    return losses


def log_probabilities(logits: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Log-probabilities of logits (n, vocabulary), a few rows at a time: the rows, and (rows, vocabulary) float32."""
    rows = _rows(logits)
    for at in range(0, len(logits), rows):
        some = slice(at, min(at + rows, len(logits)))
        yield some, functional.log_softmax(logits[some].float(), -1)


def kl_from_logits(
    log_p: torch.Tensor, logits: torch.Tensor, at: torch.Tensor | None = None
) -> torch.Tensor:
    """KL(P || Q) at each row, (n,) float64, a few rows at a time.

    log_p: log-probabilities of P (m, vocabulary); logits: of Q, (n, vocabulary).
    at: (n,) int64, the row of P that each row of Q is beside; without it the same.
    """
    beside = log_probabilities(logits)
    parts = [kl_from_logs(log_p[rows if at is None else at[rows]], q) for rows, q in beside]
    return torch.cat(parts)


def kl_from_logs(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """KL(P || Q) of log-probabilities (..., vocabulary), in nats, (...) float64.

    It is the sum of p (q/p - 1 - log(q/p)), which is p log(p/q) and terms that sum to 0: no term is
    negative, so rounding makes no KL negative, and equal distributions have exactly 0.
    """
    log_ratio = log_q - log_p
    terms = torch.expm1(log_ratio).sub_(log_ratio).clamp_(min=0).mul_(log_p.exp())
    return terms.sum(-1, dtype=torch.float64)


def _rows(logits: torch.Tensor) -> int:
    return max(1, LOSS_ELEMENTS[logits.device.type] // logits.shape[-1])
