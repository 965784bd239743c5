"""Texts through the model, once: pooled activations, and pooled codes of every SAE, batch by batch.

What is kept is a vector a text, so memory depends on the number of texts and not on their length.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import Progress
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.probing.examples import Examples, one_against_others
from workflow_scripts.anatomy.probing.pooling import code_arrays, run_means
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.text.tokenization import load_tokenizer

BATCH = 16


def text_examples(rows: Sequence[Mapping[str, Any]], name: str, seed: int) -> Examples:
    """Examples of a set of texts {"label", "train"}, every text a document of its own."""
    names = sorted({row["label"] for row in rows})
    classes = np.array([names.index(row["label"]) for row in rows])
    train = np.array([row["train"] for row in rows], bool)
    every = np.arange(len(rows))
    problems = one_against_others(name, names, classes, every, train, every, seed)
    return Examples(every, train, problems)


def token_ids(
    texts: Sequence[str], tokenizer: Path, length: int, bos: int | None
) -> list[list[int]]:
    """The first tokens of every text, at most `length` with the BOS token that they begin with.

    Raises
    ------
    AnatomyError: a text without a token.
    """
    loaded = load_tokenizer(tokenizer)
    loaded.encode_special_tokens = True
    loaded.no_padding()
    loaded.no_truncation()
    first = [] if bos is None else [bos]
    found = []
    for at, encoding in enumerate(loaded.encode_batch_fast(list(texts), add_special_tokens=False)):
        if not encoding.ids:
            raise AnatomyError(f"{tokenizer}: text {at + 1} has no token: {texts[at][:40]!r}")
        found.append(first + encoding.ids[: length - len(first)])
    return found


def pool_texts(
    model: torch.nn.Module,
    site: str,
    ids: Sequence[Sequence[int]],
    bos: int | None,
    dictionaries: Sequence[Dictionary],
    pad: int = 0,
) -> dict[str, np.ndarray]:
    """Means over the tokens of each text, without BOS and padding, of activations and codes.

    Parameters
    ----------
    model: in evaluation mode; site: its hook point; ids: of each text, BOS included.
    pad: the token that shorter texts are filled up with on the right; it takes no part.
    """
    from scipy.sparse import csr_matrix, vstack

    device = next(model.parameters()).device
    embeddings = model.get_input_embeddings().num_embeddings
    if (highest := max(map(max, ids))) >= embeddings:
        raise AnatomyError(
            f"{site}: a labelled text has a token of id {highest}, but the model has embeddings of ids 0 to "
            f"{embeddings - 1} only; its tokenizer has tokens that the model lacks"
        )
    skipped = int(bos is not None)
    progress = Progress("texts", len(ids))
    # Texts of a length go together, so that little is padded.
    order = np.argsort([len(each) for each in ids], kind="stable")
    back = np.argsort(order, kind="stable")
    rows: list[np.ndarray] = []
    sparse: dict[str, list[Any]] = {each.name: [] for each in dictionaries}
    with capturing(model, [site]) as captured, torch.inference_mode():
        for start in range(0, len(ids), BATCH):
            batch = [ids[at] for at in order[start : start + BATCH]]
            lengths = torch.tensor([len(each) for each in batch])
            width = int(lengths.max())
            padded = torch.tensor([[*each, *[pad] * (width - len(each))] for each in batch])
            mask = torch.arange(width) < lengths[:, None]
            model(
                input_ids=padded.to(device), attention_mask=mask.long().to(device), use_cache=False
            )
            counted = mask & (torch.arange(width) >= skipped)
            x = captured[site][counted.to(device)].float()
            if not torch.isfinite(x).all():
                raise AnatomyError(
                    f"{site}: NaN or infinite activations of text {order[start] + 1} or one as long; "
                    "set models.*.dtype to float32 or bfloat16"
                )
            pooling = run_means((lengths - skipped).numpy())
            rows.append((pooling @ x.double().cpu().numpy()).astype(np.float32))
            for each in dictionaries:
                codes = each.encode(x).cpu()
                pointer = codes.offsets.numpy()
                of_tokens = csr_matrix(
                    (codes.values.numpy(), codes.indices.numpy(), pointer), (len(x), each.width)
                )
                sparse[each.name].append((pooling @ of_tokens).astype(np.float32))
            captured.clear()
            progress(start + len(batch))
    found = {"activations": np.concatenate(rows)[back]}
    for name, parts in sparse.items():
        whole = csr_matrix(vstack(parts, format="csr"))[back]
        whole.sort_indices()
        found |= code_arrays(name, whole)
    return found
