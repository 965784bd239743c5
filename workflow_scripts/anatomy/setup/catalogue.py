"""Which SAEs a configuration means, and which of them a figure shows; known before anything runs."""

import json
from dataclasses import asdict, dataclass
from math import inf, log
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.names import number_in_name
from workflow_scripts.anatomy.setup.normalisations import TOKEN_BY_TOKEN
from workflow_scripts.anatomy.setup.sae_metadata import left_of, read_metadata

# What an SAE's options say of how it was trained; the others tell it from those trained alike.
TRAINING = ("training", "harvest", "release")


@dataclass(frozen=True)
class Sae:
    """One SAE of the configuration.

    ``nominal_l0`` is what its configuration or its release says (k, or the L0 in its name), or None;
    tables report the measured one.
    """

    name: str
    group: str
    kind: str
    model: str
    site: str
    architecture: str
    width: int | None
    nominal_l0: float | None
    seed: int
    options: tuple[tuple[str, Any], ...]

    def block(self) -> dict[str, Any]:
        """Everything that making this SAE depends on, as one dictionary for a rule's parameters."""
        block = asdict(self)
        del block["options"]
        return block | dict(self.options)


def catalogue(config: dict[str, Any]) -> list[Sae]:
    """All SAEs of a checked configuration, in its order.

    Raises
    ------
    AnatomyError: two SAEs of one site bear one name, or a release is unknown.
    """
    found = [sae for name, group in config["saes"].items() for sae in _group(config, name, group)]
    seen = set()
    for sae in found:
        key = (sae.model, sae.site, sae.name)
        if key in seen:
            raise AnatomyError(f"config: saes.{sae.group} makes {sae.name} at {sae.site} twice")
        seen.add(key)
    return found


def _group(config: dict, name: str, group: dict) -> list[Sae]:
    match group["kind"]:
        case "trained":
            return _trained(config, name, group)
        case "local":
            options = (("path", group["path"]), *_as_trained(group))
            return [
                Sae(
                    name=name,
                    group=name,
                    kind="local",
                    model=group["model"],
                    site=group["site"],
                    architecture="",
                    width=read_metadata(group["path"]).width,
                    nominal_l0=group["l0"],
                    seed=0,
                    options=options,
                )
            ]
    from workflow_scripts.anatomy.setup.releases import pretrained_specs

    saes = []
    for spec in pretrained_specs(group["release"], group["ids"]):
        options = (("release", group["release"]), ("id", spec["id"]), *_as_trained(group))
        site = group["site"] or spec["site"]
        label = f"{name}-{spec['id'].replace('/', '-')}"
        saes.append(
            Sae(
                name=label,
                group=name,
                kind="pretrained",
                model=group["model"],
                site=site,
                architecture="",
                width=spec["width"],
                nominal_l0=spec["l0"],
                seed=0,
                options=options,
            )
        )
    return saes


def scales_tokens(sae: Sae) -> bool:
    """Whether an SAE is known to scale every token by itself, so that it has no one decoder bias."""
    path = dict(sae.options).get("path")
    return path is not None and read_metadata(path).normalisation in TOKEN_BY_TOKEN


def _as_trained(group: dict) -> tuple[tuple[str, Any], ...]:
    """What is said of how an imported SAE saw its activations; nothing said leaves it to the release."""
    return tuple((key, group[key]) for key in ("input_scale", "center") if group[key] is not None)


def _trained(config: dict, name: str, group: dict) -> list[Sae]:
    model = config["harvests"][group["harvest"]]["model"]
    letter = "k" if "k" in group else "c"
    saes = []
    for site in group["sites"]:
        for width in group["widths"]:
            for sparsity in group.get("k") or group["coefficients"]:
                for seed in group["seeds"] or [config["seed"]]:
                    sparsity_option = ("k" if letter == "k" else "coefficient", sparsity)
                    options = (
                        sparsity_option,
                        ("training", group["training"]),
                        ("harvest", group["harvest"]),
                    )
                    saes.append(
                        Sae(
                            name=f"{name}-w{width}-{letter}{number_in_name(sparsity)}-s{seed}",
                            group=name,
                            kind="trained",
                            model=model,
                            site=site,
                            architecture=group["architecture"],
                            width=width,
                            nominal_l0=sparsity if letter == "k" else None,
                            seed=seed,
                            options=options,
                        )
                    )
    return saes


