"""Many small ReLU SAEs with an L1 penalty, each on its own activations, trained all at once.

The SAE of Bricken et al. (2023), Appendix A.2 of the canonical-units paper. sae_lens has one too, but
starting it takes longer than training all of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress

BETAS = (0.9, 0.99)  # Adam's, section A.6 of the paper
DECAY = 0.3  # share of the steps, the last ones, in which the learning rate falls to zero


@dataclass(frozen=True)
class ReluSaes:
    """S SAEs of m latents in d dimensions: f = ReLU((x - b_dec) W_enc + b_enc), x' = f W_dec + b_dec.

    W_enc (S, d, m), b_enc (S, 1, m), W_dec (S, m, d) with rows of norm 1, b_dec (S, 1, d); float32.
    """

    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (S, n, m) and reconstructions (S, n, d) of activations x (S, n, d)."""
        codes = torch.relu(torch.baddbmm(self.b_enc, x - self.b_dec, self.W_enc))
        return codes, torch.baddbmm(self.b_dec, codes, self.W_dec)

    def losses(self, x: Tensor, coefficient: float) -> Tensor:
        """||x - x'||^2 + coefficient ||f||_1, mean over tokens, of each SAE: (S,) float32."""
        codes, reconstruction = self(x)
        error = (x - reconstruction).square().sum(-1)
        return (error + coefficient * codes.sum(-1)).mean(1)


def train_relu_saes(
    x: Tensor,
    width: int,
    seeds: Sequence[Sequence[int]],
    *,
    coefficient: float,
    learning_rate: float,
    steps: int,
    batch_size: int,
) -> ReluSaes:
    """Train one SAE on each of S sets of activations.

    b_dec starts at the mean, decoder rows in random directions, and the encoder as the decoder's
    transpose. After every step decoder rows are scaled back to norm 1, and gradients lose what
    would change their norm. All SAEs see the same numbers of tokens, so that a seed's SAE does not
    depend on which other seeds there are.

    Parameters
    ----------
    x: (S, n, d) float32.
    seeds: whole numbers for each of the S initialisations, at least 0.
    coefficient: weight of the L1 norm of the codes, beside the squared error of a token.

    Raises
    ------
    AnatomyError: a loss is not finite in the end.
    """
    start = [torch.nn.functional.normalize(_gaussian(seed, width, x.shape[2])) for seed in seeds]
    decoder = torch.stack(start)
    saes = ReluSaes(
        decoder.mT.clone(),
        x.new_zeros(len(x), 1, width),
        decoder,
        x.mean(1, keepdim=True),
    )
    weights = list(vars(saes).values())
    for weight in weights:
        weight.requires_grad_()
    optimizer = torch.optim.Adam(weights, lr=learning_rate, betas=BETAS)
    generator = torch.Generator().manual_seed(0)
    progress = Progress(f"{len(x)} SAEs of {width} latents", steps)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1.0, (steps - step) / (DECAY * steps))
        batch = x[:, torch.randint(x.shape[1], (batch_size,), generator=generator)]
        optimizer.zero_grad()
        saes.losses(batch, coefficient).sum().backward()
        _keep_norms(saes.W_dec)
        optimizer.step()
        with torch.no_grad():
            saes.W_dec.div_(saes.W_dec.norm(dim=-1, keepdim=True))
        progress(step + 1)
    for weight in weights:
        weight.requires_grad_(False)
    if not saes.losses(x, coefficient).isfinite().all():
        raise AnatomyError(
            f"SAEs of {width} latents: the loss is not finite at learning_rate {learning_rate:g}; "
            "lower it"
        )
    return saes


def _gaussian(seed: Sequence[int], *shape: int) -> Tensor:
    import numpy as np

    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).float()


def _keep_norms(rows: Tensor) -> None:
    """Take from the gradient of rows of norm 1 (S, m, d) its part along them."""
    gradient = rows.grad
    assert gradient is not None
    with torch.no_grad():
        gradient.sub_((gradient * rows).sum(-1, keepdim=True) * rows)
