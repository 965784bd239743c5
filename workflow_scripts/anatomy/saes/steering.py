"""The sparsity coefficient of a JumpReLU SAE, found while it is trained, so that its L0 is the one asked for.

An L0 penalty has a coefficient, and which L0 a coefficient leads to is known only after training: the
usual search trains one SAE for every coefficient that is tried. Here the coefficient is the input of
a feedback loop, and one training is all that it costs. Once the learning rate is up, all thresholds
are set to the one value that leaves 4 k latents active. L0 shall then fall to k along a curve that
gets there before the learning rate falls, and the coefficient follows e = log(L0 / curve):

    coefficient = level exp(3 e),   level <- level exp(gain e)

A curve, and not k itself, because thresholds move no faster than Adam lets them: a coefficient that only
sees how far L0 is from k grows while they are on their way, and L0 then falls far below k, which kills
latents. For the same reason the coefficient is bounded: gradients are clipped, so that beyond some point a
larger one means that the reconstruction no longer learns, and L0 rises with it.
"""

import math
from typing import Any

import torch

from workflow_scripts.anatomy.saes.training_plan import TrainingPlan

PROPORTIONAL = 3.0
# Integral gain per step, as this over the number of steps: a longer training is steered more gently.
INTEGRAL = 20.0
HIGHEST_GAIN = 0.1
# The curve reaches k after this share of the steps, or when the learning rate begins to fall.
REACHED_BY = 0.6
# Penalty to begin with, as a share of the squared norm d of the scaled activations.
FIRST_PENALTY = 0.01
# Highest coefficient, as a multiple of the first.
HIGHEST_MULTIPLE = 20.0
# |log| of what is fed back: one odd batch moves the coefficient no further.
MOST_FED_BACK = 2.5
# L0 that thresholds are first set to, as a multiple of k, and after which share of the steps at least.
FIRST_L0 = 4
SETTLED_AFTER = 0.05


def first_coefficient(k: float, d_in: int) -> float:
    """The coefficient to begin with: k active latents cost 1 % of the squared norm."""
    return FIRST_PENALTY * d_in / k


class SteeredCoefficient:
    """Takes the place of sae_lens's `CoefficientScheduler`; told the L0 of every batch.

    Parameters
    ----------
    target: the mean number of active latents wanted, k.
    d_in: dimensions, which the activations' squared norm is scaled to.
    planned: the plan of the training.
    """

    def __init__(self, target: float, d_in: int, planned: TrainingPlan):
        self.target, self.settled = (
            target,
            max(planned.warmup_steps, round(SETTLED_AFTER * planned.steps)),
        )
        self.gain = min(HIGHEST_GAIN, INTEGRAL / planned.steps)
        falling = planned.steps - planned.decay_steps
        self.reached = max(self.settled + 1, min(REACHED_BY * planned.steps, falling))
        self.steps = 0
        self.start = math.nan
        self.level = self.value = first_coefficient(target, d_in)
        self.highest = HIGHEST_MULTIPLE * self.level

    @torch.no_grad()
    def set_thresholds(self, trainer: Any, batch: torch.Tensor) -> None:
        """Before the step at which training has settled, raise all thresholds to where L0 is 4 k."""
        if self.steps != self.settled:
            return
        sae = trainer.sae
        x = trainer.activation_scaler(batch.to(sae.W_enc.device))
        before = torch.addmm(sae.b_enc, sae.process_sae_in(x), sae.W_enc).flatten()
        wanted = min(int(FIRST_L0 * self.target * len(x)), len(before))
        sae.threshold.clamp_(min=float(before.topk(wanted).values[-1]))

    def observe(self, l0: float) -> None:
        """Take in the mean L0 of one batch, and set the coefficient of the next."""
        self.steps += 1
        l0 = max(l0, 1e-3)
        if self.steps <= self.settled:
            return
        if math.isnan(self.start):
            self.start = l0
        way = (self.steps - self.settled) / (self.reached - self.settled)
        # Slower towards the end: a quarter of a sine.
        part = math.sin(math.pi / 2 * min(1.0, way))
        wanted = self.start ** (1 - part) * self.target**part
        error = max(-MOST_FED_BACK, min(MOST_FED_BACK, math.log(l0 / wanted)))
        self.level = min(self.highest, self.level * math.exp(self.gain * error))
        self.value = min(self.highest, self.level * math.exp(PROPORTIONAL * error))

    def step(self) -> float:
        """What the trainer calls after every step; `observe` has the say."""
        return self.value

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {name: getattr(self, name) for name in ("steps", "start", "level", "value")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        for name, value in state.items():
            setattr(self, name, value)
