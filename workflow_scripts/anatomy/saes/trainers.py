"""sae_lens's trainers for the SAEs of a configuration, before their first step."""

from typing import Any

import torch

from workflow_scripts.anatomy.saes.loading import import_quietly
from workflow_scripts.anatomy.saes.steering import SteeredCoefficient, first_coefficient
from workflow_scripts.anatomy.saes.training_plan import TrainingPlan
from workflow_scripts.anatomy.setup.architectures import ARCHITECTURES


def new_trainer(
    sae: dict[str, Any],
    planned: TrainingPlan,
    model_name: str,
    d_in: int,
    device: str,
    decoder: torch.Tensor | None = None,
) -> Any:
    """sae_lens's `SAETrainer` for the SAE of a block, or its sparse twin, with fresh weights.

    decoder: (m, d) float32, rows that it has from the start and that no step moves.
    """
    import_quietly()
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    from workflow_scripts.anatomy.saes.sparse_trainer import SPARSE_CLASSES, SparseSAETrainer

    batch_size, learning_rate = planned.batch_size, planned.options["learning_rate"]
    cfg = SAETrainerConfig(
        total_training_samples=planned.steps * batch_size,
        train_batch_size_samples=batch_size,
        lr=learning_rate,
        lr_end=learning_rate / 10,  # unused by a constant schedule, but None is rejected
        lr_warm_up_steps=planned.warmup_steps,
        lr_decay_steps=planned.decay_steps,
        device=device,
        dead_feature_window=max(1, planned.options["dead_after_tokens"] // batch_size),
        feature_sampling_window=planned.steps + 1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sae["seed"])
        fresh = _fresh_sae(sae, planned, model_name, d_in, device)
    if decoder is not None:
        _keep_decoder(fresh, decoder)
    sparse = planned.options["step"] == "sparse" and sae["architecture"] in SPARSE_CLASSES
    trainer = (SparseSAETrainer if sparse else SAETrainer)(cfg, fresh, iter(()))
    if planned.steered:
        penalty = ARCHITECTURES[sae["architecture"]].penalty
        trainer.coefficient_schedulers[penalty] = SteeredCoefficient(sae["k"], d_in, planned)
    return trainer


def _fresh_sae(
    sae: dict[str, Any], planned: TrainingPlan, model_name: str, d_in: int, device: str
) -> Any:
    """An untrained SAE of sae_lens, or its sparse twin."""
    from sae_lens.registry import get_sae_training_class
    from sae_lens.saes.sae import SAEMetadata

    from workflow_scripts.anatomy.saes.sparse_trainer import SPARSE_CLASSES

    options, architecture = planned.options, sae["architecture"]
    own: dict[str, Any]
    about = ARCHITECTURES[architecture]
    if not about.penalty:
        k = int(sae["k"]) if about.whole_k else sae["k"]
        own = {"k": k, "aux_loss_coefficient": options["aux_coefficient"]}
    elif planned.steered:
        own = {f"{about.penalty}_coefficient": first_coefficient(sae["k"], d_in)}
    else:
        own = {
            f"{about.penalty}_coefficient": sae["coefficient"],
            f"{about.penalty}_warm_up_steps": planned.warmup_steps,
        }
    sae_class, config_class = get_sae_training_class(architecture)
    if options["step"] == "sparse":
        sae_class = SPARSE_CLASSES.get(architecture, sae_class)
    config = config_class(
        d_in=d_in,
        d_sae=sae["width"],
        device=device,
        # The trainer multiplies by the factor it is given; `train_saes` folds it afterwards.
        normalize_activations="expected_average_only_in",
        metadata=SAEMetadata(model_name=model_name, hook_name=planned.site),
        **own,
        **about.own(sae["width"]),
    )
    return sae_class(config)


@torch.no_grad()
def _keep_decoder(fresh: Any, decoder: torch.Tensor) -> None:
    """Give an untrained SAE decoder rows that no step moves; as in any fresh SAE, the encoder is their transpose."""
    fresh.W_dec.copy_(decoder)
    fresh.W_enc.copy_(decoder.T)
    fresh.W_dec.requires_grad_(False)
