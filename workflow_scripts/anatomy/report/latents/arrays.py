"""`latents.npz`: windows, histograms, logits and nearest latents of an SAE, to be looked at."""

import numpy as np

from workflow_scripts.anatomy.report.latents.contexts import Contexts
from workflow_scripts.anatomy.report.latents.nearest import Nearest


def arrays_of(found: Contexts, near: Nearest) -> dict[str, np.ndarray]:
    """The arrays of windows, strata, histogram and nearest latents."""
    count, saes = near.other.shape
    length = found.windows.tokens.shape[1]
    return {
        "window_latent": found.latent.astype(np.uint32),
        "window_stratum": found.stratum.astype(np.uint8),
        "window_context": found.windows.context.astype(np.uint32),
        "window_start": found.windows.start.astype(np.uint16),
        "window_length": np.full(len(found.latent), length, np.uint8),
        "window_peak": found.peak.astype(np.uint16),
        "window_values": found.values,
        "stratum_share": found.shares,
        "histogram": found.histogram.astype(np.uint32),
        "near_saes": np.array(near.names, dtype=np.str_),
        "near_latent": np.repeat(np.arange(count, dtype=np.uint32), saes),
        "near_sae": np.tile(np.arange(saes, dtype=np.uint16), count),
        "near_other": near.other.reshape(-1).astype(np.uint32),
        "near_cosine": near.cosine.reshape(-1).astype(np.float32),
    }
