"""An SAE and what a meta-SAE makes of its firing latents: which meta-latents, and how well."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.papers.canonical_units.meta.directions import (
    decoder_directions,
    decompose,
    squares,
)


@dataclass(frozen=True)
class TakenApart:
    """The n firing latents of an SAE, taken apart into meta-latents.

    codes: the SAE's. latents: (n,) int64 ascending, their numbers. activations: (n, meta width)
    float32, of the meta-latents on each. variance_explained: (n,) float64, of each direction:
    1 - |w - meta(w)|^2 / |w - mean w|^2. name: of the meta-SAE.
    """

    codes: CodesStore
    latents: np.ndarray
    activations: csr_matrix
    variance_explained: np.ndarray
    name: str

    @property
    def meta_width(self) -> int:
        return self.activations.shape[1]

    @property
    def firing_share(self) -> np.ndarray:
        """(n,) float64, share of the tokens that each latent fires on."""
        return self.codes.latents("firing_count")[self.latents] / self.codes.summary["n_tokens"]

    @property
    def n_latents(self) -> np.ndarray:
        """(meta width,) int, how many latents each meta-latent is active on."""
        return np.bincount(self.activations.indices, minlength=self.meta_width)

    def identity(self, seed: int) -> dict[str, Any]:
        """The identifying columns of a table."""
        about = self.codes.group.attrs
        return {
            "model": about["model"],
            "site": about["site"],
            "sae": about["sae"],
            "width": self.codes.width,
            "l0": self.codes.summary["l0"],
            "meta_sae": self.name,
            "meta_width": self.meta_width,
            "seed": seed,
        }


def take_apart(sae: str | Path, codes: str | Path, meta: str | Path) -> TakenApart:
    """Decompose the firing latents of the SAE with these files into the meta-latents of another file.

    Raises
    ------
    AnatomyError: the meta-SAE is of directions of another length.
    """
    whole, apart = open_sae(sae, codes), load_dictionary(meta)
    if apart.d_in != whole.dictionary.d_in:
        raise AnatomyError(
            f"{meta}: of directions in {apart.d_in} dimensions, but those of {whole.name} have "
            f"{whole.dictionary.d_in}; give a meta-SAE of this SAE"
        )
    latents, rows = decoder_directions(whole.dictionary, whole.fires)
    about_mean = (rows.double() - rows.double().mean(0)).square().sum(1).numpy()
    explained = 1 - squares(apart, rows) / about_mean
    return TakenApart(whole.codes, latents, decompose(apart, rows), explained, apart.name)
