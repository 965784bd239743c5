"""Tokens: training a tokenizer, turning documents into token ids.

A tokenizer is a folder with `tokenizer.json` and `tokenizer_config.json`, as Hugging Face writes
them. Every document is followed by the end-of-text token, so that a model sees where one ends.
"""

import json
import re
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress
from workflow_scripts.anatomy.base.store import replacing, write_json

END_OF_TEXT = "<|endoftext|>"
BATCH_CHARACTERS = 1_000_000
# Training takes a time that grows as the square of the longest run without a space or a change of kind:
# longer runs are cut, in bytes. Those of prose and code have fewer than a hundred.
LONGEST_RUN = 1024
# Where a text may be cut without a word being another one, and how far back that is looked for.
BOUNDARY, BOUNDARY_WINDOW = re.compile(r"\S (?=\S)"), 10_000


def texts(path: Path) -> Iterator[str]:
    """Walk over the texts of a file of JSON lines {"id", "text"}."""
    return (line["text"] for line in _lines(path))


def train_tokenizer(documents: Path, vocabulary_size: int, tokenizer: Path) -> int:
    """Train a byte-level BPE on a file of JSON lines and write it to `tokenizer` (tokenizer.json).

    Token 0 is ``<|endoftext|>``, at once beginning, end and separator. The folder of `tokenizer`
    loads with `AutoTokenizer.from_pretrained`. Returns the size of the vocabulary, which is
    smaller than asked for when the text has too few different pairs to merge. Runs of more than
    `LONGEST_RUN` bytes are learnt from in parts, and texts of more than `BATCH_CHARACTERS` too; the
    tokenizer knows nothing of that.

    Raises
    ------
    AnatomyError: `vocabulary_size` cannot hold the 256 bytes and the special token.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if vocabulary_size < 257:
        raise AnatomyError(
            f"vocabulary_size: {vocabulary_size} is too small; a byte-level vocabulary needs at "
            "least 257 (256 bytes and the end of text)"
        )
    bpe = Tokenizer(models.BPE())
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut = pre_tokenizers.FixedLength(length=LONGEST_RUN)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([words, cut])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(_parts(texts(documents)), trainer)
    bpe.pre_tokenizer = words
    write_json(
        tokenizer.with_name("tokenizer_config.json"),
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": END_OF_TEXT,
            "eos_token": END_OF_TEXT,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 1_000_000_000,
        },
    )
    with replacing(tokenizer) as temporary:
        bpe.save(str(temporary))
    return bpe.get_vocab_size()


def _parts(found: Iterator[str]) -> Iterator[str]:
    """Texts, long ones in parts that begin with a single space before a word, where words begin anyway."""
    for text in found:
        begin = 0
        while len(text) - begin > BATCH_CHARACTERS:
            end = begin + BATCH_CHARACTERS
            found_in = BOUNDARY.finditer(text, end - BOUNDARY_WINDOW, end)
            end = max((match.start() + 1 for match in found_in), default=end)
            yield text[begin:end]
            begin = end
        yield text[begin:]


def import_tokenizer(path: str, revision: str | None, tokenizer: Path) -> None:
    """Save the tokenizer of a hub model, or of a local folder, to the folder of `tokenizer`.

    Raises
    ------
    AnatomyError: it is not there (or not in the cache while offline), or has no tokenizer.json.
    """
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(path, revision=revision, trust_remote_code=False)
    except Exception as error:
        raise AnatomyError(
            f"the tokenizer of {path} cannot be loaded ({' '.join(str(error).split())[:200]}); "
            "check models.*.path and revision, or the network (offline it must be in the cache)"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        found.save_pretrained(folder)
        if not (Path(folder) / "tokenizer.json").exists():
            raise AnatomyError(f"the tokenizer of {path} has no fast form (tokenizer.json)")
        tokenizer.parent.mkdir(parents=True, exist_ok=True)
        for file in sorted(Path(folder).iterdir(), key=lambda file: file.name == "tokenizer.json"):
            with replacing(tokenizer.with_name(file.name)) as temporary:
                temporary.write_bytes(file.read_bytes())


def load_tokenizer(path: Path) -> Any:
    """Load `tokenizer.json` as a `tokenizers.Tokenizer`, without importing transformers."""
    from tokenizers import Tokenizer

    path = path / "tokenizer.json" if path.is_dir() else path
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        raise AnatomyError(
            f"{path}: not a tokenizer ({error}); delete it and rerun, and it is made anew"
        ) from None


def special_ids(tokenizer: Path) -> tuple[int | None, int | None]:
    """Ids of the tokens that begin and end a text (bos, eos), from the tokenizer's folder."""
    loaded = load_tokenizer(tokenizer)
    folder = tokenizer if tokenizer.is_dir() else tokenizer.parent
    config = json.loads((folder / "tokenizer_config.json").read_text())
    names = (config.get("bos_token"), config.get("eos_token"))
    content = [name["content"] if isinstance(name, dict) else name for name in names]
    bos, eos = (None if name is None else loaded.token_to_id(name) for name in content)
    return bos, eos


