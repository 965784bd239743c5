"""What the files of an SAE are called in the report: names that no SAE's name can lead out of a folder."""

import hashlib
import re
import unicodedata

LONGEST = 100  # letters of the readable part: file names may have 255 bytes


def slug(model: str, site: str, sae: str) -> str:
    """The name of an SAE's files: readable, and unlike that of every other SAE.

    Lower-case ASCII of "<model>-<site>-<sae>", cut at `LONGEST` letters, and the first eight digits of
    the SHA-256 of "<model>/<site>/<sae>". It has letters, digits, "." and "-" alone, and neither begins
    nor ends with a full stop.
    """
    text = unicodedata.normalize("NFKD", f"{model}-{site}-{sae}").lower()
    readable = re.sub(r"[^a-z0-9.]+", "-", text)
    # Two full stops in a row mean the folder above.
    readable = re.sub(r"\.{2,}", "-", readable)[:LONGEST].strip("-.")
    # Half a surrogate pair is no text, but may be a name; UTF-8 would refuse it.
    exact = f"{model}/{site}/{sae}".encode("utf-8", "surrogatepass")
    digits = hashlib.sha256(exact).hexdigest()[:8]
    return f"{readable}-{digits}" if readable else digits
