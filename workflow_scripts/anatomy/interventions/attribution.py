"""Which directions of a site a capability hangs on, to first order.

With L the log-odds of the right group, averaged as the capability is, and g its gradient at the
activation x of a token, taking the part p off x changes L by -p.g. Summed over tokens that is what the
capability loses: of a latent, p is what it adds to x; of a direction v, the part of x - mean along it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from workflow_scripts.anatomy.interventions.capability import ELSEWHERE, Capability
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes

# Entries of the products of latents and gradients that are held at a time.
ENTRIES = 1 << 24


@dataclass(frozen=True)
class Attributions:
    """latents (m,): what taking away each latent costs in log-odds, nats. products (d, d): the sum over
    tokens of (x - mean) g', of which v' products v is the same for a unit direction v. Both float64."""

    latents: Tensor
    products: Tensor

    def of_directions(self, directions: Tensor) -> Tensor:
        """What taking away each of some unit directions (n, d) costs, (n,) float64."""
        return ((directions @ self.products) * directions).sum(1)


def attributions(
    substituted: SubstitutedModel, dictionary: Dictionary, capability: Capability, mean: Tensor
) -> Attributions:
    """Attribute a capability to the latents of an SAE, and to the dimensions of its site.

    Parameters
    ----------
    substituted: the model, and the contexts to look at; positions before its `first` have no part.
    mean: of the activations, (d,) float64, to which directions are taken away.
    """
    groups, d, device = len(capability.groups), dictionary.d_in, substituted.device
    latents = torch.zeros(groups, dictionary.width, dtype=torch.float64, device=device)
    products = torch.zeros(groups, d, d, dtype=torch.float64, device=device)
    positions = torch.zeros(groups, dtype=torch.float64, device=device)
    for batch in substituted.batches():
        classes = torch.from_numpy(capability.classes(batch.ids.cpu().numpy()))
        unused = ~batch.used(substituted.first)
        classes[unused.cpu()] = ELSEWHERE
        x = batch.x.clone().requires_grad_()
        odds = capability.log_odds(substituted.logits(x, batch).float())
        rows = batch.x.flatten(0, 1)
        codes = dictionary.encode(rows)
        for group in range(groups):
            here = (classes == group).to(odds.device)
            positions[group] += here.sum()
            (g,) = torch.autograd.grad(odds[..., group][here].sum(), x, retain_graph=True)
            g[unused] = 0
            g = g.flatten(0, 1)
            latents[group].index_add_(0, codes.indices.long(), _along(codes, g, dictionary))
            products[group] += (rows.double() - mean).T @ g.double()
    weights = 1 / (groups * positions.clamp_min(1))
    return Attributions(weights @ latents, torch.einsum("g,gij->ij", weights, products))


def _along(codes: SparseCodes, g: Tensor, dictionary: Dictionary) -> Tensor:
    """p.g of every entry of the codes, (nnz,) float64."""
    step = max(1, ENTRIES // dictionary.d_in)
    found = [g.new_zeros(0, dtype=torch.float64)]
    entries = (codes.rows, codes.indices.long(), codes.values)
    for rows, latents, values in zip(*(part.split(step) for part in entries), strict=True):
        products = (g[rows] * dictionary.W_dec[latents]).sum(1).double()
        found.append(values.double() * products / dictionary.input_scale)
    return torch.cat(found)
