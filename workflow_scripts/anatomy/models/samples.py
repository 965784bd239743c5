"""Samples: what a language model writes when it goes on from a text."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.text.contexts import contexts, number_of_contexts
from workflow_scripts.anatomy.text.tokenization import (
    load_tokenizer,
    open_tokens,
    special_ids,
)

SAMPLE_TOKENS = 96


def samples(model: Any, tokenizer: Path, validation: Path, seed: int, n: int = 4) -> str:
    """Continue `n` prefixes of the validation split, greedily and at temperature 0.8 (Markdown)."""
    loaded = load_tokenizer(tokenizer)
    bos, _ = special_ids(tokenizer)
    tokens = open_tokens(validation)
    total = model.config.get_text_config().max_position_embeddings
    prefix = max(1, total // 4)
    n = min(n, number_of_contexts(tokens, total, bos))
    if n == 0:
        return "# Samples\n\nThe validation split is too short for one context.\n"
    starts = [ids[:prefix].astype(np.int64) for ids, _ in contexts(tokens, n, total, bos)]
    start = torch.from_numpy(np.stack(starts))
    continued = []
    for options in ({"do_sample": False}, {"do_sample": True, "temperature": 0.8, "top_k": 0}):
        torch.manual_seed(seed)
        with torch.inference_mode():
            found = model.generate(
                start,
                attention_mask=torch.ones_like(start),
                max_new_tokens=min(SAMPLE_TOKENS, total - prefix),
                pad_token_id=bos,
                **options,
            )
        continued.append(found[:, prefix:].tolist())
    parts = ["# Samples"]
    for number, texts in enumerate(zip(start.tolist(), *continued, strict=True), start=1):
        for title, ids in zip(("Prefix", "Greedy", "Temperature 0.8"), texts, strict=True):
            parts.append(f"## {number}. {title}\n\n````text\n{loaded.decode(ids)}\n````")
    return "\n\n".join(parts) + "\n"
