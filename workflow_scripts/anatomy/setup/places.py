"""What a block of the configuration says of SAEs must be there: a model, a hook point, a width.

A misspelt one would otherwise leave an exhibit out with a reason, as if it had been meant. What is spelt
right, but is of no SAE of the groups that the block names, stays for the block's plan to judge.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import Sae, at_sites
from workflow_scripts.anatomy.setup.configuration import meant, require_dissected

# Keys of a block that choose among the SAEs of its groups by their number of latents.
WIDTHS = ("width", "widths")


def check_places(config: dict[str, Any], saes: list[Sae], where: str, block: Any) -> None:
    """Check every place of a block, {model, site} and what else it has, at any depth.

    where: the path of the block, for messages. A place that also names groups (`saes`) and a width, or
    several, has to have SAEs of each.

    Raises
    ------
    AnatomyError: a model that is not there, a site that no analysis harvest of it holds, or a width that
        no SAE of the place has.
    """
    for path, place in _places(where, block):
        if place["model"] not in config["models"]:
            raise AnatomyError(
                f"config: {path}.model names {place['model']!r}, not in models"
                f"{meant(place['model'], config['models'])}"
            )
        require_dissected(config, f"{path}.site", place)
        for key in WIDTHS:
            asked = place.get(key)
            if asked is not None and "saes" in place:
                members = at_sites([sae for sae in saes if sae.group in place["saes"]], [place])
                widths = asked if isinstance(asked, list) else [asked]
                check_widths(f"{path}.{key}", widths, members)


def check_widths(where: str, widths: Sequence[int], members: Sequence[Sae]) -> None:
    """Every width must be that of an SAE, as far as theirs are known; without SAEs, nothing is judged.

    Raises
    ------
    AnatomyError: one is not.
    """
    known = {sae.width for sae in members}
    if not known or None in known:
        return
    for width in widths:
        if width not in known:
            there = ", ".join(str(each) for each in sorted(known, key=lambda each: each or 0))
            raise AnatomyError(
                f"config: {where} has {width}, but the SAEs of its groups at its site have {there} latents"
            )


def _places(where: str, block: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(block, dict):
        if isinstance(block.get("model"), str) and isinstance(block.get("site"), str):
            yield where, block
        for key, value in block.items():
            yield from _places(f"{where}.{key}", value)
    elif isinstance(block, list):
        for at, value in enumerate(block):
            yield from _places(f"{where}[{at}]", value)
