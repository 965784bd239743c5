"""What sae_lens's registry of releases says about pretrained SAEs, read without importing sae_lens.

The registry is a file inside the package, so widths, L0s and hook points are known while the
workflow is planned, offline.
"""

import importlib.util
import re
from functools import cache
from math import log2
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean

LLAMA_SITES = {"r": "hook_resid_post", "m": "hook_mlp_out", "a": "hook_attn_out"}
LLAMA_WIDTH = 4096
GEMMA_SITES = {"res": "hook_resid_post", "mlp": "hook_mlp_out", "att": "attn.hook_z"}


def pretrained_specs(release: str, ids: list[str]) -> list[dict[str, Any]]:
    """What is known of some SAEs of a release: id, site, width, l0, model (sae_lens's name).

    width and l0 are None where neither the registry nor the id says them.

    Raises
    ------
    AnatomyError: no such release or id (it names the nearest ones), or an id from which no hook
        point can be read.
    """
    releases = _registry()
    if release not in releases:
        raise AnatomyError(
            f"saes.release: sae_lens knows no release {release}{did_you_mean(release, releases, 3, 0.3)}"
        )
    about = releases[release]
    known = {str(sae["id"]): sae for sae in about["saes"]}
    specs = []
    for sae_id in ids:
        if sae_id not in known:
            nearest = did_you_mean(sae_id, known, 3, 0.3)
            raise AnatomyError(f"saes.ids: release {release} has no SAE {sae_id}{nearest}")
        sae = known[sae_id]
        l0 = sae.get("l0") or _number(r"average_l0_(\d+)", f"{sae_id} {sae['path']}")
        specs.append(
            {
                "id": sae_id,
                "site": _site(release, sae_id),
                "width": _width(sae_id, str(sae["path"])),
                "l0": None if l0 is None else float(l0),
                "model": about["model"],
            }
        )
    return specs


def model_kwargs(release: str) -> dict[str, Any]:
    """How the model has to be loaded for a release, in TransformerLens's terms."""
    overrides = _registry()[release].get("config_overrides") or {}
    return overrides.get("model_from_pretrained_kwargs") or {}


def _site(release: str, sae_id: str) -> str:
    if found := re.match(r"(blocks\.\d+)\.hook_z$", sae_id):
        return f"{found[1]}.attn.hook_z"
    if found := re.match(r"(blocks\.\d+\.(?:attn\.|mlp\.)?hook_[a-z_]+[a-z])(_\d+)?$", sae_id):
        return found[1]
    if found := re.match(r"l(\d+)([rma])_\d+x$", sae_id):
        return f"blocks.{found[1]}.{LLAMA_SITES[found[2]]}"
    kind = re.search(r"-(res|mlp|att)(-|$)", release)
    if (found := re.match(r"layer_(\d+)[/_]", sae_id)) and kind:
        return f"blocks.{found[1]}.{GEMMA_SITES[kind[1]]}"
    raise AnatomyError(
        f"saes.ids: no hook point can be read from {sae_id} of release {release}; set saes.site"
    )


def _width(sae_id: str, path: str) -> int | None:
    if found := re.search(r"width_(\d+)(k|m)", sae_id):
        # 16k, 65k and 1m stand for powers of two.
        exact = int(found[1]) * {"k": 1000, "m": 1_000_000}[found[2]]
        return 2 ** round(log2(exact))
    if found := re.match(r"l\d+[rma]_(\d+)x$", sae_id):
        return LLAMA_WIDTH * int(found[1])
    width = _number(r"hook_[a-z_]+_(\d+)$", sae_id) or _number(r"_ds(\d+)_", path)
    return width or (24576 if re.match(r"blocks\.\d+\.hook_resid_(pre|post)$", sae_id) else None)


def _number(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text)
    return int(found[1]) if found else None


@cache
def _registry() -> dict[str, Any]:
    import yaml

    package = importlib.util.find_spec("sae_lens")
    if package is None or package.origin is None:
        raise AnatomyError("sae_lens is not installed; pretrained SAEs need it (see envs/)")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with open(Path(package.origin).parent / "pretrained_saes.yaml") as file:
        return yaml.load(file, Loader=loader)
