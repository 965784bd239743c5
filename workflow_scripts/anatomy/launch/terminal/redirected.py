"""What jobs print goes to a file, and the terminal is the screen's alone."""

import os
import time
from pathlib import Path
from typing import TextIO

FOLDER = Path(".snakemake") / "log"
STREAMS = (1, 2)


class Redirected:
    """Standard output and error of this process, and of all that it starts, in a file while it is open.

    ``terminal`` is where the standard error went before. ``path`` is the file.
    """

    def __init__(self, folder: Path = FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{time.strftime('%Y-%m-%dT%H%M%S')}.{os.getpid()}.jobs.log"
        self.kept = [os.dup(stream) for stream in STREAMS]
        self.terminal: TextIO = os.fdopen(os.dup(STREAMS[1]), "w", buffering=1, errors="replace")
        with open(self.path, "ab") as file:
            for stream in STREAMS:
                os.dup2(file.fileno(), stream)

    def close(self) -> None:
        """Let both streams go where they went before."""
        for stream, before in zip(STREAMS, self.kept, strict=True):
            os.dup2(before, stream)
            os.close(before)
        self.terminal.close()
