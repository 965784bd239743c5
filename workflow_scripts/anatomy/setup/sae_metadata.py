"""What an SAE says of itself: the cfg.json beside its weights, or its release's line in the registry."""

import ast
import importlib.util
import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.releases import model_kwargs, pretrained_specs

SITE = re.compile(r"blocks\.\d+\.(hook_resid_pre|hook_resid_post|hook_mlp_out|hook_attn_out)")
HEADS = re.compile(r"(blocks\.\d+)\.(?:attn\.)?hook_z")
BRIDGE = re.compile(r"(blocks\.\d+)\.hook_(in|out)")
# The module of a whole layer, by the names that transformers gives it: what leaves it.
LAYER = re.compile(r"(?:\w+\.)*(?:h|layers)\.(\d+)")
# Versions of sae_lens before 6 keep all this at the top level, and the hook point under another name.
OLD = {"hook_point": "hook_name", "hook_point_head_index": "hook_head_index"}
DTYPES = ("float32", "bfloat16", "float16")
TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("model_name", "hook_name", "hf_hook_name", "hook_point"), str),
    **dict.fromkeys(("architecture", "activation_fn_str", "activation_fn", "dtype"), str),
    **dict.fromkeys(("d_in", "d_sae", "context_size", "hook_head_index"), int),
    **dict.fromkeys(("k", "l0"), (int, float)),
    **dict.fromkeys(("activation_fn_kwargs", "model_from_pretrained_kwargs", "metadata"), dict),
    "normalize_activations": (str, bool),
    "prepend_bos": bool,
}


@dataclass(frozen=True)
class SaeMetadata:
    """What is known of an SAE before it is loaded; None is what it does not say.

    model: the model's name or path, as its training had it. hook: its hook point, as it was written;
    site: the same under this workflow's name. d_in: dimensions of its activations. width: its latents.
    l0: k, or a recorded L0. context_length: tokens of a training context. prepend_bos: whether these
    began with the BOS token. normalisation: of activations, in sae_lens's words. input_scale: the
    factor that lies beside a checkpoint of sae_lens. head: the one head it is of. architecture, activation:
    the function's name, in sae_lens's words.
    """

    model: str | None = None
    hook: str | None = None
    site: str | None = None
    d_in: int | None = None
    width: int | None = None
    l0: float | None = None
    context_length: int | None = None
    prepend_bos: bool | None = None
    dtype: str | None = None
    normalisation: str | None = None
    input_scale: float | None = None
    head: int | None = None
    architecture: str | None = None
    activation: str | None = None


def metadata_of(group: dict[str, Any]) -> list[SaeMetadata]:
    """What the SAEs of a group say of themselves: one of a folder, several of a release.

    Raises
    ------
    AnatomyError: a cfg.json that is none, an unknown release or id.
    """
    if group["kind"] == "local":
        return [read_metadata(group["path"])]
    specs = pretrained_specs(group["release"], group["ids"])
    dtype = _dtype(model_kwargs(group["release"]))
    return [
        SaeMetadata(
            **{key: spec[key] for key in ("model", "site", "width", "l0")},
            hook=spec["site"],
            dtype=dtype,
        )
        for spec in specs
    ]


