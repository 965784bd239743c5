"""A sparse autoencoder in its one canonical form: encode to sparse codes, decode from them.

Whatever an SAE was (ReLU, TopK, BatchTopK, JumpReLU; trained here or released), it is stored as a
`Dictionary`, and everything downstream of training and import reads only this.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.saes.dictionary_file import read_file

ACTIVATIONS = ("relu", "topk", "jumprelu")
# Entries of dense pre-activations held at a time: 64 MB in float32, so that with masks and
# selections the peak stays below 256 MB.
DENSE_ENTRIES = 2**24


@dataclass(frozen=True)
class SparseCodes:
    """The active latents of n tokens, row by row.

    ``indices`` (nnz,) int32, latents ascending within a token; ``values`` (nnz,) float32, > 0;
    ``l0`` (n,) int32, the number of active latents of each token.
    """

    indices: Tensor
    values: Tensor
    l0: Tensor

    @property
    def offsets(self) -> Tensor:
        """(n + 1,) int64: token i owns entries offsets[i] to offsets[i + 1]."""
        ends = torch.cumsum(self.l0, 0, dtype=torch.int64)
        return torch.cat([ends.new_zeros(1), ends])

    @property
    def rows(self) -> Tensor:
        """(nnz,) int64: the token that each entry belongs to."""
        tokens = torch.arange(len(self.l0), device=self.l0.device)
        return tokens.repeat_interleave(self.l0.long(), output_size=len(self.values))

    def to_dense(self, width: int) -> Tensor:
        """The codes as a dense (n, width) float32 matrix; for small inputs only."""
        dense = self.values.new_zeros(len(self.l0), width)
        dense[self.rows, self.indices.long()] = self.values
        return dense

    def cpu(self) -> "SparseCodes":
        return SparseCodes(self.indices.cpu(), self.values.cpu(), self.l0.cpu())


def concatenate(codes: list[SparseCodes]) -> SparseCodes:
    """The codes of several batches of tokens, one after another."""
    return SparseCodes(
        torch.cat([part.indices for part in codes]),
        torch.cat([part.values for part in codes]),
        torch.cat([part.l0 for part in codes]),
    )


def nonzero(mask: Tensor) -> Tensor:
    """Positions of a flat mask, ascending; numpy scans a sparse mask several times faster."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.nonzero().flatten()


