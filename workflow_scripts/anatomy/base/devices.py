"""Which device to compute on."""

from workflow_scripts.anatomy.base.errors import AnatomyError


def resolve_device(name: str) -> str:
    """Turn the config's `device` (``auto``, ``cpu``, ``cuda``) into what torch understands.

    Raises
    ------
    AnatomyError: another name, or ``cuda`` on a machine where torch finds none.
    """
    import torch

    kind = name.split(":")[0]
    if kind not in ("auto", "cpu", "cuda"):
        raise AnatomyError(f"device: {name} is not one of auto, cpu, cuda")
    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and not torch.cuda.is_available():
        raise AnatomyError(
            "device: cuda was asked for, but torch finds no CUDA device on this machine; "
            "set device to auto or cpu, or check the driver and the installed torch"
        )
    return name
