"""Writing a codes store, context by context, with its summary gathered on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import (
    CHUNK_ROWS,
    ActivationStore,
    block_slices,
    read,
)
from workflow_scripts.anatomy.base.store import writing
from workflow_scripts.anatomy.codes.store import SCALARS
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes

CHUNK_ENTRIES = 2**17


@contextmanager
def writing_codes(
    path: str | Path, activations: ActivationStore, dictionary: Dictionary, attrs: dict[str, Any]
) -> Iterator["CodesWriter"]:
    """Write a codes store at `path` for the tokens of a harvest; yields a writer to append contexts to.

    `attrs` (sae, site, model, harvest, min_position, method) describe the store. Every context
    has to be appended once, in order; width and summary are added at the end, and the store is
    sealed.
    """
    with writing(path, "codes") as group:
        writer = CodesWriter(group, activations, dictionary)
        yield writer
        writer.finish(attrs)


class CodesWriter:
    """Appends blocks of contexts to a codes store, and sums up its summary on the way."""

    def __init__(self, group: Any, activations: ActivationStore, dictionary: Dictionary):
        self.group, self.dictionary, self.units = group, dictionary, activations.units
        self.shape = shape = activations.shape
        self.done = self.written = 0
        self.pending: list[tuple[np.ndarray, np.ndarray]] = []
        self.bounds = [0]
        self.rows = min(max(1, CHUNK_ROWS * 16 // shape[1]), max(1, shape[0]))
        for name in SCALARS:
            dtype = "int32" if name == "l0" else "float64"
            self._create(name, shape, (self.rows, shape[1]), dtype)
        self._copy_documents(activations)
        self._create("indices", (0,), (CHUNK_ENTRIES,), "int32")
        self._create("values", (0,), (CHUNK_ENTRIES,), "float32")
        self.pending_scalars: list[dict[str, np.ndarray]] = []
        self.scalars_done = 0
        self.totals = {"l0": 0.0, "error_norm2": 0.0}
        width = dictionary.width
        self.firing_count = torch.zeros(width, dtype=torch.int64)
        self.activation_sum = torch.zeros(width, dtype=torch.float64)
        self.activation_max = torch.zeros(width)
        self.shift: Tensor | None = None
        self.sum_x = torch.zeros(dictionary.d_in, dtype=torch.float64)
        self.sum_x2 = 0.0

    def _copy_documents(self, activations: ActivationStore) -> None:
        """What tokens share goes with the codes, which are often read without the activations."""
        source, path = activations.group, activations.path
        for name in ("documents", "separators"):
            if name in source:
                dtype = str(source[name].dtype)
                copy = self._create(name, self.shape, (self.rows, self.shape[1]), dtype)
                for contexts in block_slices(self.shape, self.rows * self.shape[1]):
                    copy[contexts] = read(source[name], contexts, path)
        if "books" in source:
            self._store("books", read(source["books"], slice(None), path))

    def append(self, x: Tensor, codes: SparseCodes, recon: Tensor) -> None:
        """Add the next contexts: x (c, T, d), their codes and reconstructions (c * T, d)."""
        count, positions, width = x.shape
        flat = x.reshape(-1, width)
        per_token = {
            "l0": codes.l0,
            "error_norm2": (flat - recon).square().sum(-1, dtype=torch.float64),
            "recon_norm2": recon.square().sum(-1, dtype=torch.float64),
            "recon_dot": (flat * recon).sum(-1, dtype=torch.float64),
        }
        scalars = {n: v.reshape(count, positions).cpu().numpy() for n, v in per_token.items()}
        used = self.units.used(slice(self.done, self.done + count))
        for name in self.totals:
            self.totals[name] += float(scalars[name][used].sum(dtype=np.float64))
        self.pending_scalars.append(scalars)
        self._flush_scalars(whole_chunks=True)
        self._add_moments(x[torch.from_numpy(used).to(x.device)])
        codes = codes.cpu()
        self._add_latents(codes, torch.from_numpy(used).flatten())
        context_nnz = scalars["l0"].sum(1, dtype=np.int64)
        self.bounds.extend((self.bounds[-1] + np.cumsum(context_nnz)).tolist())
        self.pending.append((codes.indices.numpy(), codes.values.numpy()))
        self.done += count
        if sum(len(part[0]) for part in self.pending) >= CHUNK_ENTRIES:
            self._flush(whole_chunks=True)

    def _add_moments(self, x: Tensor) -> None:
        if self.shift is None:
            self.shift = x.mean(0) if len(x) else x.new_zeros(x.shape[-1])
        # Shifted by the first block's mean: a large mean would cost digits of the variance.
        x = x - self.shift
        self.sum_x += x.sum(0, dtype=torch.float64).cpu()
        self.sum_x2 += float(x.square().sum(dtype=torch.float64))

    def _add_latents(self, codes: SparseCodes, used: Tensor) -> None:
        of_used = used[codes.rows]
        indices, values = codes.indices[of_used].long(), codes.values[of_used]
        width = self.dictionary.width
        self.firing_count += torch.bincount(indices, minlength=width)
        self.activation_sum += torch.bincount(indices, values.double(), minlength=width)
        self.activation_max.scatter_reduce_(0, indices, values, "amax")

    def finish(self, attrs: dict[str, Any]) -> None:
        """Write what is left, the statistics per latent and the description."""
        if self.done != self.shape[0]:
            raise RuntimeError(f"{self.done} of {self.shape[0]} contexts were appended")
        self._flush(whole_chunks=False)
        self._flush_scalars(whole_chunks=False)
        for name in ("firing_count", "activation_sum", "activation_max"):
            self._store(name, getattr(self, name).numpy())
        self._store("offsets", np.array(self.bounds, dtype=np.int64))
        width = self.dictionary.width
        self.group.attrs.update({**attrs, "width": width, "summary": self.summary()})

    def summary(self) -> dict[str, float | int | None]:
        """n_tokens, l0, mse, fvu, variance, dead_latents, decoder_norm_mean.

        mse is the mean over tokens of ||x - Sae(x)||^2, variance that of ||x - mean||^2, fvu
        their quotient (None where all activations are equal); a latent is dead that never fires.
        """
        tokens = int(self.units.tokens.sum())
        variance = self.sum_x2 / tokens - float((self.sum_x / tokens).square().sum())
        mse = self.totals["error_norm2"] / tokens
        return {
            "n_tokens": tokens,
            "l0": self.totals["l0"] / tokens,
            "mse": mse,
            "fvu": mse / variance if variance > 0 else None,
            "variance": variance,
            "dead_latents": int((self.firing_count == 0).sum()),
            "decoder_norm_mean": float(self.dictionary.W_dec.norm(dim=1).mean()),
        }

    def _flush(self, whole_chunks: bool) -> None:
        # Only whole chunks are written on the way: a half one would be read back and rewritten.
        arrays = [np.concatenate([part[at] for part in self.pending]) for at in (0, 1)]
        count = len(arrays[0])
        count -= count % CHUNK_ENTRIES if whole_chunks else 0
        for name, array in zip(("indices", "values"), arrays, strict=True):
            self.group[name].append(array[:count])
        self.pending = [(arrays[0][count:], arrays[1][count:])]

    def _flush_scalars(self, whole_chunks: bool) -> None:
        held = sum(len(part["l0"]) for part in self.pending_scalars)
        count = held - held % self.rows if whole_chunks else held
        if count == 0:
            return
        arrays = {n: np.concatenate([p[n] for p in self.pending_scalars]) for n in SCALARS}
        contexts = slice(self.scalars_done, self.scalars_done + count)
        for name, array in arrays.items():
            self.group[name][contexts] = array[:count]
        self.scalars_done += count
        self.pending_scalars = [{name: array[count:] for name, array in arrays.items()}]

    def _create(self, name: str, shape: tuple, chunks: tuple, dtype: str) -> Any:
        from zarr.codecs import BloscCodec, Crc32cCodec

        lossless = BloscCodec(cname="lz4", shuffle="bitshuffle")
        return self.group.create_array(
            name, shape=shape, chunks=chunks, dtype=dtype, compressors=[lossless, Crc32cCodec()]
        )

    def _store(self, name: str, array: np.ndarray) -> None:
        self._create(name, array.shape, array.shape, str(array.dtype))[:] = array
