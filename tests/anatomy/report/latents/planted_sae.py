"""A harvest, and an SAE with codes on it, one latent of which never fires."""

import numpy as np
import torch

from tests.conftest import SITE, correlated, plant_harvest, random_dictionary, random_documents
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.codes.writing import writing_codes
from workflow_scripts.anatomy.report.latents.extent import Extent

C, T, D, M, FIRST = 40, 12, 6, 11, 2
DEAD = 4
EXTENT = Extent(contexts=3, per_stratum=2, window=5, bins=8)


def plant(folder, **kwargs):
    """A harvest, an SAE with codes on it, one latent of which never fires, and their dense codes."""
    x = correlated(C, T, D).astype(np.float32)
    documents = random_documents(C, T, 9)
    tokens = np.arange(C * T).reshape(C, T) % 7
    store = plant_harvest(
        folder / "h.zarr", {SITE: x}, tokens, min_position=FIRST, documents=documents
    )
    dictionary = random_dictionary(D, M, **kwargs)
    dictionary.W_dec *= torch.linspace(0.5, 2, M)[:, None]
    dictionary.b_enc[DEAD] = -1e6
    attrs = {"sae": dictionary.name, "site": SITE, "model": "m", "harvest": "h"}
    block = torch.from_numpy(x)
    flat = block.reshape(-1, D)
    codes, reconstruction = dictionary.reconstruct(flat)
    with writing_codes(
        folder / "h.codes.zarr", store, dictionary, attrs | {"min_position": FIRST}
    ) as writer:
        writer.append(block, codes, reconstruction)
    sae = SaeOnHarvest(dictionary, open_codes(folder / "h.codes.zarr"), store)
    return sae, codes.to_dense(M).double().numpy(), x.reshape(-1, D).astype(np.float64)
