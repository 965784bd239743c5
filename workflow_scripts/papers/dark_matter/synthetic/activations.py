"""x' = Sae(x) of real activations: a sparse sum whose weights and directions are all known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes
from workflow_scripts.anatomy.statistics.splits import Split


@dataclass(frozen=True)
class SyntheticActivations:
    """x' = codes @ directions, without the dictionary's bias.

    ``codes`` (tokens, m) CSR float32; ``directions`` (m, d) float64; ``units`` (tokens,) int, the
    document of each token, or the group of documents; ``train`` (tokens,) bool.
    """

    codes: sparse.csr_matrix
    directions: NDArray
    units: NDArray
    train: NDArray


def synthetic_activations(
    store: ActivationStore,
    site: str,
    dictionary: Dictionary,
    split: Split,
    contexts: int | None = None,
) -> SyntheticActivations:
    """Encode `contexts` contexts (None: all) of a harvest, evenly spread; only codes are kept in memory.

    Raises
    ------
    AnatomyError: the SAE's dimension is not that of the site, or it scales every token by itself.
    """
    if store.width(site) != dictionary.d_in:
        raise AnatomyError(
            f"{dictionary.name}: an SAE of {dictionary.d_in} dimensions on {site}, which has "
            f"{store.width(site)}; take an SAE of this site"
        )
    dictionary.require_one_bias("a synthetic activation")
    available, positions = store.shape
    taken = min(contexts or available, available)
    chosen = np.zeros(available, bool)
    chosen[np.arange(taken) * available // taken] = True
    array = store.activations(site)
    parts, units, train = [], [], []
    for block in store.block_slices():
        if not chosen[block].any():
            continue
        train_mask, test_mask = split.masks(block, positions)
        used = (train_mask | test_mask) & chosen[block, None]
        x = torch.from_numpy(read(array, block, store.path)[used]).to(dictionary.W_enc.device)
        parts.append(as_matrix(dictionary.encode(x), dictionary.width))
        train.append(train_mask[used])
        units.append(store.units.groups(block)[used])
    return SyntheticActivations(
        sparse.vstack(parts, format="csr"),
        dictionary.W_dec.cpu().numpy().astype(np.float64) / dictionary.input_scale,
        np.concatenate(units),
        np.concatenate(train),
    )


def encoder(dictionary: Dictionary) -> Callable[[NDArray], sparse.csr_matrix]:
    """A function from x' without bias, (n, d) float64, to its codes, (n, m) CSR."""
    device = dictionary.W_enc.device
    bias = dictionary.b_dec / dictionary.input_scale

    def encode(x: NDArray) -> sparse.csr_matrix:
        whole = torch.from_numpy(x.astype(np.float32)).to(device) + bias
        return as_matrix(dictionary.encode(whole), dictionary.width)

    return encode


def as_matrix(codes: SparseCodes, width: int) -> sparse.csr_matrix:
    """Sparse codes as a (n, width) CSR matrix, float32."""
    parts = codes.cpu()
    entries = (parts.values.numpy(), parts.indices.numpy(), parts.offsets.numpy())
    return sparse.csr_matrix(entries, (len(parts.l0), width))
