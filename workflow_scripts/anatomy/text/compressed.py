"""Compressed files as streams that are whole: what is cut off or damaged is an error, never a shorter text.

The readers that Python and zstandard bring end a stream quietly where a frame is cut off, or drop what
follows a damaged one. Here every frame has to end, and after the last one the file does.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.base.job import log

# What a reader takes from the file, and at most gives of it, at a time.
CHUNK, PIECE = 1 << 16, 1 << 20
MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}
NAMES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstandard"}
# A zstandard frame that holds no text: a range of magic numbers, then its size.
SKIPPABLE = range(0x184D2A50, 0x184D2A60)
RLE = 1


class _Decompressor(Protocol):
    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, limit: int, /) -> bytes: ...


def opened(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed by what its name ends with.

    Memory does not grow with the file. Reading it to the end raises AnatomyError where it is cut off,
    damaged as far as its checksums tell, or not compressed at all.
    """
    if path.suffix not in MAGIC:
        return open(path, "rb")
    return io.BufferedReader(_Stream(_pieces(path)), PIECE)


def begins_rightly(path: Path, head: bytes) -> bool:
    """Whether the first bytes of a compressed file are those of what its name says."""
    if path.suffix == ".zst" and int.from_bytes(head[:4], "little") in SKIPPABLE:
        return True
    return head.startswith(MAGIC[path.suffix])


class _Stream(io.RawIOBase):
    """Pieces of bytes, one after another, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self.left:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.left = piece
        taken = min(len(buffer), len(self.left))
        buffer[:taken] = self.left[:taken]
        self.left = self.left[taken:]
        return taken


def _pieces(path: Path) -> Iterator[bytes]:
    kind = NAMES[path.suffix]
    with open(path, "rb") as file:
        head = file.read(6)
        if head and not begins_rightly(path, head):
            raise AnatomyError(
                f"{path}: not compressed with {kind}, as its name says; rename it, or get it again"
            )
        file.seek(0)
        try:
            yield from (
                _zstandard(file, path) if path.suffix == ".zst" else _frames(file, path.suffix)
            )
        except EOFError:
            raise AnatomyError(f"{path}: the file is cut off; get it again") from None
        except (zlib.error, lzma.LZMAError, OSError, ValueError) as error:
            raise AnatomyError(
                f"{path}: damaged {kind} data ({one_line(error)}); get it again"
            ) from None


def _new(suffix: str) -> _Decompressor:
    makers: dict[str, Callable[[], Any]] = {
        ".gz": lambda: _Gzip(),
        ".bz2": bz2.BZ2Decompressor,
        ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
    }
    return makers[suffix]()


class _Gzip:
    """zlib's decompressor with the manners of bz2's: it keeps what it was given and has not used."""

    def __init__(self) -> None:
        self.inner = zlib.decompressobj(wbits=31)

    eof = property(lambda self: self.inner.eof)
    unused_data = property(lambda self: self.inner.unused_data)

    def decompress(self, data: bytes, limit: int, /) -> bytes:
        return self.inner.decompress(self.inner.unconsumed_tail + data, limit)


def _frames(file: BinaryIO, suffix: str) -> Iterator[bytes]:
    """The content of frames that follow each other, to the end of the file."""
    data = file.read(CHUNK)
    while data:
        frame = _new(suffix)
        while not frame.eof:
            piece = frame.decompress(data, PIECE)
            data = b""
            if piece:
                yield piece
            elif not frame.eof:
                data = file.read(CHUNK)
                if not data:
                    raise EOFError
        data = frame.unused_data or file.read(CHUNK)
        if suffix in (".gz", ".xz"):  # zeros may follow, up to a block of a tape
            while data and not data.strip(b"\0"):
                data = file.read(CHUNK)
            data = data.lstrip(b"\0")


def _zstandard(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The same of zstandard, block by block: a block holds 128 KiB at most, whatever it expands from."""
    import zstandard

    checked = True
    while head := file.read(4):
        number = int.from_bytes(head, "little")
        if number in SKIPPABLE:
            size = int.from_bytes(_exactly(file, 4), "little")
            end = file.seek(0, io.SEEK_CUR) + size
            if file.seek(0, io.SEEK_END) < end:
                raise EOFError
            file.seek(end)
            continue
        if head != MAGIC[".zst"]:
            if len(head) < 4:
                raise EOFError
            raise ValueError("what follows a frame is none")
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            checked &= yield from _blocks(file, head, frame)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
        if not frame.eof:
            raise EOFError
    if not checked:
        log.info(
            f"{path} has no checksum, so damage inside it can go unseen; zstd --check writes one"
        )


def _blocks(file: BinaryIO, head: bytes, frame: Any) -> Generator[bytes, None, bool]:
    """The content of one frame (RFC 8878, 3.1.1); returns whether it was checked against a checksum."""
    descriptor = _exactly(file, 1)
    flags = descriptor[0]
    single = flags >> 5 & 1
    content_size = (single, 2, 4, 8)[flags >> 6]
    size = (1 - single) + (0, 1, 2, 4)[flags & 3] + content_size
    yield frame.decompress(head + descriptor + _exactly(file, size))
    last = False
    while not last:
        header = _exactly(file, 3)
        number = int.from_bytes(header, "little")
        last, kind, size = bool(number & 1), number >> 1 & 3, number >> 3
        yield frame.decompress(header + _exactly(file, 1 if kind == RLE else size))
    if checked := bool(flags >> 2 & 1):
        yield frame.decompress(_exactly(file, 4))
    return checked


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data
