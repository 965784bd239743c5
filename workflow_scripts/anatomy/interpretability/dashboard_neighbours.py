"""The latents of an SAE that point where given latents do, by the cosine of decoder rows."""

import numpy as np
import torch
from torch import Tensor

# A block of cosines has so many entries: 64 MB in float32.
ENTRIES = 2**24


def nearest_latents(
    directions: Tensor, others: Tensor, count: int, among: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` rows of `others` (m, d) with the highest cosine to each row of `directions` (n, d).

    among: (m,) bool, which rows of `others` count; there are fewer than `count` if fewer do.

    Returns
    -------
    Their numbers (n, count) int64 and their cosines (n, count) float32, the highest first.
    """
    numbers = np.arange(len(others)) if among is None else np.flatnonzero(among)
    unit = _unit(others[torch.from_numpy(numbers).to(others.device)])
    count = min(count, len(numbers))
    step = max(1, ENTRIES // max(1, len(numbers)))
    found, cosines = [np.zeros((0, count), np.int64)], [np.zeros((0, count), np.float32)]
    for part in directions.split(step):
        values, at = (_unit(part) @ unit.T).topk(count, dim=1)
        found.append(numbers[at.cpu().numpy()])
        cosines.append(values.cpu().numpy())
    return np.concatenate(found), np.concatenate(cosines)


def _unit(rows: Tensor) -> Tensor:
    return torch.nn.functional.normalize(rows.float(), dim=1, eps=1e-30)
