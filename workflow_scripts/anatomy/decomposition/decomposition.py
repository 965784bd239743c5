"""SaeError = LinearError + NonlinearError: the dark-matter decomposition of one SAE on one harvest.

Two passes over the harvest after the site's X'X is known: one gathers X'E and gives the map b*
(Eq. 11), the second applies it, keeps what each context adds to every sum, and gathers the
regressions of the norms (Eq. 10); a last look at the held-out tokens scores those.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.blockwise import total
from workflow_scripts.anatomy.base.draws import Estimate
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.statistics.bootstrap import (
    document_interval,
    fvu_from_sums,
    mean_r2_from_sums,
    r2_from_sums,
)
from workflow_scripts.anatomy.statistics.regression import LinearMap, Moments, Solver, moments
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.sums import Sums


def site_moments(
    store: ActivationStore,
    site: str,
    split: Split,
    device: str = "cpu",
    threads: int = 1,
    dask: Mapping[str, Any] | None = None,
) -> Moments:
    """X'X of the training tokens of a site, about the mean of its first block; every SAE shares it."""
    array = store.activations(site)
    first = torch.from_numpy(read(array, store.block_slices()[0], store.path)).to(device)
    shift = first.flatten(0, 1).double().mean(0)

    def of_block(contexts: slice) -> Moments:
        x = torch.from_numpy(read(array, contexts, store.path)).to(device).flatten(0, 1)
        train, _ = split.masks(contexts, store.shape[1])
        return moments(x[torch.from_numpy(train.ravel()).to(device)], shift)

    return total(of_block, store.block_slices(), threads, dask)


def error_map(sae: SaeOnHarvest, solver: Solver, xx: Moments) -> LinearMap:
    """The map b* from x to SaeError(x), fitted on the training tokens (Eq. 11)."""

    def of_block(contexts: slice) -> Moments:
        x, reconstruction = sae.block(contexts)
        train, _ = sae.masks(contexts)
        error = x.double() - reconstruction.double()
        return moments(x[train], xx.shift, error[train], with_xx=False)

    return solver.solve(sae.total(of_block))


def apply_error_map(sae: SaeOnHarvest, linear: LinearMap, xx: Moments, norms2: Any) -> Sums:
    """Split every token's error into its linear and nonlinear parts (Eq. 14 and 15) and sum up.

    norms2: zarr array (C, T, 5) float64 that takes the squared norms of the five `VECTORS`; its
        chunks are the blocks of the harvest, so that blocks can be computed side by side.

    Returns
    -------
    held_out: `Sums` over the held-out tokens of each group of contexts, float64: (G, d) error, error2,
    x, x2, nonlinear2; (G,) count, norm_x, norm_sae (sums of norms) and cosine (of b* x with x).
    cross: moments of x with the five squared norms, over training tokens.
    """

    def of_block(contexts: slice) -> Sums:
        x, reconstruction = sae.block(contexts)
        train, test = sae.masks(contexts)
        x, reconstruction = x.double(), reconstruction.double()
        error = x - reconstruction
        linear_error = linear(x)
        nonlinear_error = error - linear_error
        vectors = (x, reconstruction, error, linear_error, nonlinear_error)
        of_tokens = torch.stack([(vector * vector).sum(1) for vector in vectors], 1)
        norms2[contexts] = of_tokens.reshape(-1, *norms2.shape[1:]).cpu().numpy()
        cross = moments(x[train], xx.shift, of_tokens[train], with_xx=False)
        x, error, linear_error, nonlinear_error, of_tokens = (
            part[test] for part in (x, error, linear_error, nonlinear_error, of_tokens)
        )
        norms = of_tokens.sqrt()
        cosine = (linear_error * x).sum(1) / (norms[:, 3] * norms[:, 0]).clamp_min(1e-30)
        held_out = {
            "error": error,
            "error2": error * error,
            "x": x,
            "x2": x * x,
            "nonlinear2": nonlinear_error * nonlinear_error,
            "count": torch.ones_like(cosine),
            "norm_x": norms[:, 0],
            "norm_sae": norms[:, 1],
            "cosine": cosine,
        }
        return Sums(held_out=Sums(sae.grouped(held_out, contexts, test)), cross=cross)

    return sae.total(of_block)


def norm_probes(sae: SaeOnHarvest, solver: Solver, cross: Moments, norms2: Any) -> Sums:
    """Probes a* from x to the squared norm of each of `VECTORS` (Eq. 10), judged on held-out tokens.

    cross, norms2: what `apply_error_map` gathered and wrote.

    Returns
    -------
    Sums over the held-out tokens of each group of contexts, (G, 5): target, target2, residual2, and
    count (G,).
    """
    probe = solver.solve(cross)
    # Squares are summed about the training mean, so that the variance keeps its digits.
    mean = cross.y / cross.count + cross.target_shift

    def of_block(contexts: slice) -> Sums:
        array = read(sae.harvest.activations(sae.site), contexts, sae.harvest.path)
        _, test = sae.masks(contexts)
        x = torch.from_numpy(array).to(sae.device).flatten(0, 1)[test]
        target = torch.from_numpy(norms2[contexts]).to(sae.device).flatten(0, 1)[test]
        residual, target = target - probe(x), target - mean
        parts = {"target": target, "target2": target**2, "residual2": residual**2}
        parts |= {"count": torch.ones_like(target[:, 0])}
        return Sums(sae.grouped(parts, contexts, test))

    return sae.total(of_block)


def scores(of_error: Sums, of_norms: Sums, draws: int, seed: int) -> Iterator[tuple[str, Estimate]]:
    """Every number of the decomposition with its 95 % interval over documents.

    of_error, of_norms: what `apply_error_map` (its held_out) and `norm_probes` return.

    Yields names and estimates of: fvu; error_r2 (Eq. 11); fvu_nonlinear (Eq. 12); norm_r2 of
    each vector (Eq. 10); norm_ratio and cosine (Appendix A.1).
    """
    kept = (of_error["count"] > 0).cpu().numpy()
    held_out = {name: part.cpu().numpy()[kept] for name, part in of_error.items()}
    count = held_out["count"]
    x = {"count": count, "target": held_out["x"], "target2": held_out["x2"]}
    error = {"count": count, "target": held_out["error"], "target2": held_out["error2"]}
    residual = held_out["nonlinear2"]

    def interval(statistic, sums):
        return document_interval(statistic, sums, draws, seed)

    yield "fvu", interval(fvu_from_sums, x | {"residual2": held_out["error2"]})
    yield "error_r2", interval(mean_r2_from_sums, error | {"residual2": residual})
    yield "fvu_nonlinear", interval(fvu_from_sums, x | {"residual2": residual})
    norms = {name: part.cpu().numpy()[kept] for name, part in of_norms.items()}
    for at, vector in enumerate(VECTORS):
        sums = {name: part[:, at] if part.ndim == 2 else part for name, part in norms.items()}
        yield f"norm_r2_{vector}", interval(r2_from_sums, sums)
    ratio = {name: held_out[name] for name in ("norm_sae", "norm_x")}
    yield "norm_ratio", interval(lambda s: s["norm_sae"] / s["norm_x"], ratio)
    cosine = {name: held_out[name] for name in ("cosine", "count")}
    yield "cosine", interval(lambda s: s["cosine"] / s["count"], cosine)
