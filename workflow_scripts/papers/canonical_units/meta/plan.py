"""Which meta-SAEs are trained, and on which directions: known before anything runs."""

from dataclasses import dataclass, fields
from math import log
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.architectures import ARCHITECTURES
from workflow_scripts.anatomy.setup.catalogue import Sae, at_sites, nearest_l0

# What takes the place of the decoder directions, as what the variance explained is judged by.
CONTROLS = ("same_covariance", "isotropic")
# SAEs of the run of up to so many times the meta-latents, or as many times fewer, are "of a similar
# dictionary size" (caption of Fig. 23); the nearest one is in any case.
SIMILAR = 2.0
# What tables say the L0 of a meta-SAE was set on: the threshold of BatchTopK is calibrated on the directions
# that the L0 is then counted on, JumpReLU is steered to it, and coefficients are chosen by it.
SAME_DIRECTIONS = "the same directions"


@dataclass(frozen=True)
class MetaSae:
    """One meta-SAE.

    part: what it is for: ``main``, ``all_latents``, ``control``, ``architecture``, ``width`` (of the SAE
        taken apart) or ``replaced`` (decoder directions, Fig. 23).
    sae: the SAE taken apart.
    rows: its ``decoder`` rows, or as many random ones: of the ``same_covariance``, or ``isotropic``.
    latents: rows of the ``firing`` latents, or of ``all``.
    no_more_than: SAEs; as many rows are drawn as the one of them with the fewest firing latents has.
        Empty takes all rows.
    coefficients: sparsity coefficients of which the one with an L0 nearest k is taken; empty where the
        architecture is given k.
    decoder: ``trained``; or directions that training leaves as they are: of the main meta-SAE of this
        seed (``none``); of the latents of `nearest` that are most like these (``nearest_<width>``), or of as
        many at random (``random_latents_<width>``); random ones of the rows' covariance
        (``same_covariance``), or isotropic ones (``random``).
    reference: the meta-SAE of this seed whose variance explained this one's is compared with, if any.
    """

    name: str
    part: str
    sae: Sae
    architecture: str
    rows: str
    latents: str
    width: int
    k: float
    learning_rates: tuple[float, ...]
    seed: int
    coefficients: tuple[float, ...] = ()
    no_more_than: tuple[Sae, ...] = ()
    decoder: str = "trained"
    nearest: Sae | None = None
    reference: str = ""

    def block(self, training: dict[str, Any]) -> dict[str, Any]:
        """All that making it depends on, for a rule's parameters; training: that of the configuration."""
        about = {each.name: getattr(self, each.name) for each in fields(self)}
        for name, value in about.items():
            if isinstance(value, Sae):
                about[name] = value.name
        about["no_more_than"] = [sae.name for sae in self.no_more_than]
        return about | {"model": self.sae.model, "site": self.sae.site, "training": training}


@dataclass(frozen=True)
class MetaPlan:
    """The SAE taken apart, the SAEs that its meta-latents are compared with, and all meta-SAEs.

    family: by ascending width, with the SAE taken apart; similar: those of them that are about as wide as
    the meta-SAE, the nearest first, without it; training: how all of them are trained.
    """

    taken_apart: Sae
    family: tuple[Sae, ...]
    similar: tuple[Sae, ...]
    trained: tuple[MetaSae, ...]
    training: dict[str, Any]

    @property
    def main(self) -> MetaSae:
        """BatchTopK on the decoder rows of the firing latents of the SAE taken apart, first seed."""
        return self.of("main")[0]

    def of(self, *parts: str) -> list[MetaSae]:
        """The meta-SAEs of some parts, in their order."""
        return [meta for meta in self.trained if meta.part in parts]

    def but(self, part: str) -> list[MetaSae]:
        """All others, in their order."""
        return [meta for meta in self.trained if meta.part != part]

    def blocks(self, *metas: MetaSae) -> list[dict[str, Any]]:
        """All that each of some meta-SAEs depends on."""
        return [meta.block(self.training) for meta in metas]

    @property
    def compared(self) -> list[MetaSae]:
        """Those of which figure 6 shows the meta-latents: the main ones, and their first control."""
        return [meta for meta in self.of("main", "control") if meta.rows != "isotropic"]


