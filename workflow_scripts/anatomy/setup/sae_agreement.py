"""Whether the configuration says of an SAE what its own metadata says; looked at before anything runs."""

from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.architectures import check_readable
from workflow_scripts.anatomy.setup.filling import IMPORTED
from workflow_scripts.anatomy.setup.model_settings import model_names, model_sizes
from workflow_scripts.anatomy.setup.normalisations import (
    SCALED,
    TOKEN_BY_TOKEN,
    check_normalisation,
)
from workflow_scripts.anatomy.setup.sae_metadata import (
    SaeMetadata,
    metadata_of,
    same_model,
    same_place,
    weights_shape,
)

# Hook points whose activations are as wide as the residual stream.
RESIDUAL = ("hook_resid_pre", "hook_resid_post", "hook_attn_out", "hook_mlp_out")


def check_agreement(config: dict[str, Any]) -> None:
    """Raise AnatomyError where a checked configuration contradicts an SAE's own metadata.

    Compared are model and hook point, which `despite_metadata` of the SAE may set aside, dimensions and
    width, which nothing may, and what of its training this workflow has no place for. What enters layer
    L + 1 is what leaves layer L. An SAE that does not say something contradicts nothing.
    """
    for name, group in config["saes"].items():
        if group["kind"] in IMPORTED:
            for metadata in metadata_of(group):
                for look in (_model, _site, _sizes, _weights, _training):
                    look(config, name, group, metadata)


def _model(config: dict, name: str, group: dict, metadata: SaeMetadata) -> None:
    if metadata.model is None or "model" in group["despite_metadata"]:
        return
    model = group["model"]
    if not same_model(metadata.model, model_names(model, config["models"][model])):
        raise AnatomyError(
            f"config: saes.{name}.model is {model}, but the SAE's metadata says that it was made for "
            f"{metadata.model}; correct it, or if it is meant, give saes.{name}.despite_metadata: [model]"
        )


def _site(config: dict, name: str, group: dict, metadata: SaeMetadata) -> None:
    site = group.get("site")
    if metadata.hook is None or site is None or "site" in group["despite_metadata"]:
        return
    if metadata.site is None or not same_place(site, metadata.site):
        raise AnatomyError(
            f"config: saes.{name}.site is {site}, but the SAE's metadata says that it was made for "
            f"{metadata.hook}; correct it, or if it is meant, give saes.{name}.despite_metadata: [site]"
        )


def _sizes(config: dict, name: str, group: dict, metadata: SaeMetadata) -> None:
    width = model_sizes(config["models"][group["model"]]).get("width")
    site = group.get("site") or metadata.site
    if width is None or metadata.d_in is None or not str(site).endswith(RESIDUAL):
        return
    if width != metadata.d_in:
        raise AnatomyError(
            f"config: saes.{name} takes activations of {metadata.d_in} dimensions, but those of "
            f"models.{group['model']} at {site} have {width}; it is of another model or hook point"
        )


def _weights(config: dict, name: str, group: dict, metadata: SaeMetadata) -> None:
    shape = weights_shape(group["path"]) if group["kind"] == "local" else None
    if shape is None:
        return
    for key, says, has in zip(
        ("d_sae", "d_in"), (metadata.width, metadata.d_in), shape, strict=True
    ):
        if says is not None and says != has:
            raise AnatomyError(
                f"config: saes.{name}: cfg.json in {group['path']} says {key} {says}, but the weights beside "
                f"it have {has}; they are of two SAEs, save it anew"
            )


def _training(config: dict, name: str, group: dict, metadata: SaeMetadata) -> None:
    where = f"config: saes.{name}"
    if metadata.head is not None:
        raise AnatomyError(
            f"{where} is of attention head {metadata.head} alone, which is not supported; SAEs of all "
            "heads of a layer are"
        )
    if metadata.architecture is not None:
        check_readable(metadata.architecture, where)
    if metadata.activation not in (None, "relu", "topk"):
        raise AnatomyError(
            f"{where} has the activation function {metadata.activation}, which is not supported; those that "
            "are: relu, topk"
        )
    kind, scaled = metadata.normalisation or "none", group.get("input_scale") is not None
    check_normalisation(kind, where)
    if kind in TOKEN_BY_TOKEN and scaled:
        raise AnatomyError(
            f"{where} scales every token by itself ({kind}), so saes.{name}.input_scale has no meaning for "
            "it; leave it out"
        )
    if kind == SCALED and not scaled:
        raise AnatomyError(
            f"{where} was trained on activations scaled to norm sqrt(d), and the factor is not in its "
            f"weights; give saes.{name}.input_scale (sqrt(d) / mean norm)"
        )
