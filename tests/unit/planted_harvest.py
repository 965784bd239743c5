"""A harvest with any number of hook points, and tokens and losses of the test's own choosing."""

from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.activations import ActivationStore, open_activations
from workflow_scripts.anatomy.store import writing


def plant_harvest(
    path: Path,
    activations: dict[str, np.ndarray],
    tokens: np.ndarray | None = None,
    loss: np.ndarray | None = None,
    min_position: int = 0,
) -> ActivationStore:
    """A store of activations (C, T, d) by hook point; tokens (C, T) are 0, losses 0 and NaN at first."""
    contexts, positions, _ = next(iter(activations.values())).shape
    if loss is None:
        loss = np.zeros((contexts, positions))
        loss[:, 0] = np.nan
    none = np.zeros((contexts, positions), np.int32)
    with writing(path, "activations") as group:
        group.create_array("tokens", data=none if tokens is None else tokens.astype(np.int32))
        group.create_array("documents", data=none)
        group.create_array("loss", data=loss.astype(np.float32))
        for name, x in activations.items():
            group.create_array(
                f"activations/{name}",
                data=x.astype(np.float32),
                chunks=(4, positions, x.shape[2]),
            )
        group.attrs.update(
            model="planted",
            harvest="planted",
            hook_points=list(activations),
            min_position=min_position,
            context_length=positions,
            has_bos=False,
        )
    return open_activations(path)
