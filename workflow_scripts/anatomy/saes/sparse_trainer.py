"""sae_lens's trainer with steps that touch only the active latents, for every architecture."""

from typing import Any

import torch
from sae_lens.saes.sae import TrainStepInput, TrainStepOutput
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor

from workflow_scripts.anatomy.saes.sparse_penalties import (
    SparseJumpReLUTrainingSAE,
    SparseStandardTrainingSAE,
)
from workflow_scripts.anatomy.saes.sparse_training import (
    SparseBatchTopKTrainingSAE,
    SparseTopKTrainingSAE,
)

SPARSE_CLASSES = {
    "topk": SparseTopKTrainingSAE,
    "batchtopk": SparseBatchTopKTrainingSAE,
    "jumprelu": SparseJumpReLUTrainingSAE,
    "standard": SparseStandardTrainingSAE,
}


class SparseSAETrainer(SAETrainer):
    """sae_lens's `SAETrainer` that counts firings from the active entries, and fuses Adam."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for group in self.optimizer.param_groups:
            group["fused"] = True

    def _train_step(self, sae: Any, sae_in: Tensor) -> TrainStepOutput:
        output = sae.training_forward_pass(
            TrainStepInput(
                sae_in=sae_in,
                coefficients=self.get_coefficients(),
                dead_neuron_mask=self.dead_neurons,
                n_training_steps=self.n_training_steps,
                is_logging_step=False,
            )
        )
        with torch.no_grad():
            acts = output.feature_acts
            latents = (acts.indices() if acts.is_sparse else acts.nonzero().T)[1]
            fired = torch.bincount(latents, minlength=sae.cfg.d_sae)
            self.n_forward_passes_since_fired += 1
            self.n_forward_passes_since_fired[fired > 0] = 0
            self.act_freq_scores += fired
            self.n_frac_active_samples += self.cfg.train_batch_size_samples
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.lr_scheduler.step()
        for scheduler in self.coefficient_schedulers.values():
            scheduler.step()
        return output
