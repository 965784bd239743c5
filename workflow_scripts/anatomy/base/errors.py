"""The one exception that is meant for the person at the terminal, and what its messages have in common."""

import difflib
from collections.abc import Iterable


class AnatomyError(Exception):
    """A problem that its reader can solve.

    The message is one line that says what is wrong, where (the config key, the file, the hook
    point), and what to do. Scripts print it without a traceback and exit with status 1.
    """


def one_line(error: Exception) -> str:
    """Somebody else's exception as part of a message."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def did_you_mean(word: str, known: Iterable[object], shown: int = 1, cutoff: float = 0.5) -> str:
    """The end of a message about an unknown word: the nearest known ones, or nothing if none is near."""
    close = difflib.get_close_matches(str(word), [str(name) for name in known], shown, cutoff)
    if not close:
        return ""
    return f"; did you mean {close[0]}?" if shown == 1 else f"; the nearest are {', '.join(close)}"
