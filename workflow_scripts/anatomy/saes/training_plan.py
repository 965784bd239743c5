"""What training one SAE amounts to, and whether it can be done; imports nothing slow."""

from dataclasses import dataclass
from typing import Any

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.architectures import architecture_of

DEFAULTS = {
    "warmup_fraction": 0.05,
    "decay_fraction": 0.2,
    "checkpoints": 0,
    "dead_after_tokens": 100_000,
    "aux_coefficient": 1.0,
    "threshold": "quantile",
    "step": "sparse",
}
# Contexts kept out of training, to set the threshold of a BatchTopK SAE on: 5 %, at most so many
# tokens.
CALIBRATION_TOKENS = 2**15


@dataclass(frozen=True)
class TrainingPlan:
    """What the training of one SAE amounts to, in steps and contexts.

    training_contexts: the first so many are trained on; calibration: those that thresholds are set on and
    SAEs compared, the others where there are others; steered: whether its sparsity coefficient is to be
    found on the way.
    """

    site: str
    batch_size: int
    steps: int
    training_contexts: int
    calibration: slice
    steered: bool
    options: dict[str, Any]

    @property
    def warmup_steps(self) -> int:
        warmup = round(self.options["warmup_fraction"] * self.steps)
        return warmup if warmup > 1 else 0

    @property
    def decay_steps(self) -> int:
        return min(round(self.options["decay_fraction"] * self.steps), self.steps)


def key_of(sae: dict[str, Any]) -> str:
    """The key of the configuration that the block of an SAE is of, for messages."""
    return sae.get("where", f"saes.{sae['group']}")


def training_plan(sae: dict[str, Any], activations: ActivationStore) -> TrainingPlan:
    """Check one SAE's block against its activations, before anything slow is imported.

    Raises
    ------
    AnatomyError: width below 1, k outside 1..width, an unknown architecture, fewer tokens than one
        batch in the configuration or in the harvest, or no context to spare for calibration.
    """
    where, options = key_of(sae), {**DEFAULTS, **sae["training"]}
    width = sae["width"]
    about = architecture_of(sae["architecture"], f"{where}.architecture")
    if width < 1:
        raise AnatomyError(f"{where}.widths: {width} latents are too few; an SAE needs one or more")
    if "k" in sae and not 0 < sae["k"] <= width:
        raise AnatomyError(
            f"{where}.k: {sae['k']:g} active latents of {width}; k has to lie in 1 to the width"
        )
    if options["tokens"] < options["batch_size"]:
        raise AnatomyError(
            f"{where}.training.tokens: {options['tokens']} are fewer than one batch of "
            f"{options['batch_size']} (training.batch_size)"
        )
    contexts, positions = activations.shape
    used = positions - activations.min_position
    spared = 0
    if activations.holds_out:
        spared = min(max(1, contexts // 20), max(1, CALIBRATION_TOKENS // used))
    if (contexts - spared) * used < options["batch_size"]:
        raise AnatomyError(
            f"{where}: harvest {activations.path} has {contexts * used} tokens at {sae['site']}, "
            f"of which {spared * used} are kept for calibration: fewer than one batch of "
            f"{options['batch_size']}; harvest more contexts or lower training.batch_size"
        )
    steps = options["tokens"] // options["batch_size"]
    steered = bool(about.penalty) and "k" in sae
    trained_on = contexts - spared
    calibration = slice(trained_on if spared else 0, contexts)
    return TrainingPlan(
        sae["site"], options["batch_size"], steps, trained_on, calibration, steered, options
    )
