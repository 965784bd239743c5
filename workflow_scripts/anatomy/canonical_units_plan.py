"""Which SAEs are stitched: chains of growing width at a site, and the pairs that begin them."""

from dataclasses import dataclass, field
from typing import Any

from workflow_scripts.anatomy.catalogue import Sae, family, nearest_l0

# What each figure stitches: (block of the configuration, whole chain or its first two SAEs).
STITCHED = {
    "fig4": ("main", "pair"),
    "fig5": ("main", "chain"),
    "fig10": ("main", "pair"),
    "fig11": ("main", "pair"),
    "fig14": ("main", "pair"),
    "fig15": ("main", "pair"),
    "fig16": ("main", "pair"),
    "fig17": ("main", "chain"),
    "fig18": ("main", "pair"),
    "fig20": ("main", "chain"),
    "fig21": ("second", "pair"),
    "fig22": ("second", "chain"),
}


@dataclass(frozen=True)
class Stitching:
    """SAEs of one site, ascending widths, and the cosine that separates novel latents (Eq. 6)."""

    model: str
    site: str
    saes: list[Sae]
    threshold: float


@dataclass
class CanonicalUnitsPlan:
    """stitchings: row -> what it stitches; missing: row -> why this run has no such figure."""

    stitchings: dict[str, Stitching] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def canonical_units_plan(config: dict[str, Any], saes: list[Sae]) -> CanonicalUnitsPlan:
    """Assign the SAEs of a checked configuration to the stitching figures."""
    plan = CanonicalUnitsPlan()
    block = config["canonical_units"]
    for row, (which, extent) in STITCHED.items():
        chosen = block and block[which]
        if not chosen:
            where = f"canonical_units.{which}" if block else "canonical_units"
            plan.missing[row] = f"{where} is not given"
            continue
        members = [sae for sae in saes if sae.group in chosen["saes"]]
        chain = nearest_l0(family(members, [chosen]), chosen["target_l0"])
        if len(chain) < 2:
            plan.missing[row] = f"canonical_units.{which} has no two widths to stitch"
            continue
        stitched = chain if extent == "chain" else chain[:2]
        plan.stitchings[row] = Stitching(
            chosen["model"], chosen["site"], stitched, chosen["threshold"]
        )
    return plan
