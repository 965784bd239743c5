"""Shuffled batches of activations out of a harvest, the same for every SAE, resumable anywhere."""

from collections.abc import Iterator

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.errors import AnatomyError

# A shuffle buffer holds about 256 MB of activations, at most 2^16 tokens.
BUFFER_BYTES = 2**28
BUFFER_TOKENS = 2**16


def shuffled_batches(
    activations: ActivationStore,
    site: str,
    batch_size: int,
    seed: int,
    start: int = 0,
    contexts: int | None = None,
) -> Iterator[np.ndarray]:
    """Yield batches (batch_size, d) float32 of tokens of a hook point, without end.

    Every epoch puts the blocks of the store in a random order, reads a buffer's worth at a time,
    and yields its tokens in a random order; a batch may span two buffers. The order depends on the
    harvest and `seed` alone. Tokens before the harvest's `min_position` are left out.

    Parameters
    ----------
    start: number of the first batch to yield; buffers that lie before it are not read.
    contexts: only the first so many contexts of the harvest; default all.

    Raises
    ------
    AnatomyError: fewer tokens than one batch, or NaN or infinite activations.
    """
    used = activations.shape[1] - activations.min_position
    blocks = [
        slice(block.start, min(block.stop, contexts or block.stop))
        for block in activations.block_slices()
        if contexts is None or block.start < contexts
    ]
    tokens = sum(block.stop - block.start for block in blocks) * used
    if tokens < batch_size:
        raise AnatomyError(
            f"{activations.path}: {tokens} tokens are fewer than one batch of {batch_size}; "
            "harvest more contexts, or lower training.batch_size"
        )
    rest = np.empty((0, activations.width(site)), np.float32)
    epoch, skip = divmod(start * batch_size, tokens)
    while True:
        for buffer in _buffers(activations, site, blocks, (seed, epoch), skip):
            rows = np.concatenate([rest, buffer]) if len(rest) else buffer
            whole = len(rows) - len(rows) % batch_size
            for at in range(0, whole, batch_size):
                yield rows[at : at + batch_size]
            rest = rows[whole:].copy()
        epoch, skip = epoch + 1, 0


def _buffers(
    activations: ActivationStore, site: str, blocks: list[slice], seed: tuple[int, int], skip: int
) -> Iterator[np.ndarray]:
    """The shuffled buffers of one epoch, less its first `skip` tokens."""
    width, first = activations.width(site), activations.min_position
    used = activations.shape[1] - first
    capacity = max(1, min(BUFFER_TOKENS, BUFFER_BYTES // (4 * width)))
    group, held = [], 0
    order = np.random.default_rng(seed).permutation(len(blocks))
    for position, at in enumerate(order):
        group.append(blocks[at])
        held += (blocks[at].stop - blocks[at].start) * used
        if held < capacity and position + 1 < len(order):
            continue
        if skip < held:
            shuffle = np.random.default_rng((*seed, position)).permutation(held)[skip:]
            yield _read(activations, site, group)[shuffle]
        skip = max(0, skip - held)
        group, held = [], 0


def _read(activations: ActivationStore, site: str, blocks: list[slice]) -> np.ndarray:
    """The tokens of some blocks from `min_position` on, (n, d)."""
    array = activations.activations(site)
    rows = np.concatenate(
        [read(array, block, activations.path)[:, activations.min_position :] for block in blocks]
    ).reshape(-1, activations.width(site))
    if not np.isfinite(rows).all():
        raise AnatomyError(
            f"{activations.path}: {site} holds NaN or infinite activations; harvest it anew, in "
            "float32 if need be"
        )
    return rows
