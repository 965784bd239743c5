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
from workflow_scripts.anatomy.setup.normalisations import TOKEN_BY_TOKEN

ACTIVATIONS = ("relu", "topk", "jumprelu")
NORMALISATIONS = ("none", *TOKEN_BY_TOKEN)
LAYER_NORM_EPSILON = 1e-5  # sae_lens adds it to the standard deviation that it divides by
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

    Where `normalisation` is not ``none``, each token is divided by a t of its own after centring, and s
    is 1: by its standard deviation (``layer_norm``), or by its norm over sqrt(d)
    (``constant_norm_rescale``). Its codes are then t z, in units of the activations, so that what a
    latent adds to the reconstruction is its code times its decoder row, as for any other SAE:

        Sae(x) = (t z) W_dec + t b_dec  (+ the token's mean)

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
    normalisation: str = "none"
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
        parts = [self._encode(part) for part in x.split(step)]
        return parts[0] if len(parts) == 1 else concatenate(parts)

    def preactivations(self, x: Tensor) -> Tensor:
        """What enters the activation function, (n, m) float32, for x (n, d)."""
        x = self._centred(x)
        if self.normalisation == "layer_norm":
            x = x / (x.std(-1, keepdim=True) + LAYER_NORM_EPSILON)
        elif self.normalisation != "none":
            x = x / self._token_scale(x)
        elif self.input_scale != 1.0:
            x = x * self.input_scale
        if self.subtract_b_dec:
            x = x - self.b_dec
        return torch.addmm(self.b_enc, x, self.W_enc)

    def _centred(self, x: Tensor) -> Tensor:
        return x - x.mean(-1, keepdim=True) if self.center else x

    def _token_scale(self, x: Tensor) -> Tensor:
        """t of each token of x (n, d), centred where it has to be: (n, 1)."""
        if self.normalisation == "layer_norm":
            return x.std(-1, keepdim=True)
        return x.norm(dim=-1, keepdim=True) / self.d_in**0.5

    def _encode(self, x: Tensor) -> SparseCodes:
        pre = self.preactivations(x)
        if self.normalisation == "none":
            return self._select(pre)
        scale = self._token_scale(self._centred(x))
        # A token that is the same in all dimensions is its own mean: no latent has a part in it.
        codes = self._select(pre.masked_fill(scale <= 0, 0.0))
        return SparseCodes(codes.indices, codes.values * scale[codes.rows, 0], codes.l0)

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

    def decode(self, codes: SparseCodes, offset: Tensor | None = None) -> Tensor:
        """Reconstructions (n, d) float32 of sparse codes; offset: what `offset` says of their tokens.

        Without it the reconstructions of a centring SAE are those of the centred activations.
        """
        out = torch.nn.functional.embedding_bag(
            codes.indices.long(),
            self.W_dec,
            codes.offsets[:-1],
            mode="sum",
            per_sample_weights=codes.values,
        )
        out = (out + self.b_dec) / self.input_scale
        return out if offset is None else out + offset

    def offset(self, x: Tensor) -> Tensor | None:
        """What `decode` adds for the tokens x (n, d), beside latents and bias; None where it is nothing.

        Their means, (n, 1), for a centring SAE; with these (t - 1) b_dec, (n, d), for one that scales each
        token by its own t.
        """
        mean = x.mean(-1, keepdim=True) if self.center else None
        if self.normalisation == "none":
            return mean
        bias = (self._token_scale(self._centred(x)) - 1) * self.b_dec
        return bias if mean is None else bias + mean

    def require_one_bias(self, what: str) -> None:
        """Raise an AnatomyError where the decoder bias is another one for every token; what: what needs one."""
        if self.normalisation != "none":
            raise AnatomyError(
                f"{self.name} scales every token by itself ({self.normalisation}), so that its decoder bias "
                f"is another one for every token: {what} needs SAEs with one"
            )

    def reconstruct(self, x: Tensor) -> tuple[SparseCodes, Tensor]:
        """The codes of x (n, d) and Sae(x), (n, d) float32."""
        codes = self.encode(x)
        return codes, self.decode(codes, self.offset(x))

    def check(self, where: str) -> "Dictionary":
        """Return the dictionary if its fields agree with each other.

        Raises
        ------
        AnatomyError: shapes that disagree, NaN or infinite weights, an unknown activation, a k
            outside 1..m, a missing threshold, an unknown normalisation, or one beside an input scale.
            `where` begins its message.
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
        if self.normalisation not in NORMALISATIONS:
            raise AnatomyError(f"{where}: {self.normalisation} is none of {NORMALISATIONS}")
        if self.normalisation != "none" and self.input_scale != 1.0:
            raise AnatomyError(
                f"{where}: it scales every token by itself ({self.normalisation}), so input_scale has no "
                "meaning for it; leave it out"
            )
        if self.normalisation == "layer_norm" and not self.center:
            raise AnatomyError(f"{where}: layer_norm subtracts each token's mean; center is false")
        return self

    def save(self, path: str | Path) -> None:
        """Write the dictionary to one safetensors file, its description in the header."""
        from safetensors.torch import save_file

        self.check(str(path))
        names = ["activation", "k", "subtract_b_dec", "center", "input_scale", "metadata"]
        names += [] if self.normalisation == "none" else ["normalisation"]
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