@dataclass
class Dictionary:
    """A sparse autoencoder with d inputs and m latents; tensors are float32 on one device.

    With s = `input_scale`, and x first centred over d where `center` is set:

        pre = (s x - b_dec [if subtract_b_dec]) W_enc + b_enc
        z   = relu(pre) | the k largest of relu(pre) | pre where pre > max(threshold, 0), else 0
        Sae(x) = (z W_dec + b_dec) / s  (+ the token's mean, where `center` is set)

    `metadata` says what it is: name, architecture as trained (standard, topk, batchtopk,
    jumprelu), model, site, width, nominal_l0, seed, source.
    """

    W_enc: Tensor  # (d, m)
    b_enc: Tensor  # (m,)
    W_dec: Tensor  # (m, d)
    b_dec: Tensor  # (d,)
    activation: str = "relu"
    k: int | None = None
    threshold: Tensor | None = None  # (m,)
    subtract_b_dec: bool = False
    center: bool = False
    input_scale: float = 1.0
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def d_in(self) -> int:
        return self.W_enc.shape[0]

    @property
    def width(self) -> int:
        return self.W_enc.shape[1]

    @property
    def name(self) -> str:
        return self.metadata.get("name", "SAE")

    def tensors(self) -> dict[str, Tensor]:
        """The weights by name."""
        found = {name: getattr(self, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
        return found if self.threshold is None else {**found, "threshold": self.threshold}

    def to(self, device: str | torch.device) -> "Dictionary":
        """The same dictionary with its weights on `device`."""
        for name, tensor in self.tensors().items():
            setattr(self, name, tensor.to(device))
        return self

    def encode(self, x: Tensor) -> SparseCodes:
        """Sparse codes of x, (n, d) float32, in batches of `DENSE_ENTRIES` pre-activations.

        No tokens give empty codes. Where activations tie at the k-th place of a TopK, torch
        decides which is taken.
        """
        step = max(1, DENSE_ENTRIES // self.width)
        parts = [self._select(self.preactivations(part)) for part in x.split(step)]
        return parts[0] if len(parts) == 1 else concatenate(parts)

    def preactivations(self, x: Tensor) -> Tensor:
        """What enters the activation function, (n, m) float32, for x (n, d)."""
        if self.center:
            x = x - x.mean(-1, keepdim=True)
        if self.input_scale != 1.0:
            x = x * self.input_scale
        if self.subtract_b_dec:
            x = x - self.b_dec
        return torch.addmm(self.b_enc, x, self.W_enc)

    def _select(self, pre: Tensor) -> SparseCodes:
        if self.activation == "topk":
            values, indices = pre.topk(self.k, dim=-1, sorted=False)
            indices, order = indices.sort(dim=-1)
            values = values.gather(-1, order)
            active = values > 0
            l0, values, indices = active.sum(-1), values[active], indices[active]
        else:
            floor = 0.0 if self.threshold is None else self.threshold.clamp(min=0)
            entries = nonzero((pre > floor).flatten())
            rows, values = entries // self.width, pre.flatten()[entries]
            indices = entries - rows * self.width
            l0 = torch.bincount(rows, minlength=len(pre))
        return SparseCodes(indices.int(), values, l0.int())

    def decode(self, codes: SparseCodes, token_mean: Tensor | None = None) -> Tensor:
        """Reconstructions (n, d) float32 of sparse codes.

        `token_mean` (n, 1) is added where the dictionary centres its input; without it the
        reconstructions are those of the centred activations.
        """
        out = torch.nn.functional.embedding_bag(
            codes.indices.long(),
            self.W_dec,
            codes.offsets[:-1],
            mode="sum",
            per_sample_weights=codes.values,
        )
        out = (out + self.b_dec) / self.input_scale
        return out if token_mean is None else out + token_mean

    def token_mean(self, x: Tensor) -> Tensor | None:
        """What `decode` adds to the tokens x (n, d): (n, 1) for a centring SAE, else None."""
        return x.mean(-1, keepdim=True) if self.center else None

    def reconstruct(self, x: Tensor) -> tuple[SparseCodes, Tensor]:
        """The codes of x (n, d) and Sae(x), (n, d) float32."""
        codes = self.encode(x)
        return codes, self.decode(codes, self.token_mean(x))

    def check(self, where: str) -> "Dictionary":
        """Return the dictionary if its fields agree with each other.

        Raises
        ------
        AnatomyError: shapes that disagree, NaN or infinite weights, an unknown activation, a k
            outside 1..m, a missing threshold. `where` begins its message.
        """
        d, m = self.W_enc.shape
        expected = {"b_enc": (m,), "W_dec": (m, d), "b_dec": (d,), "threshold": (m,)}
        for name, tensor in self.tensors().items():
            if tuple(tensor.shape) != expected.get(name, (d, m)):
                raise AnatomyError(
                    f"{where}: {name} has shape {tuple(tensor.shape)} where W_enc of shape "
                    f"{(d, m)} asks for {expected[name]}; the file is not of one SAE"
                )
            if not tensor.isfinite().all():
                raise AnatomyError(f"{where}: {name} holds NaN or infinite values; get it anew")
        if self.activation not in ACTIVATIONS:
            raise AnatomyError(f"{where}: activation {self.activation} is none of {ACTIVATIONS}")
        if self.activation == "topk" and not (self.k is not None and 1 <= self.k <= m):
            raise AnatomyError(f"{where}: k is {self.k}, but has to lie between 1 and {m}")
        if self.activation == "jumprelu" and self.threshold is None:
            raise AnatomyError(f"{where}: a jumprelu SAE without thresholds")
        return self

    def save(self, path: str | Path) -> None:
        """Write the dictionary to one safetensors file, its description in the header."""
        from safetensors.torch import save_file

        self.check(str(path))
        names = ("activation", "k", "subtract_b_dec", "center", "input_scale", "metadata")
        about = json.dumps({name: getattr(self, name) for name in names}, sort_keys=True)
        tensors = {name: tensor.contiguous().cpu() for name, tensor in self.tensors().items()}
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata={"anatomy": about})


def load_dictionary(path: str | Path, device: str | torch.device = "cpu") -> Dictionary:
    """Load the dictionary at `path`.

    Raises
    ------
    AnatomyError: the file is missing, cut or corrupted, was not written by `Dictionary.save`,
        or fails `Dictionary.check`.
    """
    about, tensors = read_file(path)
    if about is None or not {"W_enc", "b_enc", "W_dec", "b_dec"} <= tensors.keys():
        raise AnatomyError(f"{path}: not a canonical SAE (no description, or tensors missing)")
    return Dictionary(**tensors, **about).check(str(path)).to(device)
