"""A stitched SAE as one dictionary: the latents of an SAE, and those of a larger one that it lacks."""

import torch
from torch import Tensor

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.dictionary import Dictionary

COLUMNS = 8192


def with_novel_latents(small: Dictionary, large: Dictionary, threshold: float) -> Dictionary:
    """`small` with the latents of `large` whose every decoder cosine to it is below `threshold`.

    "SAEs Do Not Find Canonical Units of Analysis", Eq. 5 and 6: both keep their encoders, and the decoder
    bias is a mean of the two by numbers of latents.

    Raises
    ------
    AnatomyError: an SAE whose latents depend on each other (TopK), or SAEs of other inputs.
    """
    for sae in (small, large):
        if sae.activation == "topk":
            raise AnatomyError(
                f"{sae.name} is a TopK SAE, whose latents compete: it cannot be stitched from its "
                "latents alone; choose ReLU, JumpReLU or BatchTopK SAEs"
            )
    if (small.d_in, small.center, small.normalisation) != (
        large.d_in,
        large.center,
        large.normalisation,
    ):
        raise AnatomyError(f"{small.name} and {large.name} are of other inputs; choose one family")
    novel = _largest_cosines(small.W_dec, large.W_dec) < threshold
    share = small.width / (small.width + int(novel.sum()))
    parts = [_plain(small, slice(None)), _plain(large, novel)]
    joined = {
        name: torch.cat([part[name] for part in parts], -1)
        for name in ("W_enc", "b_enc", "threshold")
    }
    return Dictionary(
        W_enc=joined["W_enc"],
        b_enc=joined["b_enc"],
        W_dec=torch.cat([part["W_dec"] for part in parts]),
        b_dec=share * parts[0]["b_dec"] + (1 - share) * parts[1]["b_dec"],
        activation="jumprelu",
        threshold=joined["threshold"],
        center=small.center,
        normalisation=small.normalisation,
        metadata=small.metadata | {"name": f"{small.name}+{large.name}"},
    )


def _plain(sae: Dictionary, latents: slice | Tensor) -> dict[str, Tensor]:
    """Weights of some latents of an SAE that takes x as it is and subtracts no bias."""
    subtracted = sae.b_dec if sae.subtract_b_dec else torch.zeros_like(sae.b_dec)
    threshold = torch.zeros_like(sae.b_enc) if sae.threshold is None else sae.threshold
    return {
        "W_enc": sae.W_enc[:, latents] * sae.input_scale,
        "b_enc": (sae.b_enc - subtracted @ sae.W_enc)[latents],
        "W_dec": sae.W_dec[latents] / sae.input_scale,
        "b_dec": sae.b_dec / sae.input_scale,
        "threshold": threshold[latents],
    }


def _largest_cosines(small: Tensor, large: Tensor) -> Tensor:
    """Eq. 6: for each row of `large` the largest cosine to a row of `small`, (m1,)."""
    small = torch.nn.functional.normalize(small, dim=1)
    parts = torch.nn.functional.normalize(large, dim=1).split(COLUMNS)
    return torch.cat([(part @ small.T).amax(1) for part in parts])
