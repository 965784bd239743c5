"""Blocks of a store, mapped and summed by dask: on the job's threads, or on a dask cluster."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workflow_scripts.anatomy.base.job import limit_threads


def total(
    function: Callable[..., Any],
    blocks: Sequence[Any],
    threads: int = 1,
    dask_config: Mapping[str, Any] | None = None,
) -> Any:
    """Sum of `function(block)` over the blocks.

    `function` returns something that adds with ``+``. The sum runs along a binary tree whose shape
    depends on the number of blocks alone, so the same blocks give the same bits on one thread, on
    many, and on a cluster; about log2(blocks) partial sums are alive at once.

    Parameters
    ----------
    threads: threads of the job; each block is computed by one.
    dask_config: the configuration's ``analysis.dask``; without it the job's threads compute.

    Raises
    ------
    AnatomyError: see `dask_clusters.computed`.
    """
    import dask

    if dask_config and dask_config["scheduler"] != "threads":
        from workflow_scripts.anatomy.base.dask_clusters import computed

        # The function holds what it is of, an SAE perhaps: that goes out once, not with every block.
        shared = dask.delayed(_same, pure=False)(dask.delayed(function, pure=False, traverse=False))
        return computed(
            _summed([dask.delayed(_of)(shared, b) for b in blocks]), threads, dask_config
        )
    whole = _summed([dask.delayed(function, pure=False)(block) for block in blocks])
    # Schedulers are given as functions: given by name, dask imports distributed to look for a client.
    if threads == 1:
        from dask.local import get_sync

        return whole.compute(scheduler=get_sync)
    from dask.threaded import get

    # The workers are the job's threads: each of them computes with one.
    limit_threads(1)
    try:
        return whole.compute(scheduler=get, num_workers=threads)
    finally:
        limit_threads(threads)


def _summed(parts: list[Any]) -> Any:
    import dask

    while len(parts) > 1:
        pairs = [dask.delayed(_add)(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(pairs) * 2 :]
    (whole,) = parts
    return whole


def _add(a: Any, b: Any) -> Any:
    return a + b


def _same(function: Any) -> Any:
    return function


def _of(function: Callable[..., Any], block: Any) -> Any:
    return function(block)