def meta_plan(block: dict[str, Any], saes: list[Sae]) -> MetaPlan:
    """The meta-SAEs that a block `canonical_units.meta` asks for.

    Raises
    ------
    AnatomyError: no SAE of known width at the site, none as wide as `width`, k above the meta width, or an
        architecture without what its sparsity is set by.
    """
    members = at_sites([sae for sae in saes if sae.group in block["saes"]], [block])
    family = [sae for sae in nearest_l0(members, block["target_l0"]) if sae.width]
    if not family:
        raise AnatomyError(
            f"config: canonical_units.meta.saes has no SAE of a known width at {block['site']} of "
            f"{block['model']}; name a group that has one"
        )
    widths = [sae.width or 0 for sae in family]
    width = block["width"] or widths[-1]
    if width not in widths:
        raise AnatomyError(
            f"config: canonical_units.meta.width is {width}, but its SAEs have {widths} latents; "
            "name one of these"
        )
    _check(block)
    apart = family[widths.index(width)]
    others = [sae for sae in family if sae is not apart]
    similar = _similar(others, block["meta_width"])
    trained = [
        meta
        for seed in block["seeds"]
        for meta in _of_seed(block, seed, apart, family, similar, seed == block["seeds"][0])
    ]
    return MetaPlan(apart, tuple(family), tuple(similar), tuple(trained), block["training"])


def _check(block: dict[str, Any]) -> None:
    if block["k"] > block["meta_width"]:
        raise AnatomyError(
            f"config: canonical_units.meta.k is {block['k']:g} of {block['meta_width']} "
            "meta-latents; lower k or raise meta_width"
        )
    if "standard" in block["architectures"] and not block["coefficients"]:
        raise AnatomyError(
            "config: canonical_units.meta.architectures has standard, which needs "
            "canonical_units.meta.coefficients to choose from"
        )
    if "topk" in block["architectures"] and block["k"] % 1:
        raise AnatomyError(
            f"config: canonical_units.meta.k is {block['k']:g}, and topk needs a whole number; give "
            "one, or leave topk out of canonical_units.meta.architectures"
        )


def _similar(saes: list[Sae], meta_width: int) -> list[Sae]:
    """Of some SAEs those of a similar dictionary size, the nearest first, at least one."""

    def ratio(sae: Sae) -> float:
        return abs(log((sae.width or 1) / meta_width))

    ordered = sorted(saes, key=ratio)
    return [sae for sae in ordered if sae is ordered[0] or ratio(sae) <= log(SIMILAR)]


def _of_seed(
    block: dict[str, Any], seed: int, apart: Sae, family: list[Sae], similar: list[Sae], first: bool
) -> list[MetaSae]:
    """The meta-SAEs of one seed."""
    rate = (block["training"]["learning_rate"],)
    rates = tuple(block["learning_rates"] or rate)

    def meta(name: str, part: str, **other: Any) -> MetaSae:
        about = {"sae": apart, "architecture": "batchtopk", "rows": "decoder", "latents": "firing"}
        about |= {"width": block["meta_width"], "k": block["k"], "learning_rates": rate}
        return MetaSae(f"{name}-s{seed}", part, seed=seed, **{**about, **other})

    found = [meta("main", "main")]
    found += [meta("all_latents", "all_latents", latents="all")] * first
    main = f"main-s{seed}"
    found += [meta(rows, "control", rows=rows, reference=main) for rows in CONTROLS]
    for name in block["architectures"]:
        by_coefficient = "k" not in ARCHITECTURES[name].takes
        own = {"coefficients": tuple(block["coefficients"])} if by_coefficient else {}
        about: dict[str, Any] = {"architecture": name, "learning_rates": rates, **own}
        if name != "batchtopk" and "batchtopk" in block["architectures"]:
            about["reference"] = f"batchtopk-s{seed}"
        found.append(meta(name, "architecture", **about))
    # As many rows a meta-latent at every width as the SAE taken apart has: a meta-SAE explains more of
    # fewer rows, whatever they are.
    narrow = max(1, round(block["meta_width"] * (family[0].width or 1) / (apart.width or 1)))
    if len(family) > 1 and block["k"] <= narrow:
        for sae in family:
            for rows in ("decoder", "same_covariance"):
                about = {"sae": sae, "no_more_than": tuple(family), "rows": rows, "width": narrow}
                if rows != "decoder":
                    about["reference"] = f"width{sae.width}-decoder-s{seed}"
                found.append(meta(f"width{sae.width}-{rows}", "width", **about))
    none = f"replaced-none-s{seed}"
    if similar:
        found.append(meta("replaced-none", "replaced", decoder="none"))
        for sae in similar:
            for kept in (f"nearest_{sae.width}", f"random_latents_{sae.width}"):
                about = {"decoder": kept, "nearest": sae, "reference": none}
                found.append(meta(f"replaced-{kept}", "replaced", **about))
        for kept in ("same_covariance", "random"):
            found.append(meta(f"replaced-{kept}", "replaced", decoder=kept, reference=none))
    return found
