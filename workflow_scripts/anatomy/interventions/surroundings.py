"""What other tokens of a site are like: the mean, the covariances and the pools that perturbations draw from."""

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.samples import sampled_tokens
from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interventions.perturbations import Surroundings
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes, concatenate
from workflow_scripts.anatomy.statistics.splits import Split

# Tokens that all of it is estimated on, at most.
SAMPLE = 1 << 15
# A latent's factor is kept near 1 as if each latent had moved by its own mean square so many times more.
DAMPING = 1e-3
ITERATIONS = 30


@torch.no_grad()
def surroundings(
    store: ActivationStore,
    site: str,
    dictionary: Dictionary,
    split: Split,
    device: str = "cpu",
    sample: int = SAMPLE,
    scaled: bool = True,
) -> Surroundings:
    """Estimate the surroundings of an SAE's site on tokens that the split trains on.

    scaled: whether the latents' factors are estimated, which takes longest; else they are 1.

    Raises
    ------
    AnatomyError: the split trains on fewer than two tokens.
    """
    x = torch.from_numpy(sampled_tokens(store, site, split, sample, split.seed)).to(device)
    if len(x) < 2:
        raise AnatomyError(
            f"{store.path}: the split trains on {len(x)} tokens, too few to know what others are like; "
            "raise analysis.train_fraction or the analysis harvest's contexts"
        )
    parts = [dictionary.reconstruct(part) for part in x.split(4096)]
    codes = concatenate([part for part, _ in parts])
    errors = x.double() - torch.cat([part for _, part in parts]).double()
    activations = x.double()
    mean = activations.mean(0)
    return Surroundings(
        mean,
        _root(activations),
        _root(errors),
        activations,
        errors,
        latent_scales(dictionary, codes, errors)
        if scaled
        else torch.ones(dictionary.width).to(errors),
    )


def latent_scales(dictionary: Dictionary, codes: SparseCodes, errors: Tensor) -> Tensor:
    """A factor for every latent that together lower the squared error most, (m,) float64.

    Least squares of the errors x - Sae(x), (n, d) float64, on what each latent adds; a latent that is
    never active keeps the factor 1, and one that hardly is stays near it.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import LinearOperator, lsqr

    (n, d), width = errors.shape, dictionary.width
    values = codes.values.cpu().double().numpy() / dictionary.input_scale
    entries = (values, codes.indices.cpu().numpy(), codes.offsets.cpu().numpy())
    active = csr_matrix(entries, (n, width))
    directions = dictionary.W_dec.cpu().double().numpy()
    power = np.asarray(active.multiply(active).sum(0)).ravel() * (directions**2).sum(1)
    # Columns of length 1, so that the damping is the same for all; a silent latent has none.
    unit = np.where(power > 0, 1 / np.sqrt(np.where(power > 0, power, 1)), 0)
    directions = directions * unit[:, None]

    def added(factors: np.ndarray) -> np.ndarray:
        return (active @ (directions * factors.reshape(-1, 1))).ravel()

    def wanted(residual: np.ndarray) -> np.ndarray:
        return ((active.T @ residual.reshape(n, d)) * directions).sum(1)

    operator = LinearOperator((n * d, width), added, wanted, dtype=np.float64)
    target = errors.cpu().numpy().ravel()
    changes = lsqr(operator, target, damp=DAMPING**0.5, iter_lim=ITERATIONS)[0]
    return torch.from_numpy(1 + changes * unit).to(errors.device)


def _root(rows: Tensor) -> Tensor:
    """root (d, d) with root' root the covariance of the rows (n, d)."""
    centred = rows - rows.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / (len(rows) - 1))
    return values.clamp(min=0).sqrt()[:, None] * vectors.T