def read_metadata(path: str | Path) -> SaeMetadata:
    """What the folder of an SAE in sae_lens format says of it; nothing where it has no cfg.json.

    Raises
    ------
    AnatomyError: cfg.json cannot be read, is no JSON object, or a setting in it is of another kind.
    """
    path, folder = str(path), Path(path).expanduser()
    try:
        cfg = json.loads((folder / "cfg.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return SaeMetadata()
    except OSError as error:
        raise AnatomyError(f"{path[:100]}/cfg.json cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise AnatomyError(f"{path}/cfg.json is not JSON ({error}); save the SAE anew") from None
    if not isinstance(cfg, dict):
        raise AnatomyError(f"{path}/cfg.json holds no settings; save the SAE anew")
    for part in (cfg, cfg.get("metadata") or {}):
        _check_types(part, f"{path}/cfg.json")
    about = cfg | (cfg.get("metadata") or {})
    about = {OLD.get(key, key): value for key, value in about.items()}
    hooks = [hook for key in ("hook_name", "hf_hook_name") if (hook := about.get(key))]
    sites = [site for hook in hooks if (site := site_of(hook))]
    k = cfg.get("k") or (cfg.get("activation_fn_kwargs") or {}).get("k")
    return SaeMetadata(
        model=about.get("model_name"),
        hook=hooks[0] if hooks else None,
        site=sites[0] if sites else None,
        d_in=cfg.get("d_in"),
        width=cfg.get("d_sae"),
        l0=k or about.get("l0"),
        context_length=about.get("context_size"),
        prepend_bos=about.get("prepend_bos"),
        dtype=_dtype(about.get("model_from_pretrained_kwargs") or {}),
        normalisation=_normalisation(cfg.get("normalize_activations")),
        input_scale=_scale(folder / "activation_scaler.json"),
        head=about.get("hook_head_index"),
        architecture=cfg.get("architecture"),
        activation=cfg.get("activation_fn_str") or cfg.get("activation_fn"),
    )


def _check_types(settings: Any, where: str) -> None:
    """Raise an AnatomyError where a setting, or all of them, are of another kind than sae_lens writes."""
    if not isinstance(settings, dict):
        raise AnatomyError(f"{where}: its metadata are no settings; save the SAE anew")
    for key, kinds in TYPES.items():
        value = settings.get(key)
        if value is not None and not isinstance(value, kinds):
            raise AnatomyError(
                f"{where}: {key} is {str(value)[:40]!r}, of another kind than sae_lens writes; save the SAE "
                "anew"
            )


def site_of(hook: str) -> str | None:
    """The hook point under this workflow's name; None where it has none for it.

    Known are TransformerLens's names, those of its bridge, and the modules of layers.
    """
    if SITE.fullmatch(hook):
        return hook
    if found := HEADS.fullmatch(hook):
        return f"{found[1]}.attn.hook_z"
    if found := BRIDGE.fullmatch(hook):
        return f"{found[1]}.hook_resid_{'pre' if found[2] == 'in' else 'post'}"
    if found := LAYER.fullmatch(hook):
        return f"blocks.{found[1]}.hook_resid_post"
    return None


def same_place(one: str, other: str) -> bool:
    """Whether two hook points are one: what enters layer L + 1 is what leaves layer L."""
    return left_of(one) == left_of(other)


def weights_shape(path: str | Path) -> tuple[int, int] | None:
    """Latents and dimensions of the decoder in sae_weights.safetensors, from its header alone."""
    file = Path(path).expanduser() / "sae_weights.safetensors"
    try:
        with open(file, "rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            shape = json.loads(opened.read(length))["W_dec"]["shape"]
        return int(shape[0]), int(shape[1])
    except (OSError, struct.error, ValueError, KeyError, TypeError, MemoryError, OverflowError):
        return None  # the import says what is wrong with the file


def hub_id(model: str) -> str:
    """The hub's name of a model that TransformerLens calls otherwise; any other name as it is."""
    return next((full for full, short in _aliases().items() if model in short), model)


def same_model(name: str, others: Iterable[str]) -> bool:
    """Whether a model's name, as an SAE has it, is one of `others`: names, hub ids or paths."""
    return bool(_names(name) & {each for other in others for each in _names(other)})


def _names(model: str) -> set[str]:
    full = hub_id(model)
    names = {model, full, *_aliases().get(full, ())}
    return {form.lower() for name in names for form in (name, Path(name).name) if form}


def left_of(site: str) -> str:
    """The site under one name: what enters layer L + 1 is what leaves layer L."""
    found = re.fullmatch(r"blocks\.(\d+)\.hook_resid_pre", site)
    return f"blocks.{int(found[1]) - 1}.hook_resid_post" if found else site


def _normalisation(value: Any) -> str:
    if isinstance(value, bool):
        return "expected_average_only_in" if value else "none"
    return value or "none"


def _dtype(kwargs: dict[str, Any]) -> str | None:
    dtype = str(kwargs.get("dtype") or kwargs.get("torch_dtype") or "").removeprefix("torch.")
    return dtype if dtype in DTYPES else None


def _scale(file: Path) -> float | None:
    try:
        return json.loads(file.read_text()).get("scaling_factor")
    except (OSError, ValueError, AttributeError):
        return None


@cache
def _aliases() -> dict[str, list[str]]:
    """Hub id -> what TransformerLens calls it, read from its list without importing it."""
    package = importlib.util.find_spec("transformer_lens")
    if package is None or package.origin is None:
        return {}
    file = Path(package.origin).parent / "supported_models.py"
    if not file.is_file():
        return {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "MODEL_ALIASES":
            return ast.literal_eval(node.value) if node.value is not None else {}
    return {}
