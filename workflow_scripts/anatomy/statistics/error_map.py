"""The linear map b* from an activation to an SAE's error (Eq. 11), as a file."""

from pathlib import Path

import numpy as np
import torch

from workflow_scripts.anatomy.statistics.regression import LinearMap


def load_error_map(path: str | Path, device: str = "cpu") -> LinearMap:
    """The map b* of Eq. 11 that `decompose_error` wrote."""
    with np.load(path, allow_pickle=False) as maps:
        parts = (torch.from_numpy(maps[name]).to(device) for name in ("weights", "intercept"))
        return LinearMap(*parts)
