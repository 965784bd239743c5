"""Which SAE is set against other directions, and which are in the plane of FVU and L0."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workflow_scripts.anatomy.setup.catalogue import Sae, at_sites, nearest
from workflow_scripts.anatomy.setup.configuration import require_dissected
from workflow_scripts.anatomy.setup.plan import Plan


@dataclass(kw_only=True)
class InterpretableFeaturesPlan(Plan):
    """main: the SAE whose latents are compared; family: all SAEs of its site."""

    main: Sae
    family: list[Sae]


def references(block: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the block `interpretable_features` mentions by name: where, of which kind, and the name."""
    for name in block["saes"]:
        yield "saes", "saes", name
    yield "main.model", "models", block["main"]["model"]


def plan(config: dict[str, Any], saes: list[Sae]) -> InterpretableFeaturesPlan:
    """Assign the SAEs of a checked configuration to their roles.

    Raises
    ------
    AnatomyError: the groups have no SAE of a known width at `main`, or no analysis harvest holds it.
    """
    block = config["interpretable_features"]
    require_dissected(config, "interpretable_features.main", block["main"])
    members = [sae for sae in saes if sae.group in block["saes"]]
    asking = "interpretable_features.saes"
    main = nearest(members, block["main"], block["width"], block["target_l0"], asking)
    plan = InterpretableFeaturesPlan(main=main, family=at_sites(saes, [block["main"]]))
    if not block["erasure"]:
        plan.missing["erasure"] = "interpretable_features.erasure is not given"
    return plan
