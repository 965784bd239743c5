"""What made the cards and how it is cited, as the repository's CITATION.cff says it; nothing else is made up."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CITATION = Path(__file__).resolve().parents[4] / "CITATION.cff"
AUTHORS = 3  # of more the first is named


@dataclass(frozen=True)
class Workflow:
    """This workflow. reference: how it is cited; works: how those that it reproduces are; place: its address or ""."""

    name: str
    version: str
    reference: str
    works: tuple[str, ...]
    place: str


def workflow() -> Workflow | None:
    """This workflow; None in a copy without CITATION.cff."""
    return read(CITATION) if CITATION.is_file() else None


@cache
def read(path: Path) -> Workflow:
    """What a CITATION.cff says."""
    about = yaml.safe_load(path.read_text(encoding="utf-8"))
    place = str(about.get("repository-code") or about.get("url") or "")
    return Workflow(
        name=str(about["title"]).partition(":")[0],
        version=str(about["version"]),
        reference=_reference(about, place),
        works=tuple(
            _reference(work, str(work.get("url", ""))) for work in about.get("references", ())
        ),
        place=place,
    )


def _reference(work: Mapping[str, Any], place: str) -> str:
    """As "Ada Byron, Emmy Noether: Title (2024), arXiv:1234.5678"."""
    authors = [
        author.get("name") or f"{author['given-names']} {author['family-names']}"
        for author in work["authors"]
    ]
    names = ", ".join(authors) if len(authors) <= AUTHORS else f"{authors[0]} et al."
    year = work.get("year") or str(work.get("date-released") or "")[:4]
    parts = [
        f"{names}: {work['title']}" + (f" ({year})" if year else ""),
        f"version {work['version']}" if "version" in work else "",
        *(str(each["value"]) for each in work.get("identifiers", ())),
        str(work.get("doi", "")),
        str(work.get("notes", "")),
        place,
    ]
    return ", ".join(part for part in parts if part)
