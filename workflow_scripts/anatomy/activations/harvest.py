"""Harvest: run the model once over a data set and store its activations at some hook points."""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.activations.store import CHUNK_ROWS, SHARD_ROWS
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress
from workflow_scripts.anatomy.base.store import writing
from workflow_scripts.anatomy.models.added import check_hook_points
from workflow_scripts.anatomy.models.hook_points import capturing, check
from workflow_scripts.anatomy.models.losses import token_losses
from workflow_scripts.anatomy.text.contexts import check_ids, contexts
from workflow_scripts.anatomy.text.tokenization import Tokens

# Shards are held in memory until they are full, one for each hook point.
BUFFER_BYTES = 4 << 30
# Hook points are checked on so many contexts of the first batch.
CHECKED_CONTEXTS = 2


def check_harvest(harvest: dict[str, Any], description: dict[str, Any]) -> None:
    """Check a harvest block against the model's description, before the model is loaded.

    Raises
    ------
    AnatomyError: a hook point that the model lacks or that is named twice, contexts longer than
        the model's, or a min_position that leaves no token.
    """
    hook_points, length = harvest["hook_points"], harvest["context_length"]
    check(hook_points, description)
    if len(set(hook_points)) < len(hook_points):
        raise AnatomyError("harvests.*.hook_points: a hook point is named twice")
    longest = description["context_length"]
    if longest is not None and length > longest:
        raise AnatomyError(
            f"harvests.*.context_length: {length} is longer than the {longest} positions of "
            f"model {description['name']}"
        )
    if not 0 <= harvest["min_position"] < length:
        raise AnatomyError(
            f"harvests.*.min_position: {harvest['min_position']} is not below the context_length "
            f"{length}, so no token would be left"
        )


def harvest_activations(
    model: torch.nn.Module,
    description: dict[str, Any],
    tokens: Tokens,
    harvest: dict[str, Any],
    name: str,
    path: Path,
) -> None:
    """Run the model over the contexts of a harvest and write the activation store at `path`.

    Parameters
    ----------
    model: in evaluation mode, on the device to compute on; description: its model.json.
    tokens: the split's tokens; harvest: the config block; name: its name.
    path: folder of the store, see `activations.ActivationStore` for what it holds.

    Everything is taken in one pass, `batch_size` contexts at a time. Each shard is written once,
    whole, so memory does not depend on the number of contexts. Chunks carry a checksum; activations
    of a model in half precision are compressed, which keeps their float32 form at its true size.

    Raises
    ------
    AnatomyError: too few tokens, or ids that the model has no embedding of; a hook point that does not
        hold what it should (`models.added`); an activation or loss that is not finite.
    """
    n, length = harvest["contexts"], harvest["context_length"]
    bos = description["bos_id"] if description["has_bos"] else None
    check_ids(tokens, bos, model.get_input_embeddings().num_embeddings, description["name"])
    found = contexts(tokens, n, length, bos, harvest["max_document_share"])
    progress = Progress(f"harvest {name} (contexts)", n)
    half = next(model.parameters()).dtype != torch.float32
    done = 0
    with writing(path, "activations") as group:
        group.attrs.update(
            {
                "model": description["name"],
                "harvest": name,
                "dataset": harvest["dataset"],
                "split": harvest["split"],
                "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
                "hook_points": list(harvest["hook_points"]),
                "min_position": harvest["min_position"],
                "context_length": length,
                "has_bos": bos is not None,
            }
        )
        if tokens.books is not None:
            group.create_array("books", data=tokens.books)
        shards: Shards | None = None
        for arrays in _forward(model, found, harvest, description["name"]):
            if tokens.separator is not None and harvest.get("separators") == "leave_out":
                arrays["separators"] = arrays["tokens"] == tokens.separator
                # The token that begins a context is left out, or not, by its position.
                arrays["separators"][:, : int(bos is not None)] = False
            if shards is None:
                shards = Shards(group, n, arrays, half)
            shards.append(arrays)
            done += len(arrays["tokens"])
            progress(done, f"mean loss {np.nanmean(arrays['loss']):.3f}")
        if shards is not None:
            shards.flush()


