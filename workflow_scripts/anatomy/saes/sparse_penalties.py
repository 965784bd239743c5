"""Training steps of ReLU and JumpReLU SAEs that touch only the latents with a value or a gradient.

They are sae_lens's own steps to float32 rounding. As in TopK SAEs only the pre-activations are
dense; what is active in a ReLU SAE is what is positive, in a JumpReLU SAE what is above its
threshold or, for the threshold's own gradient, half a bandwidth below it. Early in a training so
many are that dense products are faster: such a step is sae_lens's.
"""

from typing import Any

import torch
from sae_lens.saes.jumprelu_sae import JumpReLU, JumpReLUTrainingSAE, Step
from sae_lens.saes.sae import TrainStepInput, TrainStepOutput
from sae_lens.saes.standard_sae import StandardTrainingSAE
from torch import Tensor

from workflow_scripts.anatomy.saes.active_entries import Active, decoded, encoded
from workflow_scripts.anatomy.saes.dictionary import nonzero

# Above this share of active entries a dense step is taken.
MOST_ACTIVE = 0.2


class _PenalisedStep:
    """What both share; the classes say which entries count, what they become and what they cost."""

    # sae_lens's, of the class that this is mixed into.
    cfg: Any
    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor

    def _floor(self) -> Tensor | float:
        """What a pre-activation has to exceed to count, () or (m,)."""
        raise NotImplementedError

    def _activations(self, values: Tensor, active: Active) -> Tensor:
        """The activations (e,) of pre-activations."""
        raise NotImplementedError

    def _penalty(
        self, values: Tensor, activations: Tensor, active: Active, coefficients: dict[str, float]
    ) -> dict[str, Tensor]:
        """The sparsity loss, by its name in sae_lens."""
        raise NotImplementedError

    def training_forward_pass(self, step_input: TrainStepInput) -> TrainStepOutput:
        """The losses of a batch, as sae_lens's `TrainingSAE.training_forward_pass` gives them."""
        x = step_input.sae_in
        centred = x - self.b_dec.detach() if self.cfg.apply_b_dec_to_input else x
        with torch.no_grad():
            pre = torch.addmm(self.b_enc, centred, self.W_enc)
            entries = nonzero((pre > self._floor()).flatten())
        if len(entries) > MOST_ACTIVE * pre.numel():
            return super().training_forward_pass(step_input)  # type: ignore[misc]
        active = Active(entries, pre.shape)
        values = encoded(
            *(pre.flatten()[entries], self.W_enc, self.b_enc, self.b_dec, centred, active),
            self.cfg.apply_b_dec_to_input,
        )
        activations = self._activations(values, active)
        sae_out = decoded(activations, self.W_dec, self.b_dec, active)
        mse = (sae_out - x).square().sum(-1).mean()
        penalty = self._penalty(values, activations, active, step_input.coefficients)
        firing = activations.detach() > 0
        codes = Active(entries[firing], pre.shape).codes(activations.detach()[firing])
        return TrainStepOutput(
            sae_in=x,
            sae_out=sae_out,
            feature_acts=codes,
            hidden_pre=pre,
            loss=mse + sum(penalty.values()),
            losses={"mse_loss": mse} | penalty,
        )


class SparseStandardTrainingSAE(_PenalisedStep, StandardTrainingSAE):
    """sae_lens's `StandardTrainingSAE` (ReLU, L1 penalty) with sparse steps."""

    def _floor(self) -> float:
        return 0.0

    def _activations(self, values: Tensor, active: Active) -> Tensor:
        return values

    def _penalty(
        self, values: Tensor, activations: Tensor, active: Active, coefficients: dict[str, float]
    ) -> dict[str, Tensor]:
        """The L1 norm of a token's activations, each times the norm of its decoder row."""
        sums = activations.new_zeros(active.shape[1]).index_add(0, active.latents, activations)
        l1 = (sums * self.W_dec.norm(dim=1)).sum() / active.shape[0]
        return {"l1_loss": coefficients["l1"] * l1}


class SparseJumpReLUTrainingSAE(_PenalisedStep, JumpReLUTrainingSAE):
    """sae_lens's `JumpReLUTrainingSAE` (L0 penalty by straight-through estimates) with sparse steps."""

    bandwidth: float
    threshold: Tensor

    def training_forward_pass(self, step_input: TrainStepInput) -> TrainStepOutput:
        with torch.no_grad():
            self.threshold.data.clamp_(min=0.0)
        return super().training_forward_pass(step_input)

    def _floor(self) -> Tensor:
        return self.threshold - self.bandwidth / 2

    def _activations(self, values: Tensor, active: Active) -> Tensor:
        return self._estimated(JumpReLU, values, active)

    def _penalty(
        self, values: Tensor, activations: Tensor, active: Active, coefficients: dict[str, float]
    ) -> dict[str, Tensor]:
        """The number of a token's active latents."""
        l0 = self._estimated(Step, values, active).sum() / active.shape[0]
        return {"l0_loss": coefficients["l0"] * l0}

    def _estimated(self, function: Any, values: Tensor, active: Active) -> Tensor:
        """sae_lens's function, which sums a threshold's gradient over tokens; here of one token each."""
        thresholds = self.threshold[active.latents]
        options = (self.bandwidth, self.cfg.jumprelu_ste_to_input)
        return function.apply(values[None], thresholds, *options)[0]
