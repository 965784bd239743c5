"""What one job takes on a laptop: the rates of its cores, and the work of a job in seconds of one of them."""

from dataclasses import dataclass
from typing import Any

# Of one core: operations a second in products of matrices, and seconds to write or read a byte of a
# store, compression and hashes included.
FLOPS = 60e9
STORE_S_PER_BYTE = 6e-9
# Assumed, not measured: what a GPU of a data centre does of the same operations, in float32 or bfloat16.
GPU_FLOPS = 20e12
LOADED_MB = 430  # what jobs in the warm process share
JOB_MB = 60


@dataclass(frozen=True)
class Work:
    """Of one job, on one laptop core: seconds whatever its size, and those that go with its size.

    parallel: whether the scaled ones are shared by its threads. accelerated: those of the scaled seconds
    that a GPU takes over. written: bytes that stay. own_mb: MiB of memory beside what jobs share.
    """

    fixed: float
    scaled: float = 0.0
    parallel: bool = False
    accelerated: float = 0.0
    written: float = 20e3
    own_mb: float = JOB_MB

    def seconds(self, threads: int, gpu: int, fixed: float = 1.0, rate: float = 1.0) -> float:
        """On the clock. fixed, rate: how much slower than the laptop a machine is in either part."""
        scaled = self.scaled
        if gpu:
            scaled += self.accelerated * (FLOPS / GPU_FLOPS - 1)
        return self.fixed * fixed + scaled * rate / (threads if self.parallel and not gpu else 1)


def products(flops: float, other_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """Scaled seconds of products, which a GPU takes over, and of what it leaves."""
    return {"scaled": flops / FLOPS + other_s, "accelerated": flops / FLOPS, **more}
