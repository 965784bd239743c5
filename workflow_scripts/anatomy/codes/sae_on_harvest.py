"""One SAE on one harvest: what it decodes, and which latents fired on every token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.blockwise import total
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes
from workflow_scripts.anatomy.saes.dictionary import Dictionary, load_dictionary
from workflow_scripts.anatomy.statistics.group_sums import sum_rows_by_group
from workflow_scripts.anatomy.statistics.splits import Split


@dataclass
class SaeOnHarvest:
    """An SAE and its codes; with the activations and a split, also what is measured token by token.

    codes: what the SAE (or a pursuit on its decoder) made of the activations of its site.
    store, split: the harvest, and its tokens to fit on and to judge on; for the methods that say so.
    threads, dask: what runs over the blocks of the harvest.
    """

    dictionary: Dictionary
    codes: CodesStore
    store: ActivationStore | None = None
    split: Split | None = None
    device: str = "cpu"
    threads: int = 1
    dask: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.dictionary.name

    @property
    def site(self) -> str:
        """The hook point that the codes are of."""
        return self.codes.group.attrs["site"]

    @property
    def width(self) -> int:
        return self.dictionary.width

    @property
    def center(self) -> bool:
        """Whether the SAE sees, and rebuilds, activations without their mean over d."""
        return self.dictionary.center

    @property
    def directions(self) -> Tensor:
        """(m, d) float32, the decoder as the SAE has it."""
        return self.dictionary.W_dec

    @property
    def scale(self) -> float:
        """The input scale s; a latent adds ``value * directions / s`` to the reconstruction."""
        return self.dictionary.input_scale

    @cached_property
    def fires(self) -> np.ndarray:
        """(m,) bool, which latents fire on any token of the harvest that counts."""
        return self.codes.latents("firing_count") > 0

    @cached_property
    def bias(self) -> Tensor:
        """(d,) float64, b_dec / s, the decoder bias in units of the activations."""
        return self.dictionary.b_dec.double() / self.scale

    def residual(self, x: Tensor, codes: Any) -> Tensor:
        """x - Sae(x), (n, d) float64, for activations x (n, d) and their codes, a csr_matrix."""
        x = x.double()
        offset = self.dictionary.offset(x)
        x = (x if offset is None else x - offset) - self.bias
        if codes.nnz == 0:
            return x
        # Only rows in use are widened: all of a wide decoder in float64 may not fit.
        fired = np.bincount(codes.indices, minlength=self.width) > 0
        used, entries = np.flatnonzero(fired), (np.cumsum(fired) - 1)[codes.indices]
        decoded = torch.nn.functional.embedding_bag(
            torch.from_numpy(entries),
            self.directions[torch.from_numpy(used).long()].double(),
            torch.from_numpy(codes.indptr[:-1].astype(np.int64)),
            mode="sum",
            per_sample_weights=torch.from_numpy(codes.data.astype(np.float64) / self.scale),
        )
        return x - decoded

    def block(self, contexts: slice) -> tuple[Tensor, Tensor]:
        """Activations and reconstructions of some contexts of `store`, both (c * T, d) float32."""
        store = self.harvest
        array = read(store.activations(self.site), contexts, store.path)
        x = torch.from_numpy(array).to(self.device).flatten(0, 1)
        codes = self.codes.sparse_codes(contexts)
        codes = type(codes)(
            *(part.to(self.device) for part in (codes.indices, codes.values, codes.l0))
        )
        return x, self.dictionary.decode(codes, self.dictionary.offset(x))

    def masks(self, contexts: slice) -> tuple[Tensor, Tensor]:
        """Training and held-out masks of some contexts by `split`, both (c * T,) bool."""
        if self.split is None:
            raise AnatomyError(f"{self.name}: give a split to fit on and to judge on")
        train, test = self.split.masks(contexts, self.codes.shape[1])
        return tuple(torch.from_numpy(mask.ravel()).to(self.device) for mask in (train, test))

    def grouped(
        self, held_out: dict[str, Tensor], contexts: slice, test: Tensor
    ) -> dict[str, Tensor]:
        """Sums of the held-out rows of a block, (rows,) or (rows, q), in each group of documents."""
        units = self.codes.units
        groups = torch.from_numpy(units.groups(contexts).ravel()).to(self.device)[test]
        return {
            name: sum_rows_by_group(part, groups, units.n_groups) for name, part in held_out.items()
        }

    def total(self, function: Callable[[slice], Any]) -> Any:
        """Sum of `function(contexts)` over the blocks of the harvest."""
        return total(function, self.harvest.block_slices(), self.threads, self.dask)

    @property
    def harvest(self) -> ActivationStore:
        """`store`, where it was given."""
        if self.store is None:
            raise AnatomyError(f"{self.name}: give the activations that its codes are of")
        return self.store


def open_sae(sae: str | Path, codes: str | Path, device: str = "cpu", **given: Any) -> SaeOnHarvest:
    """The dictionary at `sae` with the codes store at `codes`; `given`: fields of `SaeOnHarvest`.

    Raises
    ------
    AnatomyError: the codes are another SAE's.
    """
    dictionary, store = load_dictionary(sae, device), open_codes(codes)
    if store.group.attrs["sae"] != dictionary.name or store.width != dictionary.width:
        raise AnatomyError(
            f"{codes}: codes of {store.group.attrs['sae']}, but {sae} is {dictionary.name}; give "
            "SAEs and codes in one order"
        )
    return SaeOnHarvest(dictionary, store, device=device, **given)
