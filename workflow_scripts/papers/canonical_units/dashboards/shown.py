"""The tables of a figure of dashboards: what is shown of some latents, role by role."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.tables import Tables, identity
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.interpretability.dashboard import Dashboards, Extent, dashboards
from workflow_scripts.anatomy.interpretability.dashboard_tables import (
    context_table,
    histogram_table,
    latent_table,
    token_table,
)
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.models.logit_weights import unembedding, writes_residual
from workflow_scripts.anatomy.text.tokenization import token_strings

EXTENT = Extent()
TOKENS = 10  # promoted, and as many suppressed
IDENTITY = ("model", "site", "sae", "width", "l0", "seed")


@dataclass(frozen=True)
class Given:
    """What all dashboards of a figure are made from.

    strings: text of every token. rows: (V, d) float32, of `unembedding`; None at a hook point where
    latents have no logit weights.
    """

    store: ActivationStore
    strings: list[str]
    rows: Tensor | None
    draws: int
    seed: int

    def dashboards(self, sae: SaeOnHarvest, latents: Sequence[int] | np.ndarray) -> Dashboards:
        """The dashboards of some latents of one SAE."""
        return dashboards(self.store, sae.codes, np.asarray(latents, int), EXTENT, self.seed)


def given(
    store: ActivationStore, site: str, tokenizer: str, model: str, draws: int, seed: int
) -> Given:
    """Read the tokenizer and the unembedding of the model, its model.json."""
    strings, rows = token_strings(tokenizer), None
    if writes_residual(site):
        loaded, _ = load_model(model)
        rows = unembedding(loaded, len(strings))
    return Given(store, strings, rows, draws, seed)


def tables_of(
    given: Given,
    sae: SaeOnHarvest,
    found: Dashboards,
    role: str,
    cosines: Sequence[float] | np.ndarray,
) -> Tables:
    """Tables `table`, `tokens`, `latents` and `histogram` of the first latents of `found`.

    cosines: decoder cosine of each latent with what it is shown beside; the others are left out.
    """
    latents = found.latents[: len(cosines)]
    about = identity(sae.dictionary.metadata, sae.codes.summary)
    about = {"role": role} | {name: about[name] for name in IDENTITY}
    tables = {
        "table": context_table(found, given.strings),
        "latents": latent_table(found, given.draws, given.seed),
        "histogram": histogram_table(found),
        "tokens": _token_table(given, sae, latents),
    }
    tables = {name: table[table["latent"].isin(latents)] for name, table in tables.items()}
    tables["latents"] = tables["latents"].assign(cosine=np.asarray(cosines, float))
    return {
        name: pd.concat([pd.DataFrame(about, index=table.index), table], axis=1)
        for name, table in tables.items()
    }


def joined(parts: Sequence[Tables]) -> Tables:
    """The rows of several roles, one after another."""
    return {name: pd.concat([part[name] for part in parts]) for name in parts[0]}


def _token_table(given: Given, sae: SaeOnHarvest, latents: np.ndarray) -> pd.DataFrame:
    directions = sae.directions[torch.from_numpy(latents)]
    # Of no latents, a table with the same columns.
    rows = directions.new_zeros(1, directions.shape[1]) if given.rows is None else given.rows
    if given.rows is None:
        latents, directions = latents[:0], directions[:0]
    return token_table(latents, directions, rows, given.strings, TOKENS)
