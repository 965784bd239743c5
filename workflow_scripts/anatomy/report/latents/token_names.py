"""A name for a latent, by rule: the tokens at which it fires most."""

from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.report.cards.visible import visible
from workflow_scripts.anatomy.report.latents.contexts import Contexts
from workflow_scripts.anatomy.report.shards.vocabulary import token_bytes

AT_MOST = 5
# Of a token, so many letters are in a name.
LETTERS = 20
SPACE = "·"


def names_of(found: Contexts, tokenizer: str | Path) -> list[str]:
    """Of every latent the distinct tokens at its strongest contexts, at most five, the strongest first.

    Each is decoded from its bytes, with what cannot be seen made visible, and they stand one after another with
    a space between; a dead latent's name is empty.
    """
    top = np.flatnonzero(found.stratum == 0)
    tokens = found.windows.tokens[top, found.peak[top] - found.windows.start[top]]
    texts = {token: shown(text) for token, text in token_bytes(Path(tokenizer), np.unique(tokens))}
    names: list[dict[str, None]] = [{} for _ in found.maximum]
    for latent, token in zip(found.latent[top].tolist(), tokens.tolist(), strict=True):
        if len(names[latent]) < AT_MOST:
            names[latent][texts[token]] = None
    return [" ".join(name) for name in names]


def shown(token: bytes | None) -> str:
    """The text of a token; bytes that are no text as ⟨E2⟩, a space as a dot unless it only begins a word."""
    text = (token or b"").decode(errors="surrogateescape")
    begins = text.startswith(" ") and text[1:2].strip(" ") != ""
    word = text[begins:].replace(" ", SPACE)
    marked = "".join(
        f"⟨{ord(letter) - 0xDC00:02X}⟩" if "\udc80" <= letter <= "\udcff" else visible(letter)
        for letter in word[:LETTERS]
    )
    return " " * begins + marked + ("…" if len(word) > LETTERS else "")
