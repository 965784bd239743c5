"""What a model predicts at a few tokens, as it is and with a site perturbed."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from workflow_scripts.anatomy.interventions.effects import random_tokens
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore
from workflow_scripts.anatomy.interventions.perturbations import PERTURBATIONS, Surroundings
from workflow_scripts.anatomy.interventions.subjects import Subject
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.models.losses import kl_from_logs

TOP = 25
# Tokens before the one that is shown.
SHOWN = 12
SHOWN_PERTURBATIONS = ("sae", "epsilon_random")


def chosen_tokens(effects: EffectsStore, number: int) -> list[tuple[int, int]]:
    """Contexts of the harvest and positions: an ordinary token, a bad one, a very bad one, and so on.

    They are at the quantiles 1 - 1/2, 1 - 1/20, 1 - 1/200 ... of KL under Sae(x).
    """
    kl = np.concatenate([effects.values("kl/sae", block) for block in effects.blocks()])
    # Where a context has little before it there is nothing to read.
    kl[:, : max(effects.first, SHOWN)] = np.nan
    known = np.flatnonzero(~np.isnan(kl.ravel()))
    order = known[np.argsort(kl.ravel()[known], kind="stable")]
    places = [round((len(order) - 1) * (1 - 0.5 * 10.0**-at)) for at in range(number)]
    contexts = effects.group["contexts"][:]
    return [(int(contexts[at // kl.shape[1]]), int(at % kl.shape[1])) for at in order[places]]


@torch.no_grad()
def predictions(
    substituted: SubstitutedModel,
    subject: Subject,
    around: Surroundings,
    chosen: Sequence[tuple[int, int]],
    first: int,
    seed: int,
    strings: Sequence[str],
) -> Iterator[dict[str, Any]]:
    """Rows of the `TOP` next tokens of the model as it is, at chosen tokens, under every intervention.

    Columns: example (from 0), context, position, text (the tokens up to there), intervention (``none``,
    ``sae``, ``epsilon_random``, its first draw), rank (1 is the most probable of the model as it is), token,
    log_prob (nats), kl (of the intervention, to the model as it is).
    """
    done = 0
    for batch in substituted.batches():
        contexts = substituted.contexts[done : done + len(batch.ids)]
        done += len(contexts)
        x = batch.x.flatten(0, 1)
        tokens = random_tokens(x, subject(x), around, contexts, (seed, 0))
        streams = {"none": batch.x}
        for name in SHOWN_PERTURBATIONS:
            streams[name] = batch.replaced(PERTURBATIONS[name](tokens).float(), first)
        logs = {
            name: substituted.logits(stream, batch).float().log_softmax(-1)
            for name, stream in streams.items()
        }
        for example, (context, position) in enumerate(chosen):
            if context not in contexts:
                continue
            at = contexts.index(context)
            clean = logs["none"][at, position]
            top = clean.topk(min(TOP, len(clean))).indices.tolist()
            before = batch.ids[at, max(0, position + 1 - SHOWN) : position + 1].tolist()
            for name, log in logs.items():
                for rank, token in enumerate(top, start=1):
                    yield {
                        "example": example,
                        "context": context,
                        "position": position,
                        "text": "".join(strings[one] for one in before),
                        "intervention": name,
                        "rank": rank,
                        "token": strings[token],
                        "log_prob": float(log[at, position, token]),
                        "kl": float(kl_from_logs(clean, log[at, position])),
                    }
