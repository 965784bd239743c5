"""A stitched SAE as an ordinary SAE: latents of two SAEs in one dictionary (Eq. 5)."""

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.dictionary import Dictionary


def stitch(
    small: Dictionary,
    large: Dictionary,
    small_latents: np.ndarray,
    large_latents: np.ndarray,
    name: str,
) -> Dictionary:
    """The SAE with some latents of `small`, then some of `large`, and the blended decoder bias.

    Both SAEs' input scales, and what they subtract before encoding, are folded into the encoder, so
    every latent fires on the same tokens and with the same contribution as in its own SAE. ReLU and
    JumpReLU latents go together: a ReLU is a JumpReLU with threshold 0.

    Parameters
    ----------
    small_latents, large_latents: (k0,), (k1,) int64, together at least one.
    name: name of the new SAE, for its description; `Dictionary.save` writes it.

    Raises
    ------
    AnatomyError: a TopK SAE, whose latents compete for k places and cannot leave it; SAEs of
        different dimensions; one that centres its input and one that does not; one that
        scales every token by itself; no latents at all.
    """
    _check(small, large)
    chosen = [
        torch.from_numpy(np.asarray(latents, np.int64))
        for latents in (small_latents, large_latents)
    ]
    total = sum(len(latents) for latents in chosen)
    if total == 0:
        raise AnatomyError(f"{name}: no latents to stitch; choose some of either SAE")
    parts = [_folded(sae, latents) for sae, latents in zip((small, large), chosen, strict=True)]
    alpha = len(chosen[0]) / total
    biases = [sae.b_dec.double() / sae.input_scale for sae in (small, large)]
    jump = "jumprelu" in (small.activation, large.activation)
    architectures = {sae.metadata.get("architecture") for sae in (small, large)}
    stitched = Dictionary(
        W_enc=torch.cat([part[0] for part in parts], 1),
        b_enc=torch.cat([part[1] for part in parts]),
        W_dec=torch.cat([part[2] for part in parts]),
        b_dec=(alpha * biases[0] + (1 - alpha) * biases[1]).float(),
        activation="jumprelu" if jump else "relu",
        threshold=torch.cat([part[3] for part in parts]) if jump else None,
        center=small.center,
        metadata=small.metadata
        | {
            "name": name,
            "architecture": architectures.pop() if len(architectures) == 1 else "jumprelu",
            "width": total,
            "nominal_l0": None,
            "source": f"{len(chosen[0])} latents of {small.name}, {len(chosen[1])} of {large.name}",
        },
    )
    return stitched.check(name)


def _check(small: Dictionary, large: Dictionary) -> None:
    for sae in (small, large):
        sae.require_one_bias("stitching")
        if sae.activation == "topk":
            raise AnatomyError(
                f"{sae.name}: a TopK SAE cannot be stitched into an ordinary SAE, because its latents "
                "compete for k places; stitch its codes instead, or use a BatchTopK SAE"
            )
    if small.d_in != large.d_in:
        raise AnatomyError(
            f"{small.name} has {small.d_in} dimensions and {large.name} {large.d_in}; stitch SAEs of "
            "one site"
        )
    if small.center != large.center:
        raise AnatomyError(
            f"{small.name} and {large.name}: one centres activations and the other does not; only SAEs "
            "that see the same activations can be stitched"
        )


def _folded(sae: Dictionary, latents: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """W_enc, b_enc, W_dec and threshold of some latents, for the plain form without scale."""
    encoder = sae.W_enc[:, latents].double()
    b_enc = sae.b_enc[latents].double()
    if sae.subtract_b_dec:
        b_enc = b_enc - sae.b_dec.double() @ encoder
    decoder = sae.W_dec[latents].double() / sae.input_scale
    threshold = torch.zeros(len(latents)) if sae.threshold is None else sae.threshold[latents]
    return (encoder * sae.input_scale).float(), b_enc.float(), decoder.float(), threshold
