"""Turn SAEs from elsewhere, released or in a local folder, into the canonical `Dictionary`."""

from typing import Any

import torch

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.saes.loading import TRAINING_FORMS, load_release, load_sae_lens
from workflow_scripts.anatomy.setup.architectures import check_readable
from workflow_scripts.anatomy.setup.normalisations import (
    SCALED,
    TOKEN_BY_TOKEN,
    check_normalisation,
)
from workflow_scripts.anatomy.setup.sae_metadata import read_metadata

# The activation function of what sae_lens loads, by its architecture.
SUPPORTED = {
    "standard": "relu",
    "topk": "topk",
    "jumprelu": "jumprelu",
    "gated": "jumprelu",
    **dict.fromkeys(TRAINING_FORMS, "jumprelu"),
}
# What TransformerLens's `center_writing_weights` changes: outputs that go to the residual stream.
CENTRED = ("hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out")


def import_sae(sae: dict[str, Any]) -> Dictionary:
    """Load the SAE that one block of the configuration means.

    Parameters
    ----------
    sae: `kind` pretrained (`release` and `id` of sae_lens; the hub's cache is enough) or local
        (`path` of a folder in sae_lens format), with name, model, site, of a release nominal_l0, and where
        the artefact does not say them `input_scale` and `center`.

    Raises
    ------
    AnatomyError: no such folder, a corrupted file, a release that cannot be fetched, or an
        architecture or normalisation that the canonical form has no place for.
    """
    if sae["kind"] == "local":
        found, source = load_sae_lens(sae["path"], sae["name"]), sae["path"]
    else:
        found, source = load_release(sae), f"{sae['release']}/{sae['id']}"
    metadata = {
        "name": sae["name"],
        "model": sae["model"],
        "site": sae["site"],
        # Of a folder what it says itself: what a configuration states may be corrected, and is no part of it.
        "nominal_l0": read_metadata(source).l0 if sae["kind"] == "local" else sae.get("nominal_l0"),
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

    Decoder norms (`rescale_acts_by_decoder_norm`) are folded into the weights, and a BatchTopK SAE of a
    checkpoint gets the threshold that stands for the batch. A gated SAE is a JumpReLU SAE: with
    u = x W_enc its latent is e^r u + b_mag where that is positive and u > -b_gate. Activations that are
    flattened by heads (hook_z) are what the harvest stores, so nothing is reshaped. Codes of an SAE that
    scales every token by itself are in units of the activations; see `Dictionary`.

    Parameters
    ----------
    input_scale: the factor its activations were multiplied by, for an SAE trained on normalised
        activations (`expected_average_only_in`) without it folded in.
    center: whether each token's mean is subtracted first; by default as sae_lens's own metadata
        say (`center_writing_weights`, at hook points of the residual stream; `layer_norm` everywhere).

    Raises
    ------
    AnatomyError: an architecture or a normalisation that the canonical form has no place for.
    """
    cfg, name = sae.cfg, metadata["name"]
    architecture = cfg.architecture()
    check_readable(architecture, name)
    normalisation = cfg.normalize_activations or "none"
    check_normalisation(normalisation, name)
    if normalisation == SCALED and input_scale is None:
        raise AnatomyError(
            f"{name}: it was trained on activations scaled to norm sqrt(d), and the factor is "
            "not folded into its weights; give it as input_scale (sqrt(d) / mean norm)"
        )
    W_enc, W_dec, b_dec = (_weight(sae, weight) for weight in ("W_enc", "W_dec", "b_dec"))
    threshold = None
    if architecture == "gated":
        stretch, b_enc = _weight(sae, "r_mag").exp(), _weight(sae, "b_mag")
        threshold = b_enc - stretch * _weight(sae, "b_gate")
        W_enc = W_enc * stretch
    else:
        b_enc = _weight(sae, "b_enc")
    if architecture == "jumprelu":
        threshold = _weight(sae, "threshold")
    elif architecture in TRAINING_FORMS:
        threshold = torch.full_like(b_enc, float(sae.topk_threshold))
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
        center = center or normalisation == "layer_norm"
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
        threshold=threshold,
        subtract_b_dec=bool(cfg.apply_b_dec_to_input),
        center=center,
        input_scale=float(input_scale or 1.0),
        normalisation=normalisation if normalisation in TOKEN_BY_TOKEN else "none",
        metadata=metadata,
    ).check(name)


def _weight(sae: Any, name: str) -> torch.Tensor:
    return getattr(sae, name).detach().float().clone()
