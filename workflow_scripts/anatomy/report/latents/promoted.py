"""The tokens that latents promote and suppress, and how that was computed."""

from pathlib import Path

import numpy as np
from torch import Tensor

from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.models.logit_weights import extremes, unembedding, writes_residual
from workflow_scripts.anatomy.text.tokenization import load_tokenizer, vocabulary

FOLDED = (
    "Logit weights of the decoder direction with norm 1. The linear part of the model's final norm is folded "
    "into the unembedding, its scale is left out, and the mean over the vocabulary is taken off."
)
NONE = "What is decoded at {site} is not in the residual stream, so latents have no logit weights."


def promoted(
    directions: Tensor, site: str, model: str | Path, tokenizer: str | Path, count: int
) -> dict[str, np.ndarray]:
    """Arrays of `latents.npz`: promoted, suppressed (m, count) uint32, their logits (m, count) float32, and
    logits_note; of a hook point that has no logit weights the note alone, which says so.

    model: its model.json. tokenizer: its tokenizer.json.
    """
    if not writes_residual(site):
        return {"logits_note": np.array(NONE.format(site=site))}
    loaded, _ = load_model(model)
    rows = unembedding(loaded, vocabulary(load_tokenizer(Path(tokenizer))))
    arrays = {"logits_note": np.array(FOLDED)}
    for side, (tokens, weights) in extremes(directions, rows, count).items():
        arrays[side] = tokens.cpu().numpy().astype(np.uint32)
        arrays[f"{side}_logit"] = weights.cpu().numpy().astype(np.float32)
    return arrays
