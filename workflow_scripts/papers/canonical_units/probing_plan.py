"""Which SAEs are probed, and on which labelled sets."""

from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import Sae, at_sites, nearest_l0

PROBED = ("fig24", "fig25", "fig26")


def probing_plan(
    block: dict[str, Any] | None, labelled: dict[str, Any], saes: list[Sae]
) -> tuple[list[tuple[Sae, str]], dict[str, str]]:
    """The SAEs of the block `canonical_units.probing`, one of each width, with each of its sets.

    labelled: the configuration's block of that name. Returns them, sets outermost and widths ascending,
    and exhibit -> why a run has no such.

    Raises
    ------
    AnatomyError: two data sets of one name.
    """
    if not block:
        return [], dict.fromkeys(PROBED, "canonical_units.probing is not given")
    _check_names(block["sets"], labelled)
    members = at_sites([sae for sae in saes if sae.group in block["saes"]], [block])
    chain = nearest_l0(members, block["target_l0"])
    if block["widths"] is not None:
        chain = [sae for sae in chain if sae.width in block["widths"]]
    if not chain:
        why = f"canonical_units.probing has no SAE at {block['site']} of {block['model']}"
        return [], dict.fromkeys(PROBED, why)
    return [(sae, name) for name in block["sets"] for sae in chain], {}


def _check_names(entries: list[str], labelled: dict[str, Any]) -> None:
    """Labels of Python tokens are data sets of that name, and so are entries of other kinds."""
    owners: dict[str, str] = {}
    for entry in entries:
        for name in labelled[entry].get("labels", [entry]):
            if name in owners:
                raise AnatomyError(
                    f"config: canonical_units.probing.sets has two data sets {name}, of labelled."
                    f"{owners[name]} and labelled.{entry}; keep one, or give it another name"
                )
            owners[name] = entry
