"""Is an audited run still what was recorded? `python -m workflow_scripts.anatomy.launch.recheck RUN`."""

import sys
from importlib import import_module

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.claims.verdicts import verdicts
from workflow_scripts.anatomy.report.audit.checking import problems


def main(arguments: list[str]) -> int:
    """Check the run in a folder and say what is wrong with it; returns 1 if anything is."""
    if len(arguments) != 1:
        print("usage: make recheck RUN=results/default", file=sys.stderr)
        return 2
    try:
        found, checked = problems(arguments[0], _judge)
    except AnatomyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for problem in found:
        print(problem)
    missing = f"; {checked['not here']} of the store are not here" if checked["not here"] else ""
    print(
        f"{checked['run']} files of the run and {checked['store']} of its store were read{missing}: "
        + (
            f"{len(found)} things are wrong"
            if found
            else "all are as recorded, and so are the claims"
        ),
        file=sys.stderr,
    )
    return 1 if found else 0


def _judge(paper, tables, seed):
    return verdicts(
        paper, import_module(f"workflow_scripts.papers.{paper}.claims").CLAIMS, tables, seed
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
