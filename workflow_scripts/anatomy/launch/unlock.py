"""Take a killed run's lock away, unless a run is alive: `make unlock`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.launch.__main__ import say, unlock
from workflow_scripts.anatomy.launch.leftovers import only_launch, require_unused


def main(arguments: Sequence[str]) -> int:
    """Unlock this folder; returns the exit status."""
    try:
        with only_launch(Path.cwd()):
            require_unused(Path.cwd())
            unlock(Path.cwd(), list(arguments))
    except AnatomyError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