class Shards:
    """Arrays (contexts, ...) of a zarr group, written shard by shard as contexts are appended."""

    def __init__(self, group: Any, n: int, first: dict[str, np.ndarray], half: bool):
        from zarr.codecs import BloscCodec, Crc32cCodec

        length = first["tokens"].shape[1]
        chunk = min(n, max(1, CHUNK_ROWS // length))
        context_bytes = sum(array[0].nbytes for array in first.values())
        chunks = min(
            SHARD_ROWS // CHUNK_ROWS, math.ceil(n / chunk), BUFFER_BYTES // (chunk * context_bytes)
        )
        self.contexts = chunk * max(1, chunks)
        lz4 = BloscCodec(cname="lz4", shuffle="bitshuffle")
        self.arrays, self.buffers = {}, {}
        for name, array in first.items():
            inner = array.shape[1:]
            packed = half and name.startswith("activations/")
            self.arrays[name] = group.create_array(
                name,
                shape=(n, *inner),
                chunks=(chunk, *inner),
                shards=(self.contexts, *inner),
                dtype=array.dtype,
                compressors=[lz4, Crc32cCodec()] if packed else [Crc32cCodec()],
                config={"write_empty_chunks": True},
            )
            self.buffers[name] = np.empty((self.contexts, *inner), array.dtype)
        self.written = self.filled = 0

    def append(self, rows: dict[str, np.ndarray]) -> None:
        """Add contexts to every array."""
        at, number = 0, len(rows["tokens"])
        while at < number:
            some = min(number - at, self.contexts - self.filled)
            for name, buffer in self.buffers.items():
                buffer[self.filled : self.filled + some] = rows[name][at : at + some]
            self.filled += some
            at += some
            if self.filled == self.contexts:
                self.flush()

    def flush(self) -> None:
        """Write what is buffered."""
        if self.filled:
            for name, buffer in self.buffers.items():
                self.arrays[name][self.written : self.written + self.filled] = buffer[: self.filled]
            self.written += self.filled
            self.filled = 0


def _forward(
    model: torch.nn.Module,
    found: Iterator[tuple[np.ndarray, np.ndarray]],
    harvest: dict[str, Any],
    model_name: str,
) -> Iterator[dict[str, np.ndarray]]:
    """Run the model batch by batch; yield the store's arrays for each batch."""
    device = next(model.parameters()).device
    names = harvest["hook_points"]
    done = 0
    with capturing(model, names) as captured, torch.inference_mode():
        while batch := list(islice(found, harvest["batch_size"])):
            ids, documents = (np.stack(part) for part in zip(*batch, strict=True))
            input_ids = torch.from_numpy(ids).long().to(device)
            if not done:
                check_hook_points(model, names, input_ids[:CHECKED_CONTEXTS], model_name)
            logits = model(input_ids=input_ids, use_cache=False).logits
            loss = token_losses(logits, input_ids)
            arrays = {"tokens": ids, "documents": documents, "loss": loss.cpu().numpy()}
            for name in names:
                activations = captured[name]
                _check_finite(activations, name, done)
                arrays[f"activations/{name}"] = activations.float().cpu().numpy()
            _check_finite(loss[:, 1:, None], "the loss", done, first_position=1)
            captured.clear()
            del logits
            yield arrays
            done += len(ids)


def _check_finite(activations: torch.Tensor, name: str, done: int, first_position: int = 0) -> None:
    # A sum is finite unless a term is not, or it overflows: only then look closer.
    if torch.isfinite(activations.sum(dtype=torch.float64)):
        return
    bad = (~torch.isfinite(activations).all(-1)).nonzero()
    if len(bad):
        context, position = bad[0].tolist()
        raise AnatomyError(
            f"harvest: {name} is NaN or infinite at context {done + context}, "
            f"position {first_position + position}; the model's weights are damaged, or its dtype "
            "is too small (set models.*.dtype to float32 or bfloat16)"
        )
