"""Which SAEs the figures of the dark-matter paper show, and which figures a configuration cannot have."""

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
)
from workflow_scripts.papers.dark_matter.measures.power_law import MIN_WIDTHS


@dataclass
class DarkMatterPlan:
    """The SAEs by the role they play.

    judged: the SAEs of figure 6, of dark_matter.saes and dark_matter.judged, or else all but those that
    are there for the circuit alone; family: those of dark_matter.saes; main: of them, those at
    dark_matter.main; scaling: of these, the one nearest target_l0 at every width; layers: one per
    layer; reference: the one of figures 8, 9b, 15 and section 5.2; circuit: by term of Eq. 16;
    missing: row -> why this run has no such figure.
    """

    judged: list[Sae]
    family: list[Sae]
    main: list[Sae]
    scaling: list[Sae]
    layers: list[Sae]
    reference: Sae
    circuit: dict[str, Sae] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def dark_matter_plan(config: dict[str, Any], saes: list[Sae]) -> DarkMatterPlan:
    """Assign the SAEs of a checked configuration to their roles.

    Raises
    ------
    AnatomyError: dark_matter.saes has no SAE with known width and L0 at dark_matter.main.
    """
    block = config["dark_matter"]
    target = block["target_l0"]
    members = [sae for sae in saes if sae.group in block["saes"]]
    main = at_sites(members, [block["main"]])
    scaling = nearest_l0(main, target)
    if not scaling:
        raise AnatomyError(
            f"config: dark_matter.saes has no SAE with a known width and L0 at {block['main']['site']} of "
            f"{block['main']['model']} (dark_matter.main); name a group that has, and give local SAEs their l0"
        )
    width = block["reference_width"] or scaling[len(scaling) // 2].width or 0
    judged = {sae.group for sae in saes} - set(block["circuit"])
    if block["judged"] is not None:
        judged = set(block["judged"])
    plan = DarkMatterPlan(
        [sae for sae in saes if sae.group in judged | set(block["saes"])],
        members,
        main,
        scaling,
        nearest_per_layer(members, block["layer_target_l0"] or target),
        nearest(members, block["main"], width, target),
    )
    if len(scaling) < MIN_WIDTHS:
        for row in ("fig1", "fig9a"):
            plan.missing[row] = f"a power law needs {MIN_WIDTHS} widths at dark_matter.main"
    if len(scaling) < 2:
        for row in ("fig4", "fig16"):
            plan.missing[row] = "it compares SAEs of two widths at dark_matter.main"
    for row, sites in block["contours"].items():
        if not at_sites(members, sites):
            plan.missing[row] = "dark_matter.saes has no SAE at its sites"
    if not plan.layers:
        for row in ("fig3", "fig13"):
            plan.missing[row] = "dark_matter.saes has no SAE at a hook_resid_post"
    if not block["error_saes"]:
        for row in ("sec5_2", "fig7"):
            plan.missing[row] = "dark_matter.error_saes is not given"
    others = [sae for sae in saes if sae.group in block["circuit"]]
    try:
        plan.circuit = _circuit(members + others, block["main"], width, target)
    except AnatomyError as error:
        plan.missing["fig9b"] = str(error).removeprefix("config: ")
    if "resid" not in block["main"]["site"]:
        plan.missing["fig8"] = "dark_matter.main is not in the residual stream"
    return plan


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
    return {name: nearest(saes, place, width, target) for name, place in places.items()}