def token_strings(tokenizer: str | Path) -> list[str]:
    """Readable text of every token id, e.g. ``" return"``; bytes that are no text show as ``�``."""
    loaded = load_tokenizer(Path(tokenizer))
    strings = [loaded.decode([i], skip_special_tokens=False) for i in range(vocabulary(loaded))]
    for token, added in loaded.get_added_tokens_decoder().items():
        strings[token] = added.content
    # A decoder that strips the space before a word (SentencePiece) would hide where words begin.
    for token, text in enumerate(strings):
        piece = loaded.id_to_token(token)
        if piece is not None and piece.startswith("▁") and not text.startswith(" "):
            strings[token] = piece.replace("▁", " ")
    return strings


def vocabulary(tokenizer: Any) -> int:
    """Size of a tokenizer's vocabulary: its highest id plus one."""
    return max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1


def tokenize(documents: Path, tokenizer: Path, tokens: Path) -> int:
    """Tokenize a file of JSON lines into `tokens` (npz); return the number of tokens.

    The archive holds ``ids`` int32 (n,), each document followed by the end-of-text token (or, for
    a tokenizer without one, the beginning-of-text token, or nothing), and ``offsets`` int64
    (documents + 1,), where each document begins; where documents are passages, also ``books`` int32
    (documents,), the number of the book of each; and ``separator`` int32 (), the id that follows every
    document, where there is one: no other token has it. Text that reads like a special token is tokenized
    as text. Documents are taken in batches; the ids wait on disk, not in memory.
    """
    loaded = load_tokenizer(tokenizer)
    loaded.encode_special_tokens = True
    loaded.no_padding()
    loaded.no_truncation()
    bos, eos = special_ids(tokenizer)
    separator = eos if eos is not None else bos
    end = [] if separator is None else [separator]
    offsets = [0]
    numbers: dict[str, int] = {}
    books: list[int] = []

    def read() -> Iterator[str]:
        for line in _lines(documents):
            if "book" in line:
                books.append(numbers.setdefault(line["book"], len(numbers)))
            yield line["text"]

    total = documents.stat().st_size
    progress, characters = Progress(f"tokenizing {documents} (bytes)", total), 0
    with replacing(tokens) as temporary, tempfile.TemporaryFile(dir=tokens.parent) as ids:
        for batch in _batches(read()):
            for encoding in loaded.encode_batch_fast(batch, add_special_tokens=False):
                row = np.array(encoding.ids + end, np.int32)
                ids.write(row.tobytes())
                offsets.append(offsets[-1] + len(row))
            characters += sum(map(len, batch))
            progress(characters)
        ids.seek(0)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            with _member(archive, "ids.npy") as member:
                _header(member, offsets[-1], np.int32)
                while block := ids.read(1 << 24):
                    member.write(block)
            with _member(archive, "offsets.npy") as member:
                np.save(member, np.array(offsets, np.int64), allow_pickle=False)
            if separator is not None:
                with _member(archive, "separator.npy") as member:
                    np.save(member, np.array(separator, np.int32), allow_pickle=False)
            if books:
                with _member(archive, "books.npy") as member:
                    np.save(member, np.array(books, np.int32), allow_pickle=False)
    return offsets[-1]


@dataclass(frozen=True)
class Tokens:
    """The tokens of one split of a dataset: `ids` int32 (n,), `offsets` int64 (documents + 1,).

    `books` int32 (documents,) is the book of each document, None where no text was cut. `separator`
    is the id that follows every document and is none of its text, None where nothing does.
    """

    path: Path
    ids: np.ndarray
    offsets: np.ndarray
    books: np.ndarray | None = None
    separator: int | None = None


def open_tokens(path: Path) -> Tokens:
    """Open a file of tokens; the ids are mapped from the disk, not read."""
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open("offsets.npy") as member:
                offsets = np.lib.format.read_array(member, allow_pickle=False)
            found = {}
            for name in {"books.npy", "separator.npy"} & set(archive.namelist()):
                with archive.open(name) as member:
                    found[name] = np.lib.format.read_array(member, allow_pickle=False)
            info = archive.getinfo("ids.npy")
        with open(path, "rb") as file:
            file.seek(info.header_offset)
            # The local header's name and extra field have lengths of their own (ZIP 4.3.7).
            name, extra = struct.unpack("<26x2H", file.read(30))
            file.seek(info.header_offset + 30 + name + extra)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            ids = (
                np.memmap(file, dtype, "r", file.tell(), shape) if shape[0] else np.zeros(0, dtype)
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise AnatomyError(
            f"{path}: not a whole file of tokens ({error}); delete it and rerun"
        ) from None
    separator = found.get("separator.npy")
    last = None if separator is None else int(separator)
    return Tokens(path, ids, offsets, found.get("books.npy"), last)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _batches(found: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for text in found:
        batch.append(text)
        characters += len(text)
        if characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _member(archive: zipfile.ZipFile, name: str):
    # A fixed date, so that the same tokens are the same bytes.
    return archive.open(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True)


def _header(member, length: int, dtype) -> None:
    description = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": (length,),
    }
    np.lib.format.write_array_header_1_0(member, description)
