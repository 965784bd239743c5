"""Checkpoints of an SAE's training: a training that is killed goes on, to the same bytes."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.store import write_json

ABOUT = "anatomy.json"


class Checkpoints:
    """The checkpoints of one training in `folder`, one subfolder each, of which one is kept.

    A checkpoint is used again only for the same block of configuration, the same harvest, and the same
    decoder where one is given.
    """

    def __init__(
        self, folder: Path, sae: dict[str, Any], activations: ActivationStore, decoder: Any = None
    ):
        self.folder = folder
        identity = {"sae": sae, "harvest": activations.fingerprint}
        if decoder is not None:
            digest = hashlib.sha256(decoder.cpu().numpy().tobytes())
            identity["decoder"] = digest.hexdigest()
        self.identity = json.loads(json.dumps(identity))

    def marks(self, steps: int, count: int) -> set[int]:
        """The steps after which `count` checkpoints are left, evenly over the training."""
        return {round(steps * at / (count + 1)) for at in range(1, count + 1)} - {0, steps}

    def save(self, trainer: Any, curve: list[dict[str, Any]]) -> None:
        """Save the trainer's whole state; the checkpoint before goes when this one is complete."""
        step = trainer.n_training_steps
        partial = self.folder / f"partial-{step}"
        shutil.rmtree(partial, ignore_errors=True)
        trainer.save_checkpoint(partial.name, base_path=self.folder)
        write_json(partial / ABOUT, {"identity": self.identity, "step": step, "curve": curve})
        complete = self.folder / f"step-{step}"
        shutil.rmtree(complete, ignore_errors=True)
        partial.rename(complete)
        for older in self.folder.iterdir():
            if older != complete:
                shutil.rmtree(older)

    def resume(self, trainer: Any) -> list[dict[str, Any]]:
        """Put the trainer where the last complete checkpoint left it; return the curve so far."""
        found = {}
        for path in self.folder.glob("step-*"):
            about = json.loads((path / ABOUT).read_text())
            if about["identity"] == self.identity:
                found[about["step"]] = (path, about["curve"])
        if not found:
            return []
        step = max(found)
        path, curve = found[step]
        trainer.sae.load_weights_from_checkpoint(path)
        trainer.load_trainer_state(path)
        log.info("goes on from the checkpoint of step %d", step)
        return curve

    def delete(self) -> None:
        """Remove all checkpoints, when they are no longer needed."""
        shutil.rmtree(self.folder, ignore_errors=True)
