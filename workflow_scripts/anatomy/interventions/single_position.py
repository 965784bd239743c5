"""What perturbations of a single position do to the model's predictions there and at those that follow."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interventions.effects import random_tokens
from workflow_scripts.anatomy.interventions.perturbations import Perturbation, Surroundings
from workflow_scripts.anatomy.interventions.subjects import Subject
from workflow_scripts.anatomy.models.continuing import Continuation
from workflow_scripts.anatomy.models.hook_points import parse
from workflow_scripts.anatomy.models.losses import kl_from_logits

# Draws are run so many at a time.
DRAWS = 256


@torch.no_grad()
def single_position_effects(
    model: torch.nn.Module,
    store: ActivationStore,
    site: str,
    subject: Subject,
    around: Surroundings,
    perturbations: Mapping[str, Perturbation],
    draws: Mapping[str, int],
    contexts: Sequence[int],
    position: int,
    following: int,
    seed: int,
    device: str = "cpu",
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Replace one position of a residual stream, draw after draw, and measure KL from there on.

    Parameters
    ----------
    site: of a residual stream, pre or post.
    draws: perturbations, and how often each is drawn. Draws depend on `seed`, their number, the context
        and the perturbation's kind of noise alone.
    position, following: the position that is replaced, 1 or later, and how many after it are looked at.

    Yields
    ------
    Each context, and for each perturbation KL(P || Q) in nats, (draws, 1 + following) float32.

    Raises
    ------
    AnatomyError: a site that is not in the residual stream, or contexts that end before.
    """
    layer, kind = parse(site)
    positions = store.shape[1]
    if kind not in ("resid_pre", "resid_post"):
        raise AnatomyError(
            f"{site} is not in the residual stream: single positions are replaced there"
        )
    if position < 1 or position + following >= positions:
        raise AnatomyError(
            f"position {position} and {following} after it do not lie between the first and the last of "
            f"the {positions} positions of {store.path}; choose an earlier one, or fewer after it"
        )
    array, after = store.activations(site), layer - (kind == "resid_pre")
    seen = slice(position, position + following + 1)
    for context in contexts:
        x = torch.from_numpy(read(array, slice(context, context + 1), store.path)).to(device)
        run = Continuation(model, after, x[:, :position])
        clean = run(x[:, seen])[0].float().log_softmax(-1)
        here = x[0, position : position + 1]
        found = {}
        for name, number in draws.items():
            parts = []
            for start in range(0, number, DRAWS):
                some = range(start, min(number, start + DRAWS))
                drawn = _drawn(here, subject, around, perturbations[name], context, some, seed)
                streams = x[:, seen].repeat(len(some), 1, 1)
                streams[:, 0] = drawn.float()
                at = torch.arange(len(clean), device=device).repeat(len(some))
                kl = kl_from_logits(clean, run(streams).flatten(0, 1), at)
                parts.append(kl.reshape(len(some), -1))
            found[name] = torch.cat(parts).float().cpu().numpy()
        yield context, found


def _drawn(
    here: Tensor,
    subject: Subject,
    around: Surroundings,
    perturbation: Perturbation,
    context: int,
    draws: Sequence[int],
    seed: int,
) -> Tensor:
    """What takes the place of one activation, here (1, d), in each of the draws, (draws, d) float64."""
    stands = subject(here)
    keys = [(seed, draw) for draw in draws]
    return torch.cat(
        [perturbation(random_tokens(here, stands, around, [context], key)) for key in keys]
    )
