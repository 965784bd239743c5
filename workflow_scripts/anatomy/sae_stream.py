"""SAEs trained side by side on one stream of activations, each kept until what it depends on changes.

A stream is one job, and its SAEs are handed out one by one afterwards. An SAE that is added to a
stream later is trained alone: the others are in the stream's folder, with what they were made from.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.errors import AnatomyError
from workflow_scripts.anatomy.store import write_json

# What a stream leaves of each SAE, in a folder of the SAE's name.
FILES = {
    "sae": "sae.safetensors",
    "sae_lens": "sae_lens/cfg.json",
    "weights": "sae_lens/sae_weights.safetensors",
    "curve": "training_curve.csv",
}
MADE_FROM = "made_from.json"


def train_stream(
    saes: list[dict[str, Any]],
    activations: Any,
    model_name: str,
    folder: str | Path,
    code: str,
    device: str = "cpu",
) -> list[str]:
    """Train those SAEs of a stream that are not there yet; return the names of these.

    Parameters
    ----------
    saes: blocks of the configuration, as `train_saes` takes them.
    activations: the open store that they are trained on.
    code: a digest of the code that trains them.

    Raises
    ------
    AnatomyError: what `train_saes` raises.
    """
    folder = Path(folder)
    wanted = {sae["name"]: _identity(sae, activations.fingerprint, code) for sae in saes}
    missing = [sae for sae in saes if _made_from(folder / sae["name"]) != wanted[sae["name"]]]
    if missing:
        from workflow_scripts.anatomy.sae_training import train_saes
        from workflow_scripts.anatomy.tables import write_rows

        places = [folder / sae["name"] for sae in missing]
        for place in places:
            (place / MADE_FROM).unlink(missing_ok=True)
        lens = [place / "sae_lens" for place in places]
        trained = train_saes(missing, activations, model_name, lens, device)
        for place, (dictionary, curve) in zip(places, trained, strict=True):
            write_rows(place / FILES["curve"], curve)
            dictionary.save(place / FILES["sae"])
            write_json(place / MADE_FROM, wanted[place.name])
    return [sae["name"] for sae in missing]


def hand_out(sae: dict[str, Any], folder: str | Path, destination: str | Path) -> None:
    """Put the files of one SAE of the stream in `folder` into `destination`, as links if possible.

    Raises
    ------
    AnatomyError: the stream has not got this SAE.
    """
    source, destination = Path(folder) / sae["name"], Path(destination)
    found = _made_from(source)
    if found is None or found["sae"] != _plain(sae):
        raise AnatomyError(
            f"{source}: {sae['name']} is not there as the configuration wants it; delete "
            f"{folder}.json and rerun, and it is trained anew"
        )
    for file in FILES.values():
        target = destination / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source / file, target)
            os.utime(target)  # Snakemake compares times: an output is as new as its job
        except OSError:
            shutil.copyfile(source / file, target)


def _identity(sae: dict[str, Any], fingerprint: str, code: str) -> dict[str, Any]:
    return {"sae": _plain(sae), "harvest": fingerprint, "code": code}


def _plain(sae: dict[str, Any]) -> dict[str, Any]:
    """A block as JSON gives it back."""
    return json.loads(json.dumps(sae))


def _made_from(folder: Path) -> dict[str, Any] | None:
    """What the SAE in a folder was made from; None where one of its files is missing."""
    if not all((folder / file).is_file() for file in FILES.values()):
        return None
    try:
        return json.loads((folder / MADE_FROM).read_text())
    except (OSError, ValueError):
        return None
