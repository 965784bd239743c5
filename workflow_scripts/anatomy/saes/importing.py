"""Turn SAEs from elsewhere, released or in a local folder, into the canonical `Dictionary`."""

import json
import os
import warnings
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.setup.architectures import ARCHITECTURES

# What sae_lens's inference forms can be, with the activation function of each.
SUPPORTED = {
    about.saved_as: "relu" if about.saved_as == "standard" else about.saved_as
    for about in ARCHITECTURES.values()
}
# What TransformerLens's `center_writing_weights` changes: outputs that go to the residual stream.
CENTRED = ("hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out")


def import_sae(sae: dict[str, Any]) -> Dictionary:
    """Load the SAE that one block of the configuration means.

    Parameters
    ----------
    sae: `kind` pretrained (`release` and `id` of sae_lens; the hub's cache is enough) or local
        (`path` of a folder in sae_lens format), with name, model, site, nominal_l0, and where
        the artefact does not say them `input_scale` and `center`.

    Raises
    ------
    AnatomyError: no such folder, a corrupted file, a release that cannot be fetched, or an
        architecture or normalisation that the canonical form has no place for.
    """
    found = _local(sae) if sae["kind"] == "local" else _pretrained(sae)
    source = sae["path"] if sae["kind"] == "local" else f"{sae['release']}/{sae['id']}"
    metadata = {
        "name": sae["name"],
        "model": sae["model"],
        "site": sae["site"],
        "nominal_l0": sae.get("nominal_l0"),
        "seed": None,
        "source": source,
    }
    return canonical(found, metadata, sae.get("input_scale"), sae.get("center"))


def canonical(
    sae: Any,
    metadata: dict[str, Any],
    input_scale: float | None = None,
    center: bool | None = None,
) -> Dictionary:
    """The `Dictionary` with the same codes and reconstructions as a sae_lens inference SAE.

    Decoder norms (`rescale_acts_by_decoder_norm`) are folded into the weights. Activations that
    are flattened by heads (hook_z) are what the harvest stores, so nothing is reshaped.

    Parameters
    ----------
    input_scale: the factor its activations were multiplied by, for an SAE trained on normalised
        activations (`expected_average_only_in`) without it folded in.
    center: whether each token's mean is subtracted first; by default as sae_lens's own metadata
        say (`center_writing_weights`, at hook points of the residual stream).

    Raises
    ------
    AnatomyError: an architecture or a normalisation that the canonical form has no place for.
    """
    cfg, name = sae.cfg, metadata["name"]
    architecture = cfg.architecture()
    if architecture not in SUPPORTED:
        raise AnatomyError(
            f"{name}: architecture {architecture} is not supported; those that are: "
            f"{', '.join(SUPPORTED)} (batchtopk SAEs are saved as jumprelu)"
        )
    normalisation = cfg.normalize_activations or "none"
    if normalisation == "expected_average_only_in":
        if input_scale is None:
            raise AnatomyError(
                f"{name}: it was trained on activations scaled to norm sqrt(d), and the factor is "
                "not folded into its weights; give it as input_scale (sqrt(d) / mean norm)"
            )
    elif normalisation != "none":
        raise AnatomyError(
            f"{name}: it normalises every token by itself ({normalisation}), which is not "
            "supported; those that are: none, expected_average_only_in"
        )
    W_enc, b_enc, W_dec, b_dec = (
        getattr(sae, weight).detach().float().clone()
        for weight in ("W_enc", "b_enc", "W_dec", "b_dec")
    )
    if getattr(cfg, "rescale_acts_by_decoder_norm", False):
        norms = W_dec.norm(dim=-1)
        # A latent whose decoder row is zero adds nothing, and times its norm it never fires.
        lengths = torch.where(norms > 0, norms, 1.0)
        W_enc, b_enc, W_dec = W_enc * norms, b_enc * norms, W_dec / lengths[:, None]
    about = cfg.metadata
    if center is None:
        kwargs = about.get("model_from_pretrained_kwargs") or {}
        hook_point = str(about.get("hook_name") or metadata.get("site"))
        center = bool(kwargs.get("center_writing_weights")) and hook_point.endswith(CENTRED)
    metadata = {
        **metadata,
        "architecture": about.get("training_architecture") or architecture,
        "width": W_enc.shape[1],
    }
    return Dictionary(
        W_enc,
        b_enc,
        W_dec,
        b_dec,
        activation=SUPPORTED[architecture],
        k=int(cfg.k) if architecture == "topk" else None,
        threshold=sae.threshold.detach().float().clone() if architecture == "jumprelu" else None,
        subtract_b_dec=bool(cfg.apply_b_dec_to_input),
        center=center,
        input_scale=float(input_scale or 1.0),
        metadata=metadata,
    ).check(name)


def load_sae_lens(folder: str | Path, name: str) -> Any:
    """Load an inference SAE from a folder in sae_lens format (cfg.json, sae_weights.safetensors).

    Raises
    ------
    AnatomyError: the folder or one of the two files is missing, corrupted, or of an architecture
        that sae_lens does not know.
    """
    folder = Path(folder)
    for file in ("cfg.json", "sae_weights.safetensors"):
        if not (folder / file).is_file():
            raise AnatomyError(
                f"{name}: {folder / file} does not exist; saes.path has to name a folder in "
                "sae_lens format, with cfg.json and sae_weights.safetensors"
            )
    try:
        architecture = json.loads((folder / "cfg.json").read_text()).get("architecture")
    except json.JSONDecodeError as error:
        raise AnatomyError(f"{name}: {folder / 'cfg.json'} is not JSON ({error})") from None
    if architecture == "gated":
        raise AnatomyError(
            f"{name}: architecture gated is not supported; those that are: {', '.join(SUPPORTED)}"
        )
    import_quietly()
    from sae_lens import SAE
    from safetensors import SafetensorError

    try:
        with warnings.catch_warnings(action="ignore"):
            return SAE.load_from_disk(folder, device="cpu", dtype="float32")
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise AnatomyError(
            f"{name}: sae_lens cannot load {folder}, its files are corrupted or of another format "
            f"({one_line(error)})"
        ) from error


def _local(sae: dict[str, Any]) -> Any:
    return load_sae_lens(sae["path"], sae["name"])


def _pretrained(sae: dict[str, Any]) -> Any:
    from workflow_scripts.anatomy.setup.releases import model_kwargs, pretrained_specs

    # An unknown release or id is found here in a second, before sae_lens is imported.
    pretrained_specs(sae["release"], [sae["id"]])
    import_quietly()
    from sae_lens import SAE

    try:
        with warnings.catch_warnings(action="ignore"):
            found = SAE.from_pretrained(sae["release"], sae["id"], device="cpu")
    # What a download can raise is the hub client's, the network's and the file system's.
    except Exception as error:
        raise AnatomyError(
            f"{sae['name']}: {sae['id']} of {sae['release']} cannot be loaded "
            f"({one_line(error)}); check the network, or fill the Hugging Face cache beforehand"
        ) from error
    # Where the release's own config is in sae_lens 6's format, the registry's word is lost there.
    if kwargs := model_kwargs(sae["release"]):
        found.cfg.metadata.model_from_pretrained_kwargs = kwargs
    return found


def import_quietly() -> None:
    """Call before importing sae_lens: it brings wandb and tqdm, which shall stay silent."""
    os.environ["WANDB_MODE"] = "disabled"
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("TQDM_DISABLE", "1")
