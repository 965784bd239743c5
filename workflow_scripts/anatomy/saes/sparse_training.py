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
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor
from torch.nn.functional import embedding_bag

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
        with torch.no_grad():
            centred = x - self.b_dec if self.cfg.apply_b_dec_to_input else x
            pre = torch.addmm(self.b_enc, centred, self.W_enc)
            norms = self.W_dec.norm(dim=-1) if self.cfg.rescale_acts_by_decoder_norm else None
            entries = self._select(pre if norms is None else pre.mul_(norms))
            values = pre.flatten()[entries]
            rows, latents = entries // pre.shape[1], entries % pre.shape[1]
            weights = values if norms is None else values / norms[latents]
            acts = torch.sparse_coo_tensor(
                torch.stack([rows, latents]),
                values,
                pre.shape,
                is_coalesced=True,
                check_invariants=False,
            )
        sae_out = _Reconstruction.apply(
            self.W_enc,
            self.b_enc,
            self.W_dec,
            self.b_dec,
            *(centred, rows, latents, weights, self.cfg.apply_b_dec_to_input),
        )
        mse = (sae_out - x).square().sum(-1).mean()
        auxiliary = self._auxiliary_loss(step_input, sae_out)
        return TrainStepOutput(
            sae_in=x,
            sae_out=sae_out,
            feature_acts=acts,
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


SPARSE_CLASSES = {"topk": SparseTopKTrainingSAE, "batchtopk": SparseBatchTopKTrainingSAE}


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
            latents = output.feature_acts.indices()[1]
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
        return output


class _Reconstruction(torch.autograd.Function):
    """sum over active entries e of weights[e] W_dec[latents[e]], + b_dec, and its gradients.

    The weights are pre-activations, so their gradient goes on to W_enc, b_enc and b_dec. Sums over
    entries are `embedding_bag`s, which add in a fixed order: the same bytes in every run.
    """

    @staticmethod
    def forward(ctx, W_enc, b_enc, W_dec, b_dec, centred, rows, latents, weights, subtracted):
        counts = torch.bincount(rows, minlength=len(centred))
        starts = torch.cumsum(counts, 0) - counts
        ctx.save_for_backward(W_enc, W_dec, centred, rows, latents, weights, starts)
        ctx.subtracted = subtracted
        return _bags(latents, W_dec, starts, weights) + b_dec

    @staticmethod
    def backward(ctx, grad):
        W_enc, W_dec, centred, rows, latents, weights, starts = ctx.saved_tensors
        grad = grad.contiguous()
        counts = torch.bincount(latents, minlength=len(W_dec))
        by_latent = torch.cumsum(counts, 0) - counts
        order = _order(latents, len(W_dec))
        tokens = rows[order]
        grad_W_dec = _bags(tokens, grad, by_latent, weights[order])
        grad_weights = _entry_dots(grad, W_dec, rows, latents, starts)[order]
        grad_W_enc = _bags(tokens, centred, by_latent, grad_weights).T
        positions = torch.arange(len(order), device=order.device)
        grad_b_enc = embedding_bag(positions, grad_weights[:, None], by_latent, mode="sum")[:, 0]
        grad_b_dec = grad.sum(0)
        if ctx.subtracted:
            grad_b_dec = grad_b_dec - W_enc @ grad_b_enc
        return grad_W_enc, grad_b_enc, grad_W_dec, grad_b_dec, None, None, None, None, None


def _bags(entries: Tensor, matrix: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    return embedding_bag(entries, matrix, starts, mode="sum", per_sample_weights=weights)


def _entry_dots(grad: Tensor, W_dec: Tensor, rows: Tensor, latents: Tensor, starts: Tensor):
    """grad[rows] . W_dec[latents] for every entry, without gathering either matrix."""
    with torch.enable_grad():
        weights = torch.ones(len(rows), device=grad.device, requires_grad=True)
        out = _bags(latents, W_dec.detach(), starts, weights)
    return torch.autograd.grad(out, weights, grad)[0]


def _order(latents: Tensor, m: int) -> Tensor:
    """Entries by latent, those of one latent in their order; numpy sorts 16 bits by radix."""
    if latents.device.type == "cpu" and m <= 2**16:
        return torch.from_numpy(np.argsort(latents.numpy().astype(np.uint16), kind="stable"))
    return latents.argsort(stable=True)


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
