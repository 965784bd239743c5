"""Two SAEs of one site side by side: what each decodes, and their codes token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.reconstruct import activation_blocks
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.bootstrap import N_GROUPS, group_of_contexts


@dataclass(frozen=True)
class Half:
    """The decoder of an SAE, and its codes on a harvest.

    directions: (m, d) float32, the decoder as the SAE has it.
    scale: the SAE's input scale s; a latent adds ``value * directions / s`` to the reconstruction.
    bias: (d,) float64, b_dec / s, the decoder bias in units of the activations.
    center: the SAE sees, and rebuilds, activations without their mean over d.
    """

    name: str
    directions: Tensor
    scale: float
    bias: Tensor
    center: bool
    codes: CodesStore

    @property
    def width(self) -> int:
        return len(self.directions)

    def residual(self, x: Tensor, codes: Any) -> Tensor:
        """x - Sae(x), (n, d) float64, for activations x (n, d) and their codes, a csr_matrix."""
        x = x.double()
        if self.center:
            x = x - x.mean(-1, keepdim=True)
        x = x - self.bias
        if codes.nnz == 0:
            return x
        # Only rows in use are widened: all of a wide decoder in float64 may not fit.
        used, entries = np.unique(codes.indices, return_inverse=True)
        decoded = torch.nn.functional.embedding_bag(
            torch.from_numpy(entries),
            self.directions[torch.from_numpy(used).long()].double(),
            torch.from_numpy(codes.indptr[:-1].astype(np.int64)),
            mode="sum",
            per_sample_weights=torch.from_numpy(codes.data.astype(np.float64) / self.scale),
        )
        return x - decoded


def open_half(sae: str | Path, codes: str | Path) -> Half:
    """The decoder at `sae` with the codes store at `codes`.

    Raises
    ------
    AnatomyError: the codes are another SAE's.
    """
    dictionary, store = load_dictionary(sae), open_codes(codes)
    if store.group.attrs["sae"] != dictionary.name or store.width != dictionary.width:
        raise AnatomyError(
            f"{codes}: codes of {store.group.attrs['sae']}, but {sae} is {dictionary.name}; give "
            "SAEs and codes in one order"
        )
    return Half(
        dictionary.name,
        dictionary.W_dec,
        dictionary.input_scale,
        dictionary.b_dec.double() / dictionary.input_scale,
        dictionary.center,
        store,
    )


def consecutive(saes: Sequence[str], codes: Sequence[str]) -> Iterator[tuple[Half, Half]]:
    """Each SAE of a chain with the next wider one; two SAEs are in memory at a time.

    Raises
    ------
    AnatomyError: fewer than two SAEs.
    """
    paths = sorted(zip(saes, codes, strict=True), key=lambda files: open_codes(files[1]).width)
    if len(paths) < 2:
        raise AnatomyError("stitching needs two SAEs of one site; add a width to the SAE group")
    small = open_half(*paths[0])
    for _, following in pairwise(paths):
        large = open_half(*following)
        yield small, large
        small = large


def used_rows(codes: CodesStore, contexts: slice) -> Any:
    """Codes of the analysed tokens of some contexts, csr_matrix (c * (T - min_position), m)."""
    return codes.rows(contexts)[_used(codes, contexts)]


def used_groups(codes: CodesStore, contexts: slice) -> np.ndarray:
    """Number of the group of contexts that each analysed token belongs to, int64."""
    groups = group_of_contexts(contexts, codes.shape[0])
    return np.repeat(groups, codes.shape[1] - codes.min_position)


def n_groups(codes: CodesStore) -> int:
    """How many groups of contexts there are."""
    return min(codes.shape[0], N_GROUPS)


def _used(codes: CodesStore, contexts: slice) -> np.ndarray:
    used = np.arange(codes.shape[1]) >= codes.min_position
    return np.tile(used, contexts.stop - contexts.start).nonzero()[0]


@dataclass(frozen=True)
class Block:
    """Analysed tokens of some contexts: groups (n,) int64, residual (n, d) float64 of the smaller
    SAE, and the codes of both as csr_matrix (n, m)."""

    groups: np.ndarray
    residual: Tensor
    small: Any
    large: Any


@dataclass(frozen=True)
class Pair:
    """A smaller and a larger SAE on one harvest.

    Raises
    ------
    AnatomyError: codes of another harvest or site, SAEs of different widths d, or one that centres
        its input and one that does not, whose reconstructions cannot be added up.
    """

    activations: ActivationStore
    site: str
    small: Half
    large: Half

    def __post_init__(self) -> None:
        for half in (self.small, self.large):
            check_harvest(half, self.activations, self.site)
        if self.small.center != self.large.center:
            raise AnatomyError(
                f"{self.small.name} and {self.large.name}: one centres activations and the other "
                "does not; only SAEs that see the same activations can be stitched"
            )

    @property
    def bias_difference(self) -> Tensor:
        """b_1 - b_0, (d,) float64: Eq. 5 has b_0 + (1 - alpha) (b_1 - b_0)."""
        return self.large.bias - self.small.bias

    def blocks(self, what: str) -> Iterator[Block]:
        """Walk over the harvest; `what` names the progress line."""
        small, large = self.small.codes, self.large.codes
        for contexts, x in activation_blocks(self.activations, self.site, "cpu", what):
            x = x[:, self.activations.min_position :].reshape(-1, x.shape[-1])
            codes = used_rows(small, contexts)
            residual = self.small.residual(x, codes)
            yield Block(used_groups(small, contexts), residual, codes, used_rows(large, contexts))


def check_harvest(half: Half, activations: ActivationStore, site: str) -> None:
    """Raise an AnatomyError unless the codes of `half` are those of `site` in `activations`."""
    about, expected = half.codes.group.attrs, activations.group.attrs
    own = (about["model"], about["harvest"], about["site"])
    if own != (expected["model"], expected["harvest"], site) or (
        half.codes.shape != activations.shape
    ):
        raise AnatomyError(
            f"{half.codes.path}: codes of {' '.join(own)}, but the activations are "
            f"{expected['model']} {expected['harvest']} {site}; use one harvest for both"
        )
    if half.directions.shape[1] != activations.width(site):
        raise AnatomyError(
            f"{half.name} has {half.directions.shape[1]} dimensions, but {site} in "
            f"{activations.path} has {activations.width(site)}"
        )
