"""SAEs as sae_lens has them: a folder in its format, or one of its releases; and what is wrong where that fails."""

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.setup.architectures import check_readable

FILES = ("cfg.json", "sae_weights.safetensors")
# Training forms of sae_lens, which its checkpoints hold; their inference form has another name.
TRAINING_FORMS = ("batchtopk", "matryoshka_batchtopk")
MISMATCH = re.compile(
    r"size mismatch for (\S+): .*?torch\.Size\(\[(.*?)\]\).*?torch\.Size\(\[(.*?)\]\)", re.DOTALL
)


def load_sae_lens(folder: str | Path, name: str) -> Any:
    """Load an SAE from a folder in sae_lens format (cfg.json, sae_weights.safetensors).

    Its inference form, or of a checkpoint's BatchTopK SAE the training form, which has its threshold as
    `topk_threshold`. A fine-tuned SAE's own factor for every latent is folded into its decoder.

    Raises
    ------
    AnatomyError: the folder or one of the two files is missing, corrupted, of an architecture that has no
        place here, or the weights are not those that the configuration asks for.
    """
    folder = Path(folder)
    for file in FILES:
        if not (folder / file).is_file():
            raise AnatomyError(
                f"{name}: {folder / file} does not exist; saes.path has to name a folder in "
                "sae_lens format, with cfg.json and sae_weights.safetensors"
            )
    try:
        cfg = json.loads((folder / "cfg.json").read_text())
    except ValueError as error:
        raise AnatomyError(f"{name}: {folder / 'cfg.json'} is not JSON ({error})") from None
    architecture = cfg.get("architecture")
    check_readable(architecture or "standard", name)
    import_quietly()
    from sae_lens import SAE, TrainingSAE

    form = TrainingSAE if architecture in TRAINING_FORMS else SAE
    try:
        with warnings.catch_warnings(action="ignore"):
            return form.load_from_disk(folder, device="cpu", dtype="float32", converter=_read)
    # What a file of another kind can make sae_lens raise is not known beforehand.
    except Exception as error:
        raise AnatomyError(
            f"{name}: {disagreement(error) or _unreadable(folder, error)}"
        ) from error


def load_release(sae: dict[str, Any]) -> Any:
    """Load an inference SAE of one of sae_lens's releases; sae: its block, with name, `release` and `id`.

    Raises
    ------
    AnatomyError: no such release or id, files that the hub does not have or that cannot be reached, or
        weights that are not those that their configuration asks for.
    """
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
            f"{sae['name']}: {sae['id']} of {sae['release']} cannot be loaded: {_why(error)}"
        ) from error
    # Where the release's own config is in sae_lens 6's format, the registry's word is lost there.
    if kwargs := model_kwargs(sae["release"]):
        found.cfg.metadata.model_from_pretrained_kwargs = kwargs
    return found


def disagreement(error: Exception) -> str | None:
    """What is wrong where weights are not those that their configuration asks for; None for any other error."""
    text = str(error)
    if found := MISMATCH.search(text):
        name, has, wanted = found.groups()
        return (
            f"{name} has shape ({has}) where its configuration asks for ({wanted}); weights and "
            "configuration are of two SAEs, get them anew"
        )
    for what, says in (("Missing", "lack"), ("Unexpected", "hold")):
        if keys := re.search(rf"{what} key\(s\) in state_dict: (.*?)\. *$", text, re.MULTILINE):
            names = keys[1].replace('"', "")
            unknown = ", which sae_lens does not know" if what == "Unexpected" else ""
            return (
                f"its weights {says} {names}{unknown}; the file is not whole, or of another architecture "
                "than its configuration says"
            )
    return None


def import_quietly() -> None:
    """Call before importing sae_lens: it brings wandb and tqdm, which shall stay silent."""
    os.environ["WANDB_MODE"] = "disabled"
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("TQDM_DISABLE", "1")


def _read(path: Any, device: Any, cfg_overrides: Any = None) -> tuple[dict, dict]:
    """sae_lens's own reading of a folder, and what old versions saved and it no longer knows."""
    from sae_lens.loading.pretrained_sae_loaders import sae_lens_disk_loader

    cfg, weights = sae_lens_disk_loader(path, device, cfg_overrides)
    # Decoding multiplied the activations by it.
    factor = weights.pop("finetuning_scaling_factor", None)
    if factor is not None:
        weights["W_dec"] = weights["W_dec"] * factor[:, None]
    if "W_dec" in weights:
        for key, size in zip(("d_sae", "d_in"), weights["W_dec"].shape, strict=True):
            cfg.setdefault(key, size)
    # How its training was graded matters to nothing but its training.
    if cfg.get("architecture") == "matryoshka_batchtopk" and not cfg.get("matryoshka_widths"):
        cfg["matryoshka_widths"] = [cfg["d_sae"]]
    return cfg, weights


def _unreadable(folder: Path, error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{folder / 'cfg.json'} lacks the key {error}; save the SAE anew"
    if isinstance(error, (ValueError, TypeError)):
        return f"{folder / 'cfg.json'} has settings that sae_lens does not take ({one_line(error)})"
    return (
        f"sae_lens cannot load {folder}, its files are corrupted or of another format "
        f"({one_line(error)})"
    )


def _why(error: Exception) -> str:
    """Why a release's SAE cannot be loaded, and what to do."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from safetensors import SafetensorError

    said = one_line(error)
    if found := disagreement(error):
        return found
    if isinstance(error, GatedRepoError):
        return f"its repository is not open to everyone ({said}); accept its licence and log in"
    # Offline, or unreachable, what is not in the cache is not found either.
    not_there = (EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError)
    if isinstance(error, not_there) and not isinstance(error, LocalEntryNotFoundError):
        return f"the hub does not have its files ({said}); choose another id of the release"
    if isinstance(error, SafetensorError):
        return f"its file is corrupted ({said}); delete it from the Hugging Face cache and rerun"
    if isinstance(error, (LocalEntryNotFoundError, ConnectionError)) or _of_network(error):
        return f"{said}; check the network, or fill the Hugging Face cache beforehand"
    return f"sae_lens does not read its files ({said}); choose another id, or save the SAE locally"


def _of_network(error: Exception) -> bool:
    """Whether an error is of the transport: no connection, a timeout, a server that does not answer."""
    names = {each.__name__ for each in type(error).__mro__}
    return bool(names & {"TransportError", "HTTPError", "TimeoutError"})
