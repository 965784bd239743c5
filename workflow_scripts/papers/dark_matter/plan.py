"""Which SAEs the figures of the dark-matter paper show, and which figures a configuration cannot have."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import (
    Sae,
    at_sites,
    layer_of,
    nearest,
    nearest_l0,
    nearest_per_layer,
    scales_tokens,
)
from workflow_scripts.anatomy.setup.configuration import require_dissected
from workflow_scripts.anatomy.setup.places import check_widths
from workflow_scripts.anatomy.setup.plan import Plan
from workflow_scripts.papers.dark_matter.measures.power_law import MIN_WIDTHS


@dataclass(kw_only=True)
class DarkMatterPlan(Plan):
    """The SAEs by the role they play.

    judged: the SAEs of figure 6, of dark_matter.saes and dark_matter.judged, or else all but those that
    are there for the circuit alone; family: those of dark_matter.saes; main: of them, those at
    dark_matter.main; scaling: of these, the one nearest target_l0 at every width; layers: one per
    layer; reference: the one of figures 8, 9b, 15 and section 5.2; of_reference_width: those of main
    that are as wide; circuit: by term of Eq. 16.
    """

    judged: list[Sae]
    family: list[Sae]
    main: list[Sae]
    scaling: list[Sae]
    layers: list[Sae]
    reference: Sae
    circuit: dict[str, Sae] = field(default_factory=dict)

    @property
    def of_reference_width(self) -> list[Sae]:
        return [sae for sae in self.main if sae.width == self.reference.width]


def references(block: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the block `dark_matter` mentions by name: where, of which kind, and the name."""
    for key in ("saes", "circuit", "judged"):
        for name in block[key] or ():
            yield key, "saes", name
    if block["error_saes"]:
        yield "error_saes.harvest", "harvests", block["error_saes"]["harvest"]
    yield "main.model", "models", block["main"]["model"]
    for figure, sites in block["contours"].items():
        for site in sites:
            yield f"contours.{figure}", "models", site["model"]


def plan(config: dict[str, Any], saes: list[Sae]) -> DarkMatterPlan:
    """Assign the SAEs of a checked configuration to their roles.

    Raises
    ------
    AnatomyError: dark_matter.saes has no SAE of known width at dark_matter.main, no analysis
        harvest holds that site, none of them has dark_matter.reference_width, or dark_matter.error_saes
        cannot be trained.
    """
    block = config["dark_matter"]
    require_dissected(config, "dark_matter.main", block["main"])
    _check_error_saes(config, block)
    target = block["target_l0"]
    members = [sae for sae in saes if sae.group in block["saes"]]
    main = at_sites(members, [block["main"]])
    scaling = nearest_l0(main, target)
    if not scaling:
        raise AnatomyError(
            f"config: dark_matter.saes has no SAE of a known width at {block['main']['site']} of "
            f"{block['main']['model']} (dark_matter.main); name a group that has one"
        )
    if block["reference_width"] is not None:
        check_widths("dark_matter.reference_width", [block["reference_width"]], main)
    width = block["reference_width"] or scaling[len(scaling) // 2].width or 0
    judged = {sae.group for sae in saes} - set(block["circuit"])
    if block["judged"] is not None:
        judged = set(block["judged"])
    plan = DarkMatterPlan(
        judged=[sae for sae in saes if sae.group in judged | set(block["saes"])],
        family=members,
        main=main,
        scaling=scaling,
        layers=nearest_per_layer(members, block["layer_target_l0"] or target),
        reference=nearest(members, block["main"], width, target),
    )
    plan.decomposed = plan.judged
    if len(scaling) < MIN_WIDTHS:
        for exhibit in ("fig1", "fig9a"):
            plan.missing[exhibit] = f"a power law needs {MIN_WIDTHS} widths at dark_matter.main"
    if len(scaling) < 2:
        for exhibit in ("fig4", "fig16"):
            plan.missing[exhibit] = "it compares SAEs of two widths at dark_matter.main"
    for exhibit, sites in block["contours"].items():
        if not sites:
            plan.missing[exhibit] = f"dark_matter.contours.{exhibit} is not given"
        elif not at_sites(members, sites):
            plan.missing[exhibit] = "dark_matter.saes has no SAE at its sites"
    if scales_tokens(plan.reference):
        plan.missing["fig15"] = f"{plan.reference.name} scales every token by itself"
    if not plan.layers:
        for exhibit in ("fig3", "fig13"):
            plan.missing[exhibit] = "dark_matter.saes has no SAE at a hook_resid_post"
    if not block["error_saes"]:
        for exhibit in ("sec5_2", "fig7"):
            plan.missing[exhibit] = "dark_matter.error_saes is not given"
    others = [sae for sae in saes if sae.group in block["circuit"]]
    try:
        plan.circuit = _circuit(members + others, block["main"], width, target)
    except AnatomyError as error:
        plan.missing["fig9b"] = str(error).removeprefix("config: ")
    if "resid" not in block["main"]["site"]:
        plan.missing["fig8"] = "dark_matter.main is not in the residual stream"
    else:
        shown = {sae.name: sae for sae in [*plan.scaling, *plan.of_reference_width]}
        plan.components_substituted = list(shown.values())
    return plan


def error_sae_block(block: dict[str, Any], component: str, seed: int) -> dict[str, Any]:
    """An SAE of section 5.2 as training wants it; block: `dark_matter` of the configuration."""
    errors = block["error_saes"]
    return {
        "name": f"{component}-s{seed}",
        "group": "error_saes",
        "kind": "trained",
        "model": block["main"]["model"],
        "site": block["main"]["site"],
        "architecture": "topk",
        "width": errors["width"],
        "nominal_l0": errors["k"],
        "seed": seed,
        "k": errors["k"],
        "training": errors["training"],
        "harvest": errors["harvest"],
    }


def _check_error_saes(config: dict[str, Any], block: dict[str, Any]) -> None:
    errors, main = block["error_saes"], block["main"]
    if not errors:
        return
    harvest = config["harvests"][errors["harvest"]]
    if harvest["model"] != main["model"] or main["site"] not in harvest["hook_points"]:
        raise AnatomyError(
            f"config: dark_matter.error_saes.harvest is {errors['harvest']}, which is not of the "
            "model of dark_matter.main or lacks its site; name one that has both"
        )
    if errors["k"] > errors["width"]:
        raise AnatomyError("config: dark_matter.error_saes.k is more than its width; lower it")


def _circuit(saes: list[Sae], main: dict[str, str], width: int, target: float) -> dict[str, Sae]:
    """The SAEs of the terms of Eq. 16: the residual stream at `main`, before it, MLP and attention."""
    stream = main["site"].rsplit(".", 1)[1]
    # The residual stream before layer 3 is that after layer 2, and made of layer 2's terms.
    layer = layer_of(main["site"]) - (stream == "hook_resid_pre")
    previous = layer - (stream == "hook_resid_post")
    sites = {
        "resid": main["site"],
        "resid_previous": f"blocks.{previous}.{stream}",
        "mlp_out": f"blocks.{layer}.hook_mlp_out",
        "attn_out": f"blocks.{layer}.hook_attn_out",
    }
    # Attention SAEs of some families, Gemma Scope's among them, are at z, before the projection.
    if not at_sites(saes, [{"model": main["model"], "site": sites["attn_out"]}]):
        sites["attn_out"] = f"blocks.{layer}.attn.hook_z"
    places = {name: {"model": main["model"], "site": site} for name, site in sites.items()}
    asking = "dark_matter.saes or dark_matter.circuit"
    return {name: nearest(saes, place, width, target, asking) for name, place in places.items()}
