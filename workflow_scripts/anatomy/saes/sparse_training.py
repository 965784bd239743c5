"""Training steps of TopK and BatchTopK SAEs that touch only the active latents.

sae_lens computes activations, reconstructions and gradients as dense (batch, m) matrices, of which
all but k in a row are zeros. Here only the pre-activations are dense: the k * batch active entries
are selected from them, and the decoder and every gradient are sums over these entries. The result
is sae_lens's own step to float32 rounding, with its saved format, losses and auxiliary loss; a
gradient through the decoder norms never arises, because activations are multiplied by them
and divided again.
"""

from typing import Any

import numpy as np
import torch
from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE
from sae_lens.saes.sae import TrainStepInput, TrainStepOutput
from sae_lens.saes.topk_sae import TopKTrainingSAE
from torch import Tensor

from workflow_scripts.anatomy.saes.active_entries import Active, decoded, encoded
from workflow_scripts.anatomy.saes.dictionary import nonzero

# The next batch's candidates lie above this share of the smallest activation selected now. Most
# steps then find enough of them; the selection is exact either way.
SLACK = 0.9


class _SparseStep:
    """What both architectures share; `_select` says which entries of a batch are active."""

    # sae_lens's, of the class that this is mixed into.
    cfg: Any
    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor

    def _select(self, pre: Tensor) -> Tensor:
        """Flat positions of the active entries of (batch, m) activations, ascending."""
        raise NotImplementedError

    def training_forward_pass(self, step_input: TrainStepInput) -> TrainStepOutput:
        """The losses of a batch, as sae_lens's `TrainingSAE.training_forward_pass` gives them."""
        x = step_input.sae_in
        centred = x - self.b_dec.detach() if self.cfg.apply_b_dec_to_input else x
        with torch.no_grad():
            pre = torch.addmm(self.b_enc, centred, self.W_enc)
            norms = self.W_dec.norm(dim=-1) if self.cfg.rescale_acts_by_decoder_norm else None
            active = Active(self._select(pre if norms is None else pre.mul_(norms)), pre.shape)
            values = pre.flatten()[active.entries]
            weights = values if norms is None else values / norms[active.latents]
        weights = encoded(
            *(weights, self.W_enc, self.b_enc, self.b_dec, centred, active),
            self.cfg.apply_b_dec_to_input,
        )
        sae_out = decoded(weights, self.W_dec, self.b_dec, active)
        mse = (sae_out - x).square().sum(-1).mean()
        auxiliary = self._auxiliary_loss(step_input, sae_out)
        return TrainStepOutput(
            sae_in=x,
            sae_out=sae_out,
            feature_acts=active.codes(values),
            hidden_pre=pre,
            loss=mse + auxiliary,
            losses={"mse_loss": mse, "auxiliary_reconstruction_loss": auxiliary},
        )

    def _auxiliary_loss(self, step_input: TrainStepInput, sae_out: Tensor) -> Tensor:
        """Dead latents rebuild the residual (Gao et al. 2024, A.2), as sae_lens computes it."""
        x, mask = step_input.sae_in, step_input.dead_neuron_mask
        dead = mask.nonzero().flatten() if mask is not None else []
        if len(dead) == 0:
            return sae_out.new_tensor(0.0)
        most = x.shape[-1] // 2
        centred = x - self.b_dec if self.cfg.apply_b_dec_to_input else x
        acts = centred @ self.W_enc[:, dead] + self.b_enc[dead]
        W_dec = self.W_dec[dead]
        if len(dead) > most:
            rank = acts.detach()
            if self.cfg.rescale_acts_by_decoder_norm:
                rank = rank * W_dec.detach().norm(dim=-1)
            acts = acts * (rank >= kth_largest(rank, most))
        residual = (x - sae_out).detach()
        loss = (acts @ W_dec - residual).square().sum(-1).mean()
        return self.cfg.aux_loss_coefficient * min(len(dead) / most, 1.0) * loss


class SparseTopKTrainingSAE(_SparseStep, TopKTrainingSAE):
    """sae_lens's `TopKTrainingSAE` with sparse steps."""

    def _select(self, pre: Tensor) -> Tensor:
        """Flat positions, ascending, of the k largest positive entries of each row."""
        if pre.device.type == "cpu":
            entries = nonzero((pre >= kth_largest(pre, self.cfg.k)).flatten())
            if len(entries) == self.cfg.k * len(pre):  # none are equal
                return entries[pre.flatten()[entries] > 0]
        values, latents = pre.topk(self.cfg.k, dim=-1, sorted=False)
        starts = torch.arange(len(pre), device=pre.device)[:, None] * pre.shape[1]
        return (latents + starts)[values > 0].sort().values


class SparseBatchTopKTrainingSAE(_SparseStep, BatchTopKTrainingSAE):
    """sae_lens's `BatchTopKTrainingSAE` with sparse steps."""

    floor: float | None = None
    topk_threshold: Tensor

    def training_forward_pass(self, step_input: TrainStepInput) -> TrainStepOutput:
        output = super().training_forward_pass(step_input)
        self.update_topk_threshold(output.feature_acts)
        output.metrics["topk_threshold"] = self.topk_threshold
        return output

    @torch.no_grad()
    def update_topk_threshold(self, acts_topk: Tensor) -> None:
        """sae_lens's running threshold; takes the entries that are stored, all of them positive."""
        values = acts_topk.values() if acts_topk.is_sparse else acts_topk[acts_topk > 0]
        if len(values):
            step = self.cfg.topk_threshold_lr
            smallest = values.min().to(self.topk_threshold.dtype)
            self.topk_threshold = (1 - step) * self.topk_threshold + step * smallest

    def _select(self, pre: Tensor) -> Tensor:
        """Flat positions, ascending, of the k * batch largest positive entries."""
        flat = pre.flatten()
        count = int(self.cfg.k * len(pre))
        entries = nonzero(flat > self.floor) if self.floor is not None else flat[:0]
        if len(entries) < count:
            entries = nonzero(flat > 0)
        values = flat[entries]
        if len(entries) > count:
            kept = largest(values, count)
            entries, values = entries[kept], values[kept]
        self.floor = SLACK * values.min().item() if len(values) else None
        return entries


def kth_largest(values: Tensor, k: int) -> Tensor:
    """The k-th largest of each row, (n, 1); numpy finds it two to four times faster on a CPU."""
    if values.device.type != "cpu":
        return values.topk(k, dim=-1).values[:, -1:]
    at = values.shape[1] - k
    return torch.from_numpy(np.partition(values.numpy(), at, axis=1)[:, at : at + 1])


def largest(values: Tensor, count: int) -> Tensor:
    """Positions of the `count` largest of more values, ascending; numpy finds the smallest of them faster."""
    if values.device.type != "cpu":
        return values.topk(count, sorted=False).indices.sort().values
    array = values.numpy()
    smallest = np.partition(array, len(array) - count)[len(array) - count]
    kept = array > smallest
    ties = np.flatnonzero(array == smallest)
    kept[ties[: count - np.count_nonzero(kept)]] = True
    return torch.from_numpy(np.flatnonzero(kept))
