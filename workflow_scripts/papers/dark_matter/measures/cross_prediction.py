"""How much of an SAE's error follows linearly from the SAE reconstructions of other components (Eq. 16)."""

from collections.abc import Iterator

import torch

from workflow_scripts.anatomy.base.draws import Estimate
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.statistics.bootstrap import document_interval, mean_r2_from_sums
from workflow_scripts.anatomy.statistics.regression import LinearMap, Moments, Solver, moments
from workflow_scripts.anatomy.statistics.sums import Sums

TARGETS = ("error", "linear_error", "nonlinear_error")


def cross_prediction(
    source: SaeOnHarvest, target: SaeOnHarvest, linear: LinearMap, draws: int, seed: int
) -> Iterator[tuple[str, Estimate]]:
    """Predict the parts of `target`'s error from `source`'s reconstruction, token by token (Fig. 9b).

    Parameters
    ----------
    source: an SAE at any site of the same harvest; its reconstructions are the regressors.
    target: the SAE whose error is predicted.
    linear: b* of `target`, which splits its error.

    Yields
    ------
    Target (`TARGETS`), and held-out R^2 (mean over dimensions), resampled over documents.
    """

    def both(contexts: slice) -> tuple[torch.Tensor, torch.Tensor]:
        _, regressor = source.block(contexts)
        x, reconstruction = target.block(contexts)
        error = x.double() - reconstruction.double()
        linear_error = linear(x)
        return regressor, torch.cat([error, linear_error, error - linear_error], 1)

    first, _ = both(source.harvest.block_slices()[0])
    shift = first.double().mean(0)

    def fit_block(contexts: slice) -> Moments:
        regressor, parts = both(contexts)
        train, _ = target.masks(contexts)
        return moments(regressor[train], shift, parts[train])

    gathered = source.total(fit_block)
    where = f"reconstructions of {source.dictionary.name}"
    predict = Solver(gathered, True, where, minimum_norm=True).solve(gathered)

    def score_block(contexts: slice) -> Sums:
        regressor, parts = both(contexts)
        _, test = target.masks(contexts)
        held_out = {
            "count": test.double(),
            "target": parts,
            "target2": parts**2,
            "residual2": (parts - predict(regressor)) ** 2,
        }
        held_out = {name: part[test] for name, part in held_out.items()}
        return Sums(target.grouped(held_out, contexts, test))

    sums = {name: part.cpu().numpy() for name, part in source.total(score_block).items()}
    kept = sums["count"] > 0
    d = sums["target"].shape[1] // len(TARGETS)
    for at, name in enumerate(TARGETS):
        columns = slice(at * d, (at + 1) * d)
        part = {
            key: value[kept] if value.ndim == 1 else value[kept, columns]
            for key, value in sums.items()
        }
        yield name, document_interval(mean_r2_from_sums, part, draws, seed)
