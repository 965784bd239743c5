"""What perturbations of a site do to a model's predictions, token by token.

The effect of a perturbation at a token is KL(P || Q), with P the model's prediction of the next token and
Q the same with the site's activations replaced, and the increase of the loss of that token. At all
positions the replacement is made at once, as an SAE's would be; from the stored activations only the
layers after the site run.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.interventions.perturbations import Perturbation, Surroundings, Tokens
from workflow_scripts.anatomy.interventions.subjects import Reconstruction, Subject
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.models.losses import kl_from_logs, log_probabilities

# One perturbation and the number of its draw; what is not random is drawn once.
Drawn = tuple[str, int]


@torch.no_grad()
def effects(
    substituted: SubstitutedModel,
    subject: Subject,
    around: Surroundings,
    perturbations: Mapping[str, Perturbation],
    drawn: Sequence[Drawn],
    first: int,
    seed: int,
) -> Iterator[tuple[list[int], dict[str, np.ndarray]]]:
    """Measure the perturbations on the contexts of a substituted model, a batch at a time.

    Parameters
    ----------
    subject: what stands for x, most often Sae(x).
    drawn: which perturbations, and which draws of each. A token's random numbers depend on `seed`, the
        draw, the context and the position alone, so perturbations of one draw share them.
    first: positions before it stay as they are, and so do separators that do not count.

    Yields
    ------
    The contexts of the batch, and arrays (c, T) float32: ``kl/NAME/DRAW``; ``ce/NAME/DRAW``, the increase
    of the loss of predicting the token after each position, in nats, NaN at the last; ``loss``, that loss
    of the model as it is; ``distance`` |x - Sae(x)|; ``cosine`` of x and Sae(x); ``norm`` |x|; ``l0``,
    where there are codes. Positions that stay as they are have NaN; so have losses of separators.
    """
    done = 0
    for batch in substituted.batches():
        contexts = substituted.contexts[done : done + len(batch.ids)]
        done += len(contexts)
        clean = substituted.logits(batch.x, batch).float().log_softmax(-1).flatten(0, 1)
        targets = batch.ids.roll(-1, dims=1).reshape(-1, 1).long()
        loss = -clean.gather(1, targets)[:, 0]
        x = batch.x.flatten(0, 1)
        stands = subject(x)
        found = _about(x.double(), stands)
        found["loss"] = loss
        for draw in sorted({draw for _, draw in drawn}):
            tokens = random_tokens(x, stands, around, contexts, (seed, draw))
            for name in (name for name, at in drawn if at == draw):
                replaced = batch.replaced(perturbations[name](tokens).float(), first)
                logits = substituted.logits(replaced, batch).flatten(0, 1)
                kl, increase = torch.empty_like(loss, dtype=torch.float64), torch.empty_like(loss)
                for rows, logs in log_probabilities(logits):
                    kl[rows] = kl_from_logs(clean[rows], logs)
                    increase[rows] = -logs.gather(1, targets[rows])[:, 0] - loss[rows]
                found[f"kl/{name}/{draw}"], found[f"ce/{name}/{draw}"] = kl, increase
        used, text = batch.used(first).cpu().numpy(), batch.text.cpu().numpy()
        arrays = {name: _from(part, used) for name, part in found.items()}
        for name, array in arrays.items():
            if name == "loss" or name.startswith("ce/"):
                array[:, :-1][~text[:, 1:]] = np.nan
                array[:, -1] = np.nan  # nothing follows the last position
        yield contexts, arrays


def random_tokens(
    x: Tensor,
    stands: Reconstruction,
    around: Surroundings,
    contexts: Sequence[int],
    key: tuple[int, ...],
) -> Tokens:
    """The tokens of some contexts, x (c * T, d) float32, with the random numbers of `key` and each context."""
    positions, width = len(x) // len(contexts), x.shape[1]
    codes, device, size = stands.codes, x.device, len(around.activations)
    noise, others, latent = [], [], []
    l0 = np.zeros((len(contexts), positions), int)
    if codes is not None:
        l0 = codes.l0.cpu().numpy().reshape(l0.shape)
    for context, active in zip(contexts, l0.sum(1), strict=True):
        generator = np.random.default_rng((*key, context))
        noise.append(generator.standard_normal((positions, width)))
        one, steps = generator.integers([size, size - 1], size=(positions, 2)).T
        # Two different ones: between an activation and itself there is no direction.
        others.append(np.stack([one, (one + 1 + steps) % size], axis=1))
        latent.append(generator.standard_normal(active))
    parts = [torch.from_numpy(np.concatenate(part)).to(device) for part in (noise, others, latent)]
    return Tokens(
        x.double(), stands.sae, around, parts[0], parts[1], stands.dictionary, codes, parts[2]
    )


def _about(x: Tensor, stands: Reconstruction) -> dict[str, Tensor]:
    norm, length = x.norm(dim=1), stands.sae.norm(dim=1)
    about = {
        "distance": (stands.sae - x).norm(dim=1),
        "cosine": (x * stands.sae).sum(1) / (norm * length),
        "norm": norm,
    }
    return about if stands.codes is None else about | {"l0": stands.codes.l0}


def _from(values: Tensor, used: np.ndarray) -> np.ndarray:
    array = values.float().cpu().numpy().reshape(used.shape)
    array[~used] = np.nan
    return array
