"""Blocks of a store, mapped and summed by dask: on the job's threads, or on a dask cluster."""

from collections.abc import Callable, Sequence
from typing import Any

from workflow_scripts.anatomy.base.job import limit_threads


def total(
    function: Callable[..., Any], blocks: Sequence[Any], dask_config: dict[str, Any], threads: int
) -> Any:
    """Sum of `function(block)` over the blocks.

    `function` returns something that adds with ``+``. The sum runs along a binary tree whose shape
    depends on the number of blocks alone, so the same blocks give the same bits on one thread, on
    many, and on a cluster; about log2(blocks) partial sums are alive at once.

    Parameters
    ----------
    dask_config: the configuration's ``analysis.dask``, {scheduler, address}.
    threads: threads of the job; each block is computed by one.
    """
    import dask
    from dask.local import get_sync

    parts = [dask.delayed(function, pure=False)(block) for block in blocks]
    while len(parts) > 1:
        pairs = [dask.delayed(_add)(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(pairs) * 2 :]
    (whole,) = parts
    if dask_config["scheduler"] == "cluster":
        from dask.distributed import Client

        address = dask_config["address"]
        local = (
            {}
            if address
            else {"n_workers": threads, "threads_per_worker": 1, "dashboard_address": None}
        )
        with Client(address, **local):
            return whole.compute()
    # Schedulers are given as functions: given by name, dask imports distributed to look for a client.
    if threads == 1:
        return whole.compute(scheduler=get_sync)
    from dask.threaded import get

    # The workers are the job's threads: each of them computes with one.
    limit_threads(1)
    try:
        return whole.compute(scheduler=get, num_workers=threads)
    finally:
        limit_threads(threads)


def _add(a: Any, b: Any) -> Any:
    return a + b
