"""Figure 9: how many tokens have how many active latents, the first of a context (BOS) apart."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import IDENTITY, Named, Tables, identity
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations; saes, and codes of these in the same order. params: nothing."""
    has_bos = open_activations(input.activations).group.attrs["has_bos"]
    rows = []
    for sae, codes_path in zip(input.saes, input.codes, strict=True):
        codes = open_codes(codes_path)
        who = identity(description(sae)["metadata"], codes.summary)
        identifying = {column: who[column] for column in IDENTITY}
        counts = _tokens_by_l0(codes, has_bos)
        # Most of the possible numbers of active latents are those of no token.
        for bos, active in np.argwhere(counts > 0).tolist():
            count = int(counts[bos, active])
            rows.append(identifying | {"active_latents": active, "bos": bool(bos), "count": count})
    return {"table": pd.DataFrame(rows)}


def _tokens_by_l0(codes: CodesStore, has_bos: bool) -> np.ndarray:
    """Tokens that have 0 .. m active latents, (2, m + 1) int64: the analysed ones, and BOS tokens."""
    counts = np.zeros((2, codes.width + 1), np.int64)
    for block in codes.block_slices():
        l0 = codes.scalar("l0", block)
        # Without a BOS token the first token of a context is a word: none of them is counted as BOS.
        for row, part in zip(counts, (l0[codes.units.used(block)], l0[:, :has_bos]), strict=True):
            row += np.bincount(part.ravel(), minlength=codes.width + 1)
    return counts
