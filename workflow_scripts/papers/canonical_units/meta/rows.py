"""What a meta-SAE is trained on, as if it were a harvest: decoder rows, or random ones in their place."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.papers.canonical_units.meta.directions import decoder_directions

# Streams of random numbers that do not know of one another.
SUBSAMPLE, CONTROL, DECODER, COMPARED, LATENTS = range(5)


@dataclass(frozen=True)
class Directions:
    """Rows as the activations of contexts of one position: reads like a zarr array (n, 1, d)."""

    rows: np.ndarray
    name: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Contexts, positions, dimensions."""
        return len(self.rows), 1, self.rows.shape[1]

    def __getitem__(self, contexts: slice) -> np.ndarray:
        return self.rows[contexts, None]


@dataclass(frozen=True)
class DirectionStore(ActivationStore):
    """Directions (n, d) as a harvest of n contexts of one position, all of them to train on."""

    directions: Directions

    @property
    def shape(self) -> tuple[int, int]:
        return self.directions.shape[:2]

    @property
    def fingerprint(self) -> str:
        """A hash of the rows themselves."""
        return hashlib.sha256(self.directions.rows.tobytes()).hexdigest()

    @property
    def min_position(self) -> int:
        return 0

    @property
    def holds_out(self) -> bool:
        """No: the paper explains the variance of the directions that it trained on."""
        return False

    def activations(self, hook_point: str) -> Any:
        """The directions, whatever hook point their SAE is at."""
        return self.directions


def direction_store(rows: Tensor, path: str | Path, name: str) -> DirectionStore:
    """Rows (n, d) float32 as a harvest; path: the SAE that they are of, for messages.

    Raises
    ------
    AnatomyError: there are no two rows.
    """
    if len(rows) < 2:
        raise AnatomyError(
            f"{path}: {name} has {len(rows)} directions; a meta-SAE needs two or more"
        )
    return DirectionStore(Path(path), None, Directions(np.ascontiguousarray(rows.numpy()), name))


def drawn(rows: Tensor, count: int, seed: int) -> np.ndarray:
    """Which `count` of the rows (n, d) are taken, (count,) int64 ascending; all where there are no more."""
    if count >= len(rows):
        return np.arange(len(rows))
    generator = np.random.default_rng((seed, SUBSAMPLE))
    return np.sort(generator.choice(len(rows), count, replace=False))


def in_place_of(rows: Tensor, kind: str, seed: int) -> Tensor:
    """As many random directions of norm 1, (n, d) float32, as a control for decoder rows (n, d).

    ``decoder``          the rows themselves
    ``same_covariance``  random rows with exactly their mean and covariance, then normalised: of the
                         centred rows' U S V^T, a random U' takes the place of U. With many more rows than
                         dimensions they are Gaussian; what they lack is whatever structure goes beyond
                         the covariance.
    ``isotropic``        uniform on the sphere
    """
    if kind == "decoder":
        return rows
    generator = np.random.default_rng((seed, CONTROL))
    if kind == "isotropic":
        return random_directions(len(rows), rows.shape[1], generator)
    return normalize(recoloured(rows.double(), generator), dim=1).float()


def recoloured(rows: Tensor, generator: np.random.Generator) -> Tensor:
    """Random rows (n, d) float64 with exactly the mean and the covariance of other ones, (n, d) float64."""
    mean = rows.mean(0)
    _, scale, axes = torch.linalg.svd(rows - mean, full_matrices=False)
    # The last of n centred rows follows from the others.
    rank = min(len(rows) - 1, rows.shape[1])
    noise = generator.standard_normal((len(rows), rank))
    basis = torch.from_numpy(np.linalg.qr(noise - noise.mean(0))[0])
    return mean + (basis * scale[:rank]) @ axes[:rank]


def random_directions(count: int, d: int, generator: np.random.Generator) -> Tensor:
    """Directions uniform on the sphere, (count, d) float32 of norm 1."""
    noise = torch.from_numpy(generator.standard_normal((count, d)))
    return normalize(noise, dim=1).float()


def rows_of(
    meta: dict[str, Any], taken_apart: Dictionary, fires: np.ndarray, most: int | None = None
) -> tuple[np.ndarray, Tensor]:
    """What the meta-SAE of a `MetaSae.block` is trained on.

    Parameters
    ----------
    taken_apart, fires: the SAE, and (m,) bool, which of its latents fire.
    most: number of rows to draw where `no_more_than` wants fewer.

    Returns
    -------
    The latents whose rows are taken or replaced, (n,) int64, and the rows, (n, d) float32 of norm 1.
    """
    chosen = None if meta["latents"] == "all" else fires
    latents, rows = decoder_directions(taken_apart, chosen)
    if meta["no_more_than"] and most is not None:
        kept = drawn(rows, most, meta["seed"])
        latents, rows = latents[kept], rows[torch.from_numpy(kept)]
    return latents, in_place_of(rows, meta["rows"], meta["seed"])
