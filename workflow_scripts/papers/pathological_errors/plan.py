"""Whose errors are put into the model, and beside which others: known before anything runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.architectures import KNOWN
from workflow_scripts.anatomy.setup.catalogue import Sae, at_sites, layer_left, nearest_l0
from workflow_scripts.anatomy.setup.configuration import require_dissected
from workflow_scripts.anatomy.setup.plan import BRIEF, FULL, SWEEP, Effects, Plan

ATTENTION_SITES = ("attn.hook_z", "hook_attn_out")
COMPONENTS = ("linear_error", "nonlinear_error")
# What takes the place of a single position, besides Sae(x), with as many draws as the configuration says.
SINGLE_RANDOM = (
    "epsilon_random",
    "epsilon_random_norm",
    "cosine_random",
    "real_difference",
    "epsilon_errors",
)
SINGLE_FIXED = ("sae", "sae_norm_of_x", "x_norm_of_sae")


@dataclass(kw_only=True)
class PathologicalErrorsPlan(Plan):
    """layers: an SAE at each layer of the residual stream, the main one among them; attention: likewise of
    attention; compared: SAEs of the main site."""

    layers: list[Sae]
    main: Sae
    attention: list[Sae] = field(default_factory=list)
    compared: list[Sae] = field(default_factory=list)

    def of(self, *subjects: str, saes: list[Sae] | None = None) -> list[Effects]:
        """The stores of some subjects; `saes`: of these alone."""
        return [
            one
            for one in self.effects
            if one.subject in subjects and (saes is None or one.sae in saes)
        ]

    @property
    def parts(self) -> list[Effects]:
        """The stores of the main SAE and of the one that is stitched: as they are, and what is made of them."""
        stitched = self.of("stitched")
        whole = self.of("sae", saes=[self.main, *(one.sae for one in stitched)])
        return [*whole, *self.of(*COMPONENTS, "pursuit"), *stitched]


def references(block: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the block `pathological_errors` mentions by name: where, of which kind, and the name."""
    yield "main.model", "models", block["main"]["model"]
    for key in ("saes", "attention", "compared"):
        for name in block[key] or ():
            yield key, "saes", name


def plan(config: dict[str, Any], saes: list[Sae]) -> PathologicalErrorsPlan:
    """Choose the SAEs of a checked configuration, and what is measured of each.

    Raises
    ------
    AnatomyError: the main site is not in the residual stream, has no SAE of known width, or no analysis
        harvest; positions that its contexts do not have.
    """
    block = config["pathological_errors"]
    main = block["main"]
    require_dissected(config, "pathological_errors.main", main)
    if "resid" not in main["site"]:
        raise AnatomyError(
            f"config: pathological_errors.main.site is {main['site']}; give a site of the residual "
            "stream, and groups of attention SAEs under pathological_errors.attention"
        )
    _check_positions(config, block)
    of_model = [sae for sae in saes if sae.model == main["model"]]
    members = [s for s in of_model if s.group in block["saes"] and "hook_resid" in s.site]
    layers = _one_per_layer(members, block["target_l0"], main)
    chosen = at_sites(layers, [main])
    if not chosen:
        raise AnatomyError(
            f"config: pathological_errors.saes has no SAE of a known width at {main['site']} of "
            f"{main['model']} (pathological_errors.main); name a group that has one"
        )
    attention = [
        s
        for s in of_model
        if s.group in block["attention"] and s.site.split(".", 2)[2] in ATTENTION_SITES
    ]
    at_main = at_sites(of_model, [main])
    compared = [s for s in at_main if block["compared"] is None or s.group in block["compared"]]
    plan = PathologicalErrorsPlan(
        layers=layers,
        main=chosen[0],
        attention=_one_per_layer(attention, block["target_l0"], main),
        compared=[sae for sae in compared if sae.width is not None],
    )
    plan.decomposed = [plan.main]
    if not plan.attention:
        plan.missing["attention"] = (
            "pathological_errors.attention names no group with SAEs of hook_z or hook_attn_out"
        )
    if len({(sae.width, sae.nominal_l0) for sae in plan.compared}) < 2:
        plan.missing["by_width"] = "pathological_errors.compared has SAEs of one width and L0"
    if len({sae.architecture for sae in plan.compared}) < 2:
        plan.missing["by_architecture"] = (
            "pathological_errors.compared has SAEs of one architecture"
        )
    plan.effects = list(_effects(plan, block, members))
    return plan