def trained_alike(saes: list[Sae]) -> list[str]:
    """For every SAE the first group whose SAEs were trained as it was: the same but for what tells them apart.

    That is size, sparsity, site, seed and architecture. Of imported SAEs their release is all that is
    known, and of local ones nothing.
    """
    first: dict[tuple[str, str], str] = {}
    known = [{key: dict(sae.options).get(key) for key in TRAINING} for sae in saes]
    keys = [
        (sae.kind, json.dumps(each, sort_keys=True)) for sae, each in zip(saes, known, strict=True)
    ]
    return [first.setdefault(key, sae.group) for key, sae in zip(keys, saes, strict=True)]


def _from_l0(sae: Sae, target: float) -> float:
    """How far the nominal L0 of an SAE is from a target; infinitely where it has none."""
    return abs(sae.nominal_l0 - target) if sae.nominal_l0 is not None else inf


def nearest_l0(saes: list[Sae], target: float) -> list[Sae]:
    """At every width, the SAE whose nominal L0 is nearest `target`; ascending widths, first seed.

    SAEs without a nominal L0, such as those trained at a coefficient, come last: one is taken where a
    width has no other.
    """
    chosen: dict[int, Sae] = {}
    for sae in saes:
        if sae.width is None:
            continue
        best = chosen.get(sae.width)
        if best is None or _from_l0(sae, target) < _from_l0(best, target):
            chosen[sae.width] = sae
    return [chosen[width] for width in sorted(chosen)]


def layer_of(site: str) -> int:
    """Layer of a hook point: 12 of blocks.12.hook_resid_post."""
    return int(site.split(".")[1])


def layer_left(site: str) -> int:
    """The layer whose output a site is: what enters layer 8 leaves layer 7."""
    return layer_of(left_of(site))


def at_sites(saes: list[Sae], sites: list[dict[str, str]]) -> list[Sae]:
    """The SAEs at some sites, each {model, site}, in the order of the sites."""
    wanted = [(each["model"], each["site"]) for each in sites]
    return [sae for site in wanted for sae in saes if (sae.model, sae.site) == site]


def nearest_per_layer(saes: list[Sae], target: float) -> list[Sae]:
    """At every residual-stream layer of every model, the SAE with nominal L0 nearest `target`.

    One without a nominal L0 is taken where a layer has no other. Among equals the width that most layers
    have is preferred, so that a line compares like with like.
    """
    candidates = [sae for sae in saes if sae.site.endswith("hook_resid_post")]
    sites: dict[int | None, set[str]] = {}
    for sae in candidates:
        sites.setdefault(sae.width, set()).add(sae.site)

    def rank(sae: Sae) -> tuple[float, int, int]:
        return (_from_l0(sae, target), -len(sites[sae.width]), sae.width or 0)

    chosen: dict[tuple[str, int], Sae] = {}
    for sae in candidates:
        key = (sae.model, layer_of(sae.site))
        if key not in chosen or rank(sae) < rank(chosen[key]):
            chosen[key] = sae
    return [chosen[key] for key in sorted(chosen)]


def nearest(
    saes: list[Sae],
    site: dict[str, str],
    width: int,
    target: float,
    asking: str = "the configuration",
) -> Sae:
    """The SAE of a site nearest `width` (as a ratio), and of those the one nearest the L0 `target`.

    asking: the key of the configuration that wants it, for the message.

    Raises
    ------
    AnatomyError: no SAE of the site has a known width.
    """
    known = [
        (abs(log(sae.width / width)), _from_l0(sae, target), at, sae)
        for at, sae in enumerate(at_sites(saes, [site]))
        if sae.width is not None
    ]
    if not known:
        raise AnatomyError(
            f"config: no SAE of a known width at {site['site']} of {site['model']}, which {asking} asks "
            f"for; add a group to saes, and its name to {asking}"
        )
    return min(known)[-1]
