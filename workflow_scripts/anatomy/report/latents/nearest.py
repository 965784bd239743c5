"""The latents that point where an SAE's latents do: in the SAE itself, and in the others of its site."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.interpretability.dashboard_neighbours import (
    ENTRIES,
    nearest_latents,
)


@dataclass(frozen=True)
class Nearest:
    """The best latent in each of q other SAEs that fire, for each of m latents.

    names: of the SAEs. other (m, q) int64, the latent there; cosine (m, q) float32, of the decoder rows.
    """

    names: list[str]
    other: np.ndarray
    cosine: np.ndarray

    def best(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Over all SAEs: which SAE, its latent, and the cosine, (m,) each; the first of equals.

        Raises ValueError where there is no other SAE.
        """
        sae = self.cosine.argmax(1)
        row = np.arange(len(sae))
        return sae, self.other[row, sae], self.cosine[row, sae]


def nearest_of(directions: Tensor, others: Iterable[tuple[str, Tensor, np.ndarray]]) -> Nearest:
    """Nearest living latents, by decoder cosine.

    directions: (m, d). others: of each other SAE its name, decoder (m', d), and which latents fire (m',) bool;
    taken one at a time, so that one is in memory. An SAE of which none fires is left out.
    """
    names, found, cosines = [], [], []
    for name, decoder, fires in others:
        if fires.any():
            other, cosine = nearest_latents(directions, decoder, 1, fires)
            names.append(name)
            found.append(other[:, 0])
            cosines.append(cosine[:, 0])
    none = np.zeros((len(directions), 0))
    if not names:
        return Nearest(names, none.astype(np.int64), none.astype(np.float32))
    return Nearest(names, np.stack(found, 1), np.stack(cosines, 1))


def open_others(
    saes: Iterable[str | Path], codes: Iterable[str | Path]
) -> Iterator[tuple[str, Tensor, np.ndarray]]:
    """Name, decoder and living latents of SAEs and their codes in the same order, for `nearest_of`."""
    for sae, of_sae in zip(saes, codes, strict=True):
        found = open_sae(sae, of_sae)
        yield found.name, found.directions, found.fires


def own_cosines(directions: Tensor) -> np.ndarray:
    """Highest |cosine| of each decoder row with another one of the same SAE, (m,) float32; NaN if alone."""
    count = len(directions)
    unit = torch.nn.functional.normalize(directions.float(), dim=1, eps=1e-30)
    found = np.full(count, np.nan, np.float32)
    if count == 1:
        return found
    step = max(1, ENTRIES // count)
    for start in range(0, count, step):
        part = (unit[start : start + step] @ unit.T).abs()
        part[torch.arange(len(part)), torch.arange(start, start + len(part))] = -1
        found[start : start + step] = part.max(1).values.cpu().numpy()
    return found
