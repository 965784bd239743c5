"""The contexts of a harvest, as the ids of their tokens."""

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.report.shards.shard import Shard

# A harvest of so many tokens is there as a whole; of larger ones the contexts that are referred to.
WHOLE_TOKENS = 1 << 21


def tokens_of(
    slug: str,
    store: ActivationStore,
    referred: np.ndarray,
    separator: int | None,
    whole: int = WHOLE_TOKENS,
) -> Shard:
    """The file ``tokens`` of a model.

    Parameters
    ----------
    referred: numbers of the contexts that windows and samples are from.
    separator: id of the token between documents.
    whole: tokens of the largest harvest of which all contexts are kept.
    """
    contexts, positions = store.shape
    all_of_it = contexts * positions <= whole
    kept = np.arange(contexts) if all_of_it else np.unique(referred).astype(np.int64)
    rows = [np.zeros((0, positions), np.int64)]
    for block in store.block_slices():
        here = kept[(kept >= block.start) & (kept < block.stop)]
        if len(here):
            rows.append(read(store.group["tokens"], block, store.path)[here - block.start])
    tokens = np.concatenate(rows).ravel()
    small = not len(tokens) or tokens.max() < 1 << 16
    header = {
        "contexts": contexts,
        "positions": positions,
        "min_position": store.min_position,
        "separator": separator,
    }
    columns = {"tokens": tokens.astype(np.uint16 if small else np.uint32)}
    if not all_of_it:
        columns["context_numbers"] = kept.astype(np.uint32)
    return Shard(f"tokens:{slug}", header, columns)