def _effects(
    plan: PathologicalErrorsPlan, block: dict[str, Any], members: list[Sae]
) -> Iterator[Effects]:
    measured = partial(
        Effects,
        contexts=block["contexts"],
        first=block["first_position"],
        draws=block["draws"],
        sweep=block["sweep"],
        threshold=(block["stitched"] or {"threshold": 0})["threshold"],
    )
    full = [*plan.layers, *plan.attention]
    for sae in full:
        yield measured(sae, "sae", FULL)
    for sae in plan.compared:
        if sae not in full:
            yield measured(sae, "sae", BRIEF)
    for sae in plan.layers:
        yield measured(sae, "sweep", SWEEP)
    for subject in (*COMPONENTS, "pursuit"):
        yield measured(plan.main, subject, BRIEF)
    if block["stitched"]:
        small, large = _pair(block, members)
        yield measured(small, "stitched", BRIEF, wider=(large,))
        if small not in (*full, *plan.compared):
            yield measured(small, "sae", BRIEF)


def _pair(block: dict[str, Any], members: list[Sae]) -> list[Sae]:
    """The two SAEs of `stitched`."""
    at_main = nearest_l0(at_sites(members, [block["main"]]), block["target_l0"])
    found = []
    for width in block["stitched"]["widths"]:
        of_width = [sae for sae in at_main if sae.width == width]
        if not of_width:
            raise AnatomyError(
                f"config: pathological_errors.stitched.widths has {width}, and pathological_errors.saes "
                f"no SAE of that width at {block['main']['site']}"
            )
        found += of_width
    for sae in found:
        about = KNOWN.get(sae.architecture)
        if about is not None and about.saved_as == "topk":
            raise AnatomyError(
                f"config: pathological_errors.stitched: {sae.name} is a TopK SAE, whose latents compete "
                "and cannot be stitched; choose groups of another architecture, or null"
            )
    return found


def _one_per_layer(saes: list[Sae], target: float, main: dict[str, str]) -> list[Sae]:
    """At every layer the SAE nearest the target L0; of widths, the one that most layers have.

    Of two sites with the same activations, what leaves a layer and what enters the next, one counts: the
    main one, or else the first.
    """
    widths = sorted({sae.width for sae in saes if sae.width is not None})
    sites: dict[int, str] = {}
    for sae in saes:
        if layer_left(sae.site) not in sites or sae.site == main["site"]:
            sites[layer_left(sae.site)] = sae.site
    here = [sae for sae in saes if sae.site in sites.values()]
    layers_of = {w: len({s.site for s in here if s.width == w}) for w in widths}
    chosen = []
    for layer in sorted(sites):
        at_layer = nearest_l0([sae for sae in here if sae.site == sites[layer]], target)
        # The most frequent width that this layer has; of equals the narrower.
        chosen += sorted(at_layer, key=lambda sae: -layers_of[sae.width or 0])[:1]
    return chosen


def _check_positions(config: dict[str, Any], block: dict[str, Any]) -> None:
    harvests = {config["harvests"][name]["model"]: name for name in config["analysis"]["harvests"]}
    name = harvests[block["main"]["model"]]
    length = config["harvests"][name]["context_length"]
    single, pathology = block["single_token"], block["pathology"]
    wanted = {
        "single_token.position and the positions following": single["position"]
        + single["following"],
        "pathology.position": pathology["position"],
        "first_position": block["first_position"],
    }
    for key, last in wanted.items():
        if last >= length - 1:
            raise AnatomyError(
                f"config: pathological_errors.{key}: position {last} is not before the last of the "
                f"{length} of harvests.{name}; choose an earlier one"
            )


def single_position_draws(block: dict[str, Any], what: str) -> dict[str, int]:
    """How often each perturbation of a single position is drawn, for ``single_token`` or ``pathology``."""
    if what == "pathology":
        return {"sae": 1, "epsilon_random": block["pathology"]["draws"]}
    drawn = dict.fromkeys(SINGLE_RANDOM, block["draws"])
    return dict.fromkeys(SINGLE_FIXED, 1) | drawn
