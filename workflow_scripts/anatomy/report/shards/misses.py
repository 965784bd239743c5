"""Windows of firings that an explanation misses, beside those that are shown of every latent."""

from collections.abc import Mapping, Sequence

import numpy as np

from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.interpretability.peaks import window_start
from workflow_scripts.anatomy.report.latents.extent import STRATA, shares_of_maximum

# The stratum of these windows, after those of the parts of the range.
MISSED = STRATA + 1


def with_misses(
    latents: Mapping[str, np.ndarray],
    codes: CodesStore,
    misses: Mapping[int, Sequence[tuple[int, int]]],
) -> dict[str, np.ndarray]:
    """The arrays of `latents.npz` with one window more for each firing that is missed.

    misses: latent -> contexts and positions, see `explanations.read_misses`. The windows are as long as the
    others and lie alike around their position; a latent's own come after its others, in the order given.
    """
    owners = np.array([n for n in sorted(misses) for _ in misses[n]], np.int64)
    if not len(owners):
        return dict(latents)
    context, peak = np.array([place for n in sorted(misses) for place in misses[n]], np.int64).T
    length = int(latents["window_length"].max())
    start = window_start(peak, length, codes.min_position, codes.shape[1])
    values = np.zeros((len(owners), length), np.float32)
    for at in np.unique(context):
        here = np.flatnonzero(context == at)
        used = codes.units.used(slice(at, at + 1))[0]
        of_context = codes.rows(slice(at, at + 1)).tocsc()[:, owners[here]].toarray()
        of_context = np.where(used[:, None], of_context, 0)
        for column, row in enumerate(here):
            values[row] = of_context[start[row] : start[row] + length, column]
    shown = shares_of_maximum(values, codes.latents("activation_max")[owners])
    added = {
        "window_latent": owners,
        "window_stratum": np.full(len(owners), MISSED),
        "window_context": context,
        "window_start": start,
        "window_length": np.full(len(owners), length),
        "window_peak": peak,
    }
    order = np.argsort(np.concatenate([latents["window_latent"], owners]), kind="stable")
    found = dict(latents)
    for name, column in added.items():
        found[name] = np.concatenate([latents[name], column.astype(latents[name].dtype)])[order]
    rows = np.concatenate([latents["window_values"].reshape(-1, length), shown])
    found["window_values"] = rows[order].reshape(-1)
    return found
