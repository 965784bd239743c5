"""Reconstruct activations with a sparse autoencoder: one pass over a harvest, codes to a store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress
from workflow_scripts.anatomy.codes.writing import writing_codes
from workflow_scripts.anatomy.saes.dictionary import Dictionary


def reconstruct(
    dictionary: Dictionary,
    activations: ActivationStore,
    site: str,
    output: str | Path,
    device: str = "cpu",
) -> dict[str, Any]:
    """Encode every token of a hook point and write the codes store `output`.

    Memory does not grow with the number of tokens, except for 28 bytes of scalars a token.

    Returns
    -------
    The store's description: sae, site, model, harvest, width, min_position, method, summary.

    Raises
    ------
    AnatomyError: the SAE is of another width than the activations, or these hold NaN.
    """
    device = resolve_device(device)
    check_fits(dictionary, activations, site)
    dictionary = dictionary.to(device)
    attrs = codes_attrs(dictionary, activations, site, "encoder")
    with torch.no_grad(), writing_codes(output, activations, dictionary, attrs) as writer:
        for _, x in activation_blocks(activations, site, device, f"codes of {dictionary.name}"):
            codes, recon = dictionary.reconstruct(x.reshape(-1, x.shape[-1]))
            writer.append(x, codes, recon)
    return {**attrs, "width": dictionary.width, "summary": writer.summary()}


def check_fits(dictionary: Dictionary, activations: ActivationStore, site: str) -> None:
    """Raise an AnatomyError where an SAE cannot have been trained on these activations."""
    width = activations.width(site)
    if dictionary.d_in != width:
        raise AnatomyError(
            f"{dictionary.name} takes activations of {dictionary.d_in} dimensions, but {site} in "
            f"{activations.path} has {width}; give the SAE its own model and hook point (saes.site)"
        )


def codes_attrs(
    dictionary: Dictionary, activations: ActivationStore, site: str, method: str
) -> dict[str, Any]:
    """The description of a codes store: what it was computed from, and how."""
    return {
        "sae": dictionary.name,
        "site": site,
        "model": activations.group.attrs["model"],
        "harvest": activations.group.attrs["harvest"],
        "min_position": activations.min_position,
        "method": method,
    }


def activation_blocks(
    activations: ActivationStore, site: str, device: str, what: str
) -> Iterator[tuple[slice, Tensor]]:
    """Walk over the activations of a hook point: slices of contexts, and x (c, T, d) on `device`.

    Raises
    ------
    AnatomyError: a block holds NaN or infinite values.
    """
    progress = Progress(what, activations.shape[0])
    for contexts, block in activations.blocks(site):
        if not np.isfinite(block.sum(dtype=np.float64)) and not np.isfinite(block).all():
            raise AnatomyError(
                f"{activations.path}: {site} holds NaN or infinite activations in contexts "
                f"{contexts.start} to {contexts.stop}; harvest it anew, in float32 if need be"
            )
        yield contexts, torch.from_numpy(np.ascontiguousarray(block)).to(device)
        progress(contexts.stop)
