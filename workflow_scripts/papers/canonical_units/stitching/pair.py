"""Two SAEs of one site side by side: what each decodes, and their codes token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.reconstruct import activation_blocks
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest, open_sae
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes


def consecutive(
    saes: Sequence[str], codes: Sequence[str]
) -> Iterator[tuple[SaeOnHarvest, SaeOnHarvest]]:
    """Each SAE of a chain with the next wider one; two SAEs are in memory at a time.

    Raises
    ------
    AnatomyError: fewer than two SAEs.
    """
    paths = sorted(zip(saes, codes, strict=True), key=lambda files: open_codes(files[1]).width)
    if len(paths) < 2:
        raise AnatomyError("stitching needs two SAEs of one site; add a width to the SAE group")
    small = open_sae(*paths[0])
    for _, following in pairwise(paths):
        large = open_sae(*following)
        yield small, large
        small = large


def used_rows(codes: CodesStore, contexts: slice) -> Any:
    """Codes of the analysed tokens of some contexts, csr_matrix (tokens that count, m)."""
    return codes.rows(contexts)[_used(codes, contexts)]


def used_groups(codes: CodesStore, contexts: slice) -> np.ndarray:
    """Number of the group of documents that each analysed token belongs to, int64."""
    return codes.units.groups(contexts)[codes.units.used(contexts)]


def n_groups(codes: CodesStore) -> int:
    """How many groups of documents there are."""
    return codes.units.n_groups


def _used(codes: CodesStore, contexts: slice) -> np.ndarray:
    return np.flatnonzero(codes.units.used(contexts))


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
        its input and one that does not, whose reconstructions cannot be added up, or that scales every token by itself.
    """

    activations: ActivationStore
    site: str
    small: SaeOnHarvest
    large: SaeOnHarvest

    def __post_init__(self) -> None:
        for sae in (self.small, self.large):
            check_harvest(sae, self.activations, self.site)
            sae.dictionary.require_one_bias("stitching")
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
            x = x[torch.from_numpy(small.units.used(contexts))]
            codes = used_rows(small, contexts)
            residual = self.small.residual(x, codes)
            yield Block(used_groups(small, contexts), residual, codes, used_rows(large, contexts))


def check_harvest(sae: SaeOnHarvest, activations: ActivationStore, site: str) -> None:
    """Raise an AnatomyError unless the codes of `sae` are those of `site` in `activations`."""
    about, expected = sae.codes.group.attrs, activations.group.attrs
    own = (about["model"], about["harvest"], about["site"])
    if own != (expected["model"], expected["harvest"], site) or (
        sae.codes.shape != activations.shape
    ):
        raise AnatomyError(
            f"{sae.codes.path}: codes of {' '.join(own)}, but the activations are "
            f"{expected['model']} {expected['harvest']} {site}; use one harvest for both"
        )
    if sae.directions.shape[1] != activations.width(site):
        raise AnatomyError(
            f"{sae.name} has {sae.directions.shape[1]} dimensions, but {site} in "
            f"{activations.path} has {activations.width(site)}"
        )
