"""Non-negative gradient pursuit: better codes for a frozen decoder, found token by token.

Inference-time optimisation of an SAE's codes (Smith 2024a), after the gradient pursuit of
Blumensath & Davies (2008). With unit decoder rows D and target t = s x - b_dec, each step

    1. takes the atom with the largest positive correlation D r that is not in the support,
    2. sets g = D r on the support (0 elsewhere) and c = g D,
    3. moves the coefficients by g times <c, r> / <c, c>, the exact line search,
    4. clips them at 0; an atom clipped to 0 leaves the support and may be taken again.

A token makes as many steps as it has active latents under the SAE, so that it never has more;
it stops early when no atom outside its support correlates positively with the residual.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.reconstruct import activation_blocks, check_fits, codes_attrs
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.codes.writing import writing_codes
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes, concatenate

GRAM_BYTES = 2**30
# Correlations held at a time: 32 MB in float32.
CORRELATION_ENTRIES = 2**23


def pursue(
    dictionary: Dictionary,
    activations: ActivationStore,
    codes: CodesStore,
    site: str,
    output: str | Path,
    device: str = "cpu",
) -> dict[str, Any]:
    """Write the codes store `output` with the pursuit's codes, one step per active latent.

    `codes` is the SAE's own codes store on the same harvest: it gives each token's L0.

    Returns
    -------
    The store's description, as `reconstruct` does.

    Raises
    ------
    AnatomyError: the SAE, the activations and the codes are not of one shape, or NaN.
    """
    device = resolve_device(device)
    check_fits(dictionary, activations, site)
    if codes.shape != activations.shape or codes.width != dictionary.width:
        raise AnatomyError(
            f"{codes.path} holds {codes.shape} tokens and {codes.width} latents, where the harvest "
            f"has {activations.shape} and the SAE {dictionary.width}; rebuild the codes"
        )
    dictionary = dictionary.to(device)
    pursuit = GradientPursuit(dictionary.W_dec)
    attrs = codes_attrs(dictionary, activations, site, "gradient pursuit")
    with torch.no_grad(), writing_codes(output, activations, dictionary, attrs) as writer:
        what = f"gradient pursuit of {dictionary.name}"
        for contexts, block in activation_blocks(activations, site, device, what):
            x = block.reshape(-1, block.shape[-1])
            steps = torch.from_numpy(codes.scalar("l0", contexts).reshape(-1)).to(device)
            offset = dictionary.offset(x)
            inside = x if offset is None else x - offset
            target = inside * dictionary.input_scale - dictionary.b_dec
            found = pursuit(target, steps)
            writer.append(block, found, dictionary.decode(found, offset))
    return {**attrs, "width": dictionary.width, "summary": writer.summary()}


class GradientPursuit:
    """Gradient pursuit on the rows of `W_dec`, (m, d) float32.

    Correlations are updated through the Gram matrix where it takes at most `gram_bytes`, and
    are computed from the residual, a chunk of atoms at a time, where it would take more.
    """

    def __init__(self, W_dec: Tensor, gram_bytes: int = GRAM_BYTES):
        self.norms = W_dec.norm(dim=1)
        # A zero row stays zero: its correlations are never positive, so it is never taken.
        self.atoms = W_dec / self.norms.clamp(min=torch.finfo(W_dec.dtype).tiny)[:, None]
        fits = len(W_dec) ** 2 * W_dec.element_size() <= gram_bytes
        self.gram = self.atoms @ self.atoms.T if fits else None

    @torch.no_grad()
    def __call__(self, target: Tensor, steps: Tensor) -> SparseCodes:
        """Codes for `target` (n, d), `steps` (n,) int32 steps each, in units of the rows of W_dec.

        Their l0 is at most `steps`.
        """
        # Tokens with most steps first: those still at work are then always the first ones.
        order = steps.argsort(descending=True, stable=True)
        rows = max(1, CORRELATION_ENTRIES // min(len(self.atoms), CORRELATION_ENTRIES))
        parts = [self._pursue(target[part], steps[part]) for part in order.split(rows)]
        found = concatenate([self._codes(atoms, values) for atoms, values in parts])
        return _permuted(found, order.argsort())

    def _pursue(self, target: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        most = int(steps.max()) if len(steps) else 0
        # Slot t of a token's support is the atom that it took at step t.
        support = torch.zeros(len(target), most, dtype=torch.int64, device=target.device)
        values = target.new_zeros(len(target), most)
        finished = torch.zeros(len(target), dtype=torch.bool, device=target.device)
        if self.gram is None:
            state: _Residuals | _Correlations = _Residuals(self.atoms, target)
        else:
            state = _Correlations(self.gram, target @ self.atoms.T)
        remaining = (steps[None] > torch.arange(most, device=steps.device)[:, None]).sum(1)
        for step, count in enumerate(remaining.tolist()):
            atoms, z = support[:count, : step + 1], values[:count, : step + 1]
            best, atom = state.best(atoms, z > 0)
            finished[:count] |= best <= 0
            atoms[:, step] = torch.where(finished[:count], 0, atom)
            active = z > 0
            active[:, step] = True
            active &= ~finished[:count, None]
            atoms = atoms.contiguous()
            gradient = state.correlations(atoms).masked_fill_(~active, 0)
            curvature = state.curvature(atoms, gradient)
            size = gradient.square().sum(1) / curvature
            size = torch.where(curvature > 0, size, 0)
            delta = gradient * size[:, None]
            moved = (z + delta).clamp_(min=0)
            # What clipping takes back; it is rare, so corrections touch few tokens.
            clipped = torch.where(moved == 0, z + delta, 0)
            state.move(atoms, delta, clipped, size)
            values[:count, : step + 1] = moved
        return support, values

    def _codes(self, support: Tensor, values: Tensor) -> SparseCodes:
        support, order = support.sort(dim=1)
        values = values.gather(1, order)
        used = values > 0
        atoms = support[used]
        return SparseCodes(atoms.int(), values[used] / self.norms[atoms], used.sum(1).int())


class _Correlations:
    """The state of a pursuit as its correlations D r, (n, m), updated through the Gram matrix."""

    def __init__(self, gram: Tensor, correlations: Tensor):
        self.gram, self.now = gram, correlations

    def best(self, atoms: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        now = self.now[: len(atoms)]
        kept = now.gather(1, atoms)
        # An atom taken twice has a slot that is active and one that is not: the mask must win.
        now.scatter_reduce_(1, atoms, kept.masked_fill(active, -torch.inf), "amin")
        best, atom = _largest(now)
        now.scatter_(1, atoms, kept)
        return best, atom

    def correlations(self, atoms: Tensor) -> Tensor:
        return self.now[: len(atoms)].gather(1, atoms)

    def curvature(self, atoms: Tensor, gradient: Tensor) -> Tensor:
        self.change = _combine(self.gram, atoms, gradient)
        return (gradient * self.change.gather(1, atoms)).sum(1)

    def move(self, atoms: Tensor, delta: Tensor, clipped: Tensor, size: Tensor) -> None:
        self.now[: len(atoms)].addcmul_(self.change, size[:, None], value=-1)
        tokens = clipped.any(1).nonzero().flatten()
        if len(tokens):
            self.now[tokens] += _combine(self.gram, atoms[tokens], clipped[tokens])


class _Residuals:
    """The state of a pursuit as its residuals r, (n, d); correlations by chunks of atoms."""

    def __init__(self, atoms: Tensor, target: Tensor):
        self.rows, self.now = atoms, target.clone()
        self.chunk = max(1, CORRELATION_ENTRIES // max(1, len(target)))

    def best(self, atoms: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        best = self.now.new_full((len(atoms),), -torch.inf)
        atom = torch.zeros(len(atoms), dtype=torch.int64, device=self.now.device)
        for start in range(0, len(self.rows), self.chunk):
            found = self.now[: len(atoms)] @ self.rows[start : start + self.chunk].T
            inside = active & (atoms >= start) & (atoms < start + found.shape[1])
            token, slot = inside.nonzero(as_tuple=True)
            found[token, atoms[token, slot] - start] = -torch.inf
            value, at = _largest(found)
            atom = torch.where(value > best, at + start, atom)
            best = torch.maximum(best, value)
        return best, atom

    def correlations(self, atoms: Tensor) -> Tensor:
        count, slots = atoms.shape
        out = self.now.new_empty(count, slots)
        # Gathered atoms take n * slots * d numbers, so a slice of tokens at a time.
        step = max(1, CORRELATION_ENTRIES // (slots * self.now.shape[1]))
        for at in range(0, count, step):
            part = slice(at, min(at + step, count))
            out[part] = (self.rows[atoms[part]] @ self.now[part, :, None]).squeeze(-1)
        return out

    def curvature(self, atoms: Tensor, gradient: Tensor) -> Tensor:
        return _combine(self.rows, atoms, gradient).square().sum(1)

    def move(self, atoms: Tensor, delta: Tensor, clipped: Tensor, size: Tensor) -> None:
        self.now[: len(atoms)] -= _combine(self.rows, atoms, delta - clipped)


def _combine(rows: Tensor, atoms: Tensor, weights: Tensor) -> Tensor:
    """sum_s weights[i, s] rows[atoms[i, s]] for each token i."""
    return torch.nn.functional.embedding_bag(
        atoms, rows, mode="sum", per_sample_weights=weights.contiguous()
    )


def _largest(correlations: Tensor) -> tuple[Tensor, Tensor]:
    """The largest of each row and where it is, each (n,); numpy finds it several times faster."""
    if correlations.device.type != "cpu":
        return correlations.max(1)
    at = torch.from_numpy(correlations.numpy().argmax(1))
    return correlations.gather(1, at[:, None])[:, 0], at


def _permuted(codes: SparseCodes, order: Tensor) -> SparseCodes:
    """The codes with their tokens in another order."""
    starts, l0 = codes.offsets[:-1][order], codes.l0[order].long()
    new = torch.cumsum(l0, 0) - l0
    entries = torch.arange(len(codes.values), device=l0.device)
    entries += (starts - new).repeat_interleave(l0, output_size=len(codes.values))
    return SparseCodes(codes.indices[entries], codes.values[entries], codes.l0[order])
