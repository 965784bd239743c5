"""`make run`: one run at a time, what killed ones leave behind, interruption, the warm process."""

import sys

# As a program (`python -m` imports this first): an interruption, a full disk or a folder that may only be
# read is a line, from the first import on.
if sys.argv[:1] == ["-m"]:
    from workflow_scripts.anatomy.base.failures import stop_quietly

    sys.excepthook = stop_quietly
