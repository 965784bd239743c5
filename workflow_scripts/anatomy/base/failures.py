"""What went wrong outside of the code, in a sentence: a full disk, a folder that is not ours, a damaged file."""

import errno
import logging
import os
import sys
import traceback
from contextlib import suppress
from types import TracebackType

# Libraries that write files by themselves raise what they like, and say it in these words.
FULL = ("no space left on device", "os error 28", "enospc", "disk quota exceeded", "os error 122")
# torch says only that its writer failed; that it was the disk shows there.
TORCH_WRITER = ("pytorchstreamwriter", "inline_container")
NEARLY_FULL = 2**20
REFUSED = {
    errno.EACCES: "this folder or file is not yours to use; mend its permissions and rerun",
    errno.EPERM: "this folder or file is not yours to use; mend its permissions and rerun",
    errno.EROFS: "this file system may only be read; work in another folder",
    errno.ENOTDIR: "a file is in the way of a folder; move it away and rerun",
    errno.EISDIR: "a folder is in the way of a file; move it away and rerun",
    errno.EEXIST: "a file is in the way of a folder; move it away and rerun",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n) and rerun",
    errno.ENOMEM: "there is not enough memory",
}
# By name: who is told of a damaged file need not import what read it.
DAMAGED = {
    *("BadZipFile", "JSONDecodeError", "EmptyDataError", "ParserError", "UnicodeDecodeError"),
    *("SafetensorError", "BadGzipFile"),
}
CHECKSUM = ("checksum", "file is not a zip file", "cannot load file containing pickled data")


class WholeLines(logging.FileHandler):
    """A log file that may fail: what cannot be written there is on the terminal all the same."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: logging would print a traceback of its own for each line."""

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost."""
        with suppress(OSError):
            super().close()


def in_a_sentence(error: BaseException, trace: TracebackType | None = None) -> str | None:
    """The sentence for an exception that is no mistake in the code, or None."""
    if _is_full(error):
        where = getattr(error, "filename", None) or "the results folder"
        return f"no space left on the device while writing {where}; free some and rerun"
    if isinstance(error, OSError) and error.errno in REFUSED:
        where = error.filename2 or error.filename or "a file"
        return f"{where}: {os.strerror(error.errno)}: {REFUSED[error.errno]}"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            f"there is not enough memory ({_one_line(error)}); free some, or make the model, the SAEs, "
            "the batches or the number of jobs at a time (--cores) smaller"
        )
    if type(error).__name__ in DAMAGED or _says(error, CHECKSUM):
        return (
            f"a file that was read is damaged ({type(error).__name__}: {_one_line(error)}"
            f"{_reader(trace)}); `make verify` names it and how to rebuild it"
        )
    return None


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if isinstance(error, OSError) and error.errno is not None:
        return False
    if _says(error, FULL):
        return True
    if not _says(error, TORCH_WRITER):
        return False
    with suppress(OSError):
        disk = os.statvfs(".")
        return disk.f_bavail * disk.f_frsize < NEARLY_FULL or "write" in str(error).lower()
    return True


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(word in text for word in words)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _reader(trace: TracebackType | None) -> str:
    """Where in this project it was read."""
    ours = (
        [f for f in traceback.extract_tb(trace) if "workflow_scripts" in f.filename]
        if trace
        else []
    )
    return f", read by {ours[-1].name}" if ours and ours[-1].name != "<module>" else ""


def stop_quietly(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """As `sys.excepthook`: an interruption and what is outside of the code are a line each."""
    if kind is KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    elif (line := in_a_sentence(error, trace)) is not None:
        print(f"error: {line}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
