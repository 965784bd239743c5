"""Names of hook points that there are in TransformerLens, and are none here."""

import re
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError

# Keys of a configuration whose text, or list of texts, is hook points.
KEYS = ("hook_points", "sites", "site")
MIDDLE = re.compile(r"(blocks\.\d+)\.hook_resid_mid")


def check_hook_names(config: Any, where: str = "") -> None:
    """Raise an AnatomyError where a configuration, at whatever depth, names a hook point that is none here."""
    parts = list(config.items()) if isinstance(config, dict) else []
    parts += enumerate(config) if isinstance(config, list) else []
    for key, value in parts:
        here = (
            f"{where}[{key}]" if isinstance(key, int) else f"{where}.{key}" if where else str(key)
        )
        if key in KEYS:
            for name in value if isinstance(value, list) else [value]:
                check_hook_name(name, f"config: {here}")
        check_hook_names(value, here)


def check_hook_name(name: Any, where: str) -> None:
    """Raise an AnatomyError if `name` is the residual stream between attention and MLP; where: for the message."""
    found = MIDDLE.fullmatch(name) if isinstance(name, str) else None
    if found:
        raise AnatomyError(
            f"{where}: {name}, the residual stream between attention and MLP, is no hook point here; those of "
            f"the layer are {found[1]}.hook_resid_pre, hook_attn_out, attn.hook_z, hook_mlp_out and "
            "hook_resid_post"
        )
