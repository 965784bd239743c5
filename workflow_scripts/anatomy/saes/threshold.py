"""The threshold that replaces BatchTopK's selection once an SAE is trained.

At inference a BatchTopK SAE is a JumpReLU SAE with one threshold, so that a token's codes do not
depend on its neighbours. Two ways to set it, on activations the SAE was not trained on:

``eq8``       the mean over batches of the smallest activation that BatchTopK keeps (the paper's Eq.
              8). Per batch this is the k n-th largest of its activations, whose mean is not
              the k n-th largest of all: the L0 that comes out may differ from k.
``quantile``  the value that exactly k activations per token exceed over the whole sample.
"""

import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.errors import AnatomyError

# Candidates kept per token, as a multiple of k: a block's share of the sample's largest k n
# activations would have to be this much above average for one to be missed.
CANDIDATES = 8


@torch.no_grad()
def calibrate_threshold(
    W_enc: Tensor,
    b_enc: Tensor,
    b_dec: Tensor,
    norms: Tensor,
    activations: ActivationStore,
    contexts: slice,
    site: str,
    k: float,
    batch_size: int,
    method: str,
) -> tuple[float, float]:
    """Threshold on ((x - b_dec) W_enc + b_enc) norms, and the mean L0 that it gives.

    Parameters
    ----------
    W_enc (d, m), b_enc (m,), b_dec (d,), norms (m,): encoder, and decoder norms, for activations x
        as they are stored.
    contexts: the contexts of the harvest to calibrate on.
    batch_size: tokens in a batch, for ``eq8``.
    method: ``quantile`` or ``eq8``.
    """
    array = activations.activations(site)
    kept, minima, tokens = [], [], 0
    step = max(1, batch_size // (activations.shape[1] - activations.min_position))
    for start in range(contexts.start, contexts.stop, step):
        block = read(array, slice(start, min(start + step, contexts.stop)), activations.path)
        x = torch.from_numpy(block[:, activations.min_position :].reshape(-1, block.shape[-1]))
        acts = torch.addmm(b_enc, x.to(W_enc.device) - b_dec, W_enc).mul_(norms).flatten()
        acts = acts[acts > 0]
        if not acts.isfinite().all():
            raise AnatomyError(
                f"{activations.path}: {site} holds NaN or infinite activations; harvest it anew"
            )
        largest = acts.topk(min(len(acts), int(CANDIDATES * k * len(x)) + 1)).values.cpu()
        chosen = largest[: int(k * len(x))]
        minima += [chosen[-1].item()] if len(chosen) else []
        kept.append(largest)
        tokens += len(x)
    found = torch.cat(kept).sort(descending=True).values
    if method == "eq8":
        theta = sum(minima) / max(1, len(minima))
    else:
        # Between the last activation that is kept and the first that is not.
        last = round(k * tokens)
        theta = float(found[last - 1 : last + 1].double().mean()) if last < len(found) else 0.0
    return theta, float((found > theta).sum()) / tokens
