"""LinearError(x) and NonlinearError(x) as if they were activations of a harvest (Eq. 14 and 15).

They are computed from the stored activations whenever a block is asked for, and never stored: what
trains on activations, or encodes them, trains on and encodes an SAE's error all the same.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.regression import LinearMap

COMPONENTS = ("linear_error", "nonlinear_error")


@dataclass(frozen=True)
class ErrorComponent:
    """One component of an SAE's error at a site: reads like a zarr array (C, T, d) of float32."""

    array: Any
    path: Path
    dictionary: Dictionary
    linear: LinearMap
    component: str
    device: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Contexts, positions, dimensions."""
        return self.array.shape

    @property
    def name(self) -> str:
        """What error messages call it."""
        return f"{self.component} of {self.dictionary.name}"

    def __getitem__(self, contexts: slice) -> np.ndarray:
        x = torch.from_numpy(read(self.array, contexts, self.path)).to(self.device)
        flat = x.flatten(0, 1)
        part = self.linear(flat)
        if self.component == "nonlinear_error":
            _, reconstruction = self.dictionary.reconstruct(flat)
            part = flat.double() - reconstruction.double() - part
        return part.float().reshape(x.shape).cpu().numpy()


@dataclass(frozen=True)
class ErrorStore(ActivationStore):
    """A harvest whose activations at one site are a component of an SAE's error there."""

    site: str
    error: ErrorComponent

    @property
    def fingerprint(self) -> str:
        """That of the harvest, of the SAE whose error it is, and of the map that splits it."""
        digest = hashlib.sha256(f"{super().fingerprint} {self.error.component}".encode())
        parts = [*self.error.dictionary.tensors().values(), self.error.linear.weights]
        for part in [*parts, self.error.linear.intercept]:
            digest.update(part.detach().cpu().numpy().tobytes())
        return digest.hexdigest()

    def activations(self, hook_point: str) -> Any:
        """The component at the SAE's site; no other hook point has one."""
        return self.error if hook_point == self.site else super().activations(hook_point)


def error_store(
    store: ActivationStore,
    site: str,
    dictionary: Dictionary,
    linear: LinearMap,
    component: str,
    device: str = "cpu",
) -> ErrorStore:
    """A view of `store` in which the activations of `site` are ``linear_error`` or ``nonlinear_error``."""
    array = store.activations(site)
    error = ErrorComponent(array, store.path, dictionary, linear, component, device)
    return ErrorStore(store.path, store.group, site, error)
