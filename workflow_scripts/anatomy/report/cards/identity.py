"""What an SAE is: from its file, its block of the configuration, and the model that it is of."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import digest_of_file
from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.setup.architectures import KNOWN


@dataclass(frozen=True)
class Who:
    """One SAE.

    model, site, sae: its name in a run. block: its block of the configuration. about: the header of its
    file (activation, k, metadata, ...). model_about: model.json of its model. alike: the name of the first
    group of SAEs that were trained as it was. digest: SHA-256 of its file. d: dimensions of its input.
    dtype: of its decoder. thresholds: the smallest, median and largest, where it has thresholds.
    """

    model: str
    site: str
    sae: str
    block: dict[str, Any]
    about: dict[str, Any]
    model_about: dict[str, Any]
    alike: str
    digest: str
    d: int
    dtype: str
    thresholds: tuple[float, float, float] | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The name of its files."""
        return slug(self.model, self.site, self.sae)

    @property
    def metadata(self) -> dict[str, Any]:
        """What its file says of it: architecture, width, nominal_l0, seed, source."""
        return self.about.get("metadata", {})

    @property
    def architecture(self) -> str:
        """What it was trained as."""
        return str(self.metadata.get("architecture") or self.block["architecture"] or "unknown")

    @property
    def architecture_label(self) -> str:
        """The same as figures have it."""
        known = KNOWN.get(self.architecture)
        return known.label if known else self.architecture

    @property
    def width(self) -> int:
        """Number of latents."""
        return int(self.metadata["width"])

    @property
    def family(self) -> tuple[Any, ...]:
        """The same for SAEs that differ in nothing but their seed."""
        sparsity = self.block.get("k", self.block.get("coefficient"))
        return (
            *(self.model, self.site, self.architecture, self.width),
            *(sparsity, self.block["nominal_l0"], self.alike),
        )


def read_who(
    block: dict[str, Any], alike: str, sae: str | Path, model_json: str | Path, harvest: str
) -> Who:
    """Read what an SAE is.

    Parameters
    ----------
    block: its block of the configuration. alike: see `Who`. sae: its canonical file; model_json: the
        description of its model. harvest: the one that it is judged on.

    Raises
    ------
    AnatomyError: the file has no description.
    """
    about = description(sae)
    if about is None:
        raise AnatomyError(
            f"{sae}: not a canonical SAE (no description); delete it and rerun the workflow"
        )
    d, dtype, thresholds = _tensors(sae)
    return Who(
        model=block["model"],
        site=block["site"],
        sae=block["name"],
        block=block,
        about=about,
        model_about=json.loads(Path(model_json).read_text()),
        alike=alike,
        digest=digest_of_file(sae),
        d=d,
        dtype=dtype,
        thresholds=thresholds,
        files={"sae": str(sae), "harvest": harvest},
    )


def _tensors(path: str | Path) -> tuple[int, str, tuple[float, float, float] | None]:
    """Dimensions, type of the numbers, and smallest, median and largest threshold, without torch."""
    import numpy as np
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        decoder = file.get_slice("W_dec")
        d, dtype = int(decoder.get_shape()[1]), str(decoder.get_dtype())
        if "threshold" not in file.keys():  # noqa: SIM118 (no mapping)
            return d, dtype, None
        found = np.asarray(file.get_tensor("threshold"), np.float64)
    return d, dtype, (float(found.min()), float(np.median(found)), float(found.max()))


def origin_of_threshold(who: Who) -> str:
    """What a latent has to exceed to be active, and where that comes from."""
    if who.about["activation"] == "topk":
        return f"none: the {who.about['k']} largest positive pre-activations of a token are active"
    if who.thresholds is None:
        return "0, as of every ReLU"
    low, median, high = who.thresholds
    same = f"{median:.4g}" if low == high else f"{median:.4g} (from {low:.4g} to {high:.4g})"
    if who.block["kind"] != "trained":
        return f"{same}, as its file gives it"
    if who.architecture in ("batchtopk", "matryoshka_batchtopk"):
        return f"{same}, set after training so that as many latents are active as in a batch"
    return f"{same}, learnt in training"


def loading(who: Who) -> list[str]:
    """Lines of Python that load the SAE."""
    own = [
        "from workflow_scripts.anatomy.saes.dictionary import load_dictionary",
        f"sae = load_dictionary({who.files['sae']!r})",
    ]
    match who.block["kind"]:
        case "trained":
            folder = str(Path(who.files["sae"]).parent / "sae_lens")
            theirs = [f"sae = SAE.load_from_disk({folder!r})"]
        case "pretrained":
            release, ident = who.block["release"], who.block["id"]
            theirs = [f"sae = SAE.from_pretrained({release!r}, {ident!r})"]
        case _:
            theirs = [f"sae = SAE.load_from_disk({who.block['path']!r})"]
    return [
        "from sae_lens import SAE",
        *theirs,
        "",
        "# or, in the canonical form of this run",
        *own,
    ]


def read_and_assumed(who: Who) -> list[str]:
    """What was read from the SAE's own files, and what was taken from elsewhere."""
    if who.block["kind"] == "trained":
        return ["Trained in this run: all of this is known from its training."]
    lines = [f"Read from {who.metadata.get('source')}: weights, architecture, activation function."]
    given = [key for key in ("input_scale", "center") if who.block.get(key) is not None]
    if given:
        lines.append(f"Given by the configuration: {', '.join(given)}.")
    else:
        scale, center = who.about["input_scale"], who.about["center"]
        assumed = f"input scale {scale:g}, tokens {'centred' if center else 'not centred'}"
        lines.append(f"Taken from its metadata, or where these are silent assumed: {assumed}.")
    if (own := who.about.get("normalisation", "none")) != "none":
        lines.append(
            f"It scales every token by itself ({own}); its activations are given in units of the tokens as "
            "they are, so that what a latent adds is its activation times its direction."
        )
    lines.append("Its training text and seed are not known here.")
    return lines
