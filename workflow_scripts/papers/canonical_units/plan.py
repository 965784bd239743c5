"""Which SAEs are stitched, and which are compared: known before anything runs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workflow_scripts.anatomy.setup.catalogue import Sae, at_sites, nearest_l0, scales_tokens
from workflow_scripts.anatomy.setup.plan import Plan
from workflow_scripts.papers.canonical_units.meta.plan import MetaPlan, meta_plan
from workflow_scripts.papers.canonical_units.probing_plan import probing_plan

# What each figure stitches: (block of the configuration, whole chain or its first two SAEs).
STITCHED = {
    "fig4": ("main", "pair"),
    "fig5": ("main", "chain"),
    "fig10": ("main", "pair"),
    "fig11": ("main", "pair"),
    "fig12": ("main", "pair"),
    "fig13": ("main", "pair"),
    "fig14": ("main", "pair"),
    "fig15": ("main", "pair"),
    "fig16": ("main", "pair"),
    "fig17": ("main", "chain"),
    "fig18": ("main", "pair"),
    "fig19": ("main", "chain"),
    "fig20": ("main", "chain"),
    "fig21": ("second", "pair"),
    "fig22": ("second", "chain"),
}

# What each figure compares: (block of the configuration, SAEs of the block's width or of its L0, or
# those of both).
COMPARED = {
    "fig7": ("comparison", "either"),
    "fig8": ("second_comparison", "either"),
    "fig9": ("comparison", "both"),
}

# The exhibits about explanations of meta-latents.
EXPLAINED = ("table1", "fig1", "mcq")
# The figures about meta-SAEs.
META = ("meta_sae", "fig6", "fig23")


@dataclass(frozen=True)
class Stitching:
    """SAEs of one site, ascending widths, and the cosine that separates novel latents (Eq. 6)."""

    model: str
    site: str
    saes: list[Sae]
    threshold: float


@dataclass
class CanonicalUnitsPlan(Plan):
    """The SAEs by the role they play.

    stitchings: figure -> what it stitches; comparisons: figure -> SAEs of several architectures; seeds:
    those of `main`, or else of `comparison`, that differ in nothing but their seed, or none; meta: the
    meta-SAEs, or None where there are none.
    """

    stitchings: dict[str, Stitching] = field(default_factory=dict)
    comparisons: dict[str, list[Sae]] = field(default_factory=dict)
    seeds: list[Sae] = field(default_factory=list)
    meta: MetaPlan | None = None


def references(block: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the block `canonical_units` mentions by name: where, of which kind, and the name."""
    for key, part in block.items():
        for name in (part or {}).get("saes", ()):
            yield f"{key}.saes", "saes", name
    for name in (block["probing"] or {}).get("sets", ()):
        yield "probing.sets", "labelled", name


def plan(config: dict[str, Any], saes: list[Sae]) -> CanonicalUnitsPlan:
    """Assign the SAEs of a checked configuration to the figures. Table 2 is about all of them."""
    plan = CanonicalUnitsPlan()
    block = config["canonical_units"]
    if not block["toy"]:
        plan.missing["fig2"] = _not_given("toy")
    _compare(plan, block, saes)
    _take_apart(plan, block["meta"], saes)
    plan.probed, without = probing_plan(block["probing"], config["labelled"], saes)
    plan.missing |= without
    for exhibit, (which, extent) in STITCHED.items():
        chosen = block[which]
        if not chosen:
            plan.missing[exhibit] = _not_given(which)
            continue
        members = at_sites([sae for sae in saes if sae.group in chosen["saes"]], [chosen])
        own = [sae.name for sae in members if scales_tokens(sae)]
        members = [sae for sae in members if sae.name not in own]
        chain = nearest_l0(members, chosen["target_l0"])
        if chosen["widths"] is not None:
            chain = [sae for sae in chain if sae.width in chosen["widths"]]
        if exhibit == "fig19":
            plan.seeds = _seeds(plan, chain, members)
        if len(chain) < 2:
            why = f"; {', '.join(own)} scale every token by themselves" if own else ""
            plan.missing[exhibit] = f"canonical_units.{which} has no two widths to stitch{why}"
            continue
        stitched = chain if extent == "chain" else chain[:2]
        plan.stitchings[exhibit] = Stitching(
            chosen["model"], chosen["site"], stitched, chosen["threshold"]
        )
    return plan


def _not_given(key: str) -> str:
    return f"canonical_units.{key} is not given"


def _take_apart(plan: CanonicalUnitsPlan, block: dict[str, Any] | None, saes: list[Sae]) -> None:
    """Plan the meta-SAEs, where there is a block for them."""
    if not block:
        plan.missing |= dict.fromkeys((*META, *EXPLAINED), _not_given("meta"))
        return
    plan.meta = meta_plan(block, saes)
    if not plan.meta.similar:
        plan.missing["fig23"] = "canonical_units.meta.saes has no SAE beside the one taken apart"


def _compare(plan: CanonicalUnitsPlan, block: dict[str, Any], saes: list[Sae]) -> None:
    """Assign SAEs to the figures that compare architectures."""
    for exhibit, (which, wanted) in COMPARED.items():
        chosen = block[which]
        if not chosen:
            plan.missing[exhibit] = _not_given(which)
            continue
        members = at_sites([sae for sae in saes if sae.group in chosen["saes"]], [chosen])
        known = [sae for sae in members if sae.nominal_l0 is not None and sae.width is not None]
        both = [s for s in known if s.width == chosen["width"] and s.nominal_l0 == chosen["k"]]
        either = [s for s in known if s.width == chosen["width"] or s.nominal_l0 == chosen["k"]]
        plan.comparisons[exhibit] = both if wanted == "both" else either
        if not plan.comparisons[exhibit]:
            del plan.comparisons[exhibit]
            word = "and" if wanted == "both" else "or"
            plan.missing[exhibit] = (
                f"canonical_units.{which} has no SAE of width {chosen['width']} {word} with L0 "
                f"{chosen['k']:g} at {chosen['site']}"
            )


def _seeds(plan: CanonicalUnitsPlan, chain: list[Sae], members: list[Sae]) -> list[Sae]:
    """SAEs that differ in nothing but their seed from the narrowest SAE of a chain that has such.

    Figure 19 compares what the other figures stitch; where there is but one seed, it compares the SAEs
    of figure 9.
    """
    for sae in chain:
        alike = [other for other in members if _without_seed(other) == _without_seed(sae)]
        if len(alike) > 1:
            return alike
    return _compared_seeds(plan.comparisons.get("fig9", []))


def _without_seed(sae: Sae) -> tuple[Any, ...]:
    coefficient = dict(sae.options).get("coefficient")
    return sae.architecture, sae.width, sae.nominal_l0, coefficient


def _compared_seeds(saes: list[Sae]) -> list[Sae]:
    """Of SAEs of one width and L0, those of one architecture: BatchTopK, or the most frequent one."""
    if not saes:
        return []
    counts = Counter(sae.architecture for sae in saes)
    architecture = "batchtopk" if "batchtopk" in counts else counts.most_common(1)[0][0]
    seeds = [sae for sae in saes if sae.architecture == architecture]
    # A single one has nothing to be compared with.
    return seeds if len(seeds) > 1 else []
