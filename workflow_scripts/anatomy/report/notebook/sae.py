"""An SAE of a finished run: its weights, its codes, its errors, and what its latents fire on."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import MANIFEST, opening
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes
from workflow_scripts.anatomy.interpretability.strongest import strongest_windows
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes, load_dictionary
from workflow_scripts.anatomy.text.tokenization import load_tokenizer, token_strings

if TYPE_CHECKING:
    from workflow_scripts.anatomy.report.notebook.run import Run


class OpenSae:
    """One SAE. What is large is opened when it is first asked for, and never read whole."""

    def __init__(self, run: "Run", model: str, site: str, name: str):
        self.run, self.model, self.site, self.name = run, model, site, name

    def __repr__(self) -> str:
        return f"<SAE {self.name} at {self.site} of {self.model}>"

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.run.store / self.model / self.site / self.name

    @cached_property
    def dictionary(self) -> Dictionary:
        """Its weights, as torch tensors."""
        return load_dictionary(self.folder / "sae.safetensors")

    @cached_property
    def activations(self) -> ActivationStore:
        """The harvest that it is dissected on."""
        return self.run.activations(self.model)

    @cached_property
    def codes(self) -> CodesStore:
        """Its codes there."""
        return open_codes(self.folder / f"{self.run.harvest(self.model)}.codes.zarr")

    def encode(self, x: Any) -> np.ndarray:
        """The codes of activations x, (n, d) of any float type; returns (n, m) float32, dense."""
        codes = self.dictionary.encode(_tokens(x))
        return codes.to_dense(self.dictionary.width).numpy()

    def decode(self, codes: Any, x: Any = None) -> np.ndarray:
        """The reconstructions (n, d) float32 of dense codes (n, m).

        x: the activations, (n, d). An SAE that subtracts each token's mean, or scales each token by
        itself, needs them to undo it.

        Raises
        ------
        AnatomyError: it does, and x is not given.
        """
        own = self.dictionary.center or self.dictionary.normalisation != "none"
        if own and x is None:
            raise AnatomyError(
                f"{self.name} subtracts each token's mean or scales each token by itself; give the "
                "activations too: decode(codes, x)"
            )
        dense = _tokens(codes)
        rows, indices = dense.nonzero(as_tuple=True)
        sparse = SparseCodes(
            indices.int(), dense[rows, indices], torch.bincount(rows, minlength=len(dense)).int()
        )
        offset = None if x is None else self.dictionary.offset(_tokens(x))
        return self.dictionary.decode(sparse, offset).numpy()

    def errors(self, contexts: slice = slice(0, 16)) -> pd.DataFrame:
        """What the SAE leaves over of every token of some contexts, one token a row.

        contexts: which contexts of the harvest, in order.

        Columns: context, position, token, text; `counted`, whether analyses use the position; `l0`;
        norms of `x` and of `error`, x - Sae(x); and where the run has taken the error apart, of its
        `linear_error` and `nonlinear_error` too. x is missing where it has not.
        """
        first, stop, step = contexts.indices(self.codes.shape[0])
        if step != 1:
            raise AnatomyError(
                "errors: contexts have to be neighbours; give slice(first, last + 1)"
            )
        block, positions = slice(first, stop), self.codes.shape[1]
        tokens = read(self.activations.group["tokens"], block, self.activations.path)
        place = np.indices(tokens.shape)
        strings = np.array(self._strings, dtype=object)
        columns = {
            "context": place[0].ravel() + first,
            "position": place[1].ravel(),
            "token": tokens.ravel(),
            "text": strings[tokens].ravel(),
            "counted": self.codes.units.used(block).ravel(),
            "l0": self.codes.scalar("l0", block).ravel(),
            "error": np.sqrt(self.codes.scalar("error_norm2", block)).ravel(),
        }
        path = self.run.folder / "regressions" / self.model / self.site / self.name
        norms = path / "codes" / "norms.zarr"
        if (norms / MANIFEST).is_file():
            group = opening(norms, "norms")
            found = np.sqrt(group["norms2"][block]).reshape(len(tokens) * positions, -1)
            for vector in ("x", "linear_error", "nonlinear_error"):
                columns[vector] = found[:, list(group.attrs["vectors"]).index(vector)]
        return pd.DataFrame(columns)

    def top_contexts(self, latent: int, number: int = 10, window: int = 21) -> pd.DataFrame:
        """The tokens around the strongest activations of a latent, the strongest first.

        Columns: context and position of the peak, its activation, text (of the window), and lists of
        the window's tokens and activations. Fewer rows than `number` where it fires less often.

        Raises
        ------
        AnatomyError: no such latent, or the contexts are too short for the window.
        """
        if not 0 <= latent < self.codes.width:
            raise AnatomyError(f"{self.name} has latents 0 to {self.codes.width - 1}, not {latent}")
        store = self.activations
        found = strongest_windows(store, self.codes, np.array([latent]), window, number).of(0)
        tokenizer, rows = load_tokenizer(self._tokenizer), np.arange(len(found))
        peak = found.activations.argmax(1) if len(found) else rows
        return pd.DataFrame(
            {
                "context": found.context,
                "position": found.start + peak,
                "activation": found.activations[rows, peak],
                "text": [
                    tokenizer.decode(ids.tolist(), skip_special_tokens=False)
                    for ids in found.tokens
                ],
                "tokens": [[self._strings[token] for token in ids] for ids in found.tokens],
                "activations": [row.tolist() for row in found.activations],
            }
        )

    @property
    def _tokenizer(self) -> Path:
        return self.run.store / self.model / "tokenizer" / "tokenizer.json"

    @cached_property
    def _strings(self) -> list[str]:
        return token_strings(self._tokenizer)


def _tokens(x: Any) -> torch.Tensor:
    """(n, k) float32 of anything that is a matrix."""
    found = torch.as_tensor(np.asarray(x) if not isinstance(x, torch.Tensor) else x)
    return found.detach().float().cpu()
