"""Examples of latents: what an explanation is made from, and what it is tested on.

Documents are dealt into two halves (`halves`). From the *explanation* half come, for each latent, the
windows of its strongest activations, windows of activations of any strength, and windows where it is
silent. From the *detection* half come windows of every decile of its activations and silent ones
(dark-matter paper, Fig. 7: 7 of each decile and 50 silent). The store is read twice, block by
block; what is held is bounded by the number of latents, not by the number of tokens.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.interpretability.halves import Halves
from workflow_scripts.anatomy.interpretability.peaks import (
    Best,
    Places,
    firings,
    peaks,
    per_latent,
    random_keys,
)
from workflow_scripts.anatomy.interpretability.windows import LabelContext, Windows, gather

QUANTILES = 10
SILENT_WINDOW = 0
# Deciles are those of at most so many activations of a latent, drawn at random.
RESERVOIR = 1000
# A latent with fewer peaks than this in the detection half has no deciles worth the name.
MINIMUM_PEAKS = 2 * QUANTILES
MINIMUM_TOP = 5
MINIMUM_SILENT = 10
# Silent windows of all latents are taken from so many windows of each half.
POOL = 4096


@dataclass(frozen=True)
class ExampleCounts:
    """How many examples to take: `examples_per_quantile` and `negatives` to test on, `top`,
    `spread` (of any strength) and `silent` to explain from; `window` is their length in tokens."""

    window: int = 32
    examples_per_quantile: int = 7
    negatives: int = 50
    top: int = 40
    spread: int = 40
    silent: int = 200


@dataclass(frozen=True)
class LatentExamples:
    """The examples of one latent.

    top, spread, silent: windows of the explanation half, the strongest first in `top`.
    detection: windows of the other half, in random order; quantile (n,) int8 is `SILENT_WINDOW` where the
    latent is silent, and 1 (weakest) to 10 (strongest) for the deciles of its activations.
    firings: tokens of the store where it fires. problem: why it cannot be judged, or None.
    """

    latent: int
    firings: int
    top: Windows
    spread: Windows
    silent: Windows
    detection: Windows
    quantile: np.ndarray
    problem: str | None


@dataclass
class _Found:
    """What the first reading collects."""

    firings: np.ndarray  # (latents,), tokens
    peaks: np.ndarray  # (latents,), of the detection half
    top: Best
    spread: Best
    reservoir: Best
    silent: np.ndarray  # (windows of the pool, latents)


def choose_latents(width: int, number: int | None, seed: int) -> np.ndarray:
    """`number` of `width` latents at random, ascending int64; all of them where it is None."""
    if number is None or number >= width:
        return np.arange(width)
    return np.sort(np.random.default_rng(seed).choice(width, number, replace=False))


def draw_examples(
    store: ActivationStore,
    codes: Any,
    latents: np.ndarray,
    counts: ExampleCounts,
    seed: int,
    label_context: LabelContext | None = None,
) -> list[LatentExamples]:
    """Draw the examples of some latents.

    Parameters
    ----------
    store: gives tokens, documents and the first position that counts.
    codes: `rows(contexts: slice)` gives their codes, csr (c * T, m), of the same contexts; a
        codes store, or anything else with activations, silent where they are not positive.
    latents: int, which columns of the codes.
    label_context: labels of a context from its tokens (T,) and documents (T,), as (T,) uint64.

    Returns
    -------
    One for each latent, in their order; one with too few activations says so in `problem`.

    Raises
    ------
    AnatomyError: contexts too short for the window, or one context of one document.
    """
    contexts, positions = store.shape
    first = store.min_position
    if positions - first < counts.window:
        raise AnatomyError(
            f"interpretability: window {counts.window} does not fit in {store.path}, where "
            f"{positions - first} positions of each context count; choose a smaller window"
        )
    halves = Halves.of(store.units, seed)
    if halves.explained is None and contexts < 2:
        raise AnatomyError(
            f"interpretability: {store.path} has one context of one document, and two are needed, to "
            "explain from and to test on; harvest more contexts"
        )
    sides, cautions = halves.account()
    for line in sides:
        log.info("%s", line)
    for line in cautions:
        log.warning("warning: %s", line)
    latents = np.asarray(latents, dtype=np.int64)
    pool = _draw_pool(halves, counts, seed)
    found = _find(store, codes, latents, counts, seed, halves, pool)
    plans = _plan(latents, counts, seed, halves, pool, found)
    windows = gather(store, codes, latents, counts.window, plans, label_context)
    return _assemble(latents, counts, seed, found, plans, windows)


def _draw_pool(halves: Halves, counts: ExampleCounts, seed: int) -> Places:
    """Windows of both halves where latents may turn out silent; `position` is the start."""
    generator = np.random.default_rng([seed, 1])
    chosen = [halves.random_windows(half, counts.window, POOL, generator) for half in (True, False)]
    context, start = np.divmod(np.unique(np.concatenate(chosen)), halves.units.shape[1])
    nothing = np.zeros(len(context))
    return Places(nothing, context, start, nothing, random_keys(seed, context, start))


def _find(store, codes, latents, counts, seed, halves, pool) -> _Found:
    """First reading: peaks, and which windows of the pool are silent for which latents."""
    from scipy.sparse import csr_matrix

    positions = store.shape[1]
    found = _Found(
        np.zeros(len(latents), dtype=np.int64),
        np.zeros(len(latents), dtype=np.int64),
        Best(len(latents), counts.top, by_value=True),
        Best(len(latents), counts.spread, by_value=False),
        Best(len(latents), RESERVOIR, by_value=False),
        np.zeros((len(pool.context), len(latents)), dtype=bool),
    )
    for block in store.block_slices():
        fired = firings(codes, block, latents, store.units.used(block), seed)
        found.firings += np.bincount(fired.latent, minlength=len(latents))
        start, explain, fits = halves.windows(fired.context, fired.position, counts.window)
        kept = peaks(fired, start, counts.window) & fits
        # From here on a place stands for its window, and `position` is where that starts.
        peak, explain = fired._replace(position=start).take(kept), explain[kept]
        found.top.add(peak.take(explain))
        found.spread.add(peak.take(explain))
        found.reservoir.add(peak.take(~explain))
        found.peaks += np.bincount(peak.latent[~explain], minlength=len(latents))
        inside = np.flatnonzero((pool.context >= block.start) & (pool.context < block.stop))
        rows = (pool.context[inside] - block.start) * positions + pool.position[inside]
        covered = (rows[:, None] + np.arange(counts.window)).ravel()
        length = (block.stop - block.start) * positions
        pointer = np.arange(len(inside) + 1) * counts.window
        windows = csr_matrix((np.ones(len(covered)), covered, pointer), (len(inside), length))
        at = ((fired.context - block.start) * positions + fired.position, fired.latent)
        active = csr_matrix((np.ones(len(fired.latent)), at), (length, len(latents)))
        found.silent[inside] = (windows @ active).toarray() == 0
    return found


TOP, SPREAD, SILENT, DETECTION = range(4)


def _plan(latents, counts, seed, halves, pool, found) -> list[np.ndarray]:
    """Choose the windows of every latent, rows of (context, start, role, quantile)."""
    kept = [best.places() for best in (found.top, found.spread, found.reservoir)]
    pool_explains = halves.explain(pool.context, pool.position)
    streams = zip(*(per_latent(places, len(latents)) for places in kept), strict=True)
    plans = []
    for at, (top, spread, reservoir) in enumerate(streams):
        spread = spread.take(~np.isin(spread.key, top.key))
        silent = np.flatnonzero(found.silent[:, at])
        # Each latent takes the windows of the pool in an order of its own.
        silent = silent[np.argsort(random_keys(seed, pool.key[silent], latents[at] + 0 * silent))]
        explain = pool_explains[silent]
        chosen, quantile = _deciles(reservoir, counts.examples_per_quantile)
        plans.append(
            np.concatenate(
                [
                    _rows(top, TOP),
                    _rows(spread, SPREAD),
                    _rows(pool.take(silent[explain][: counts.silent]), SILENT),
                    _rows(chosen, DETECTION, quantile),
                    _rows(pool.take(silent[~explain][: counts.negatives]), DETECTION),
                ]
            )
        )
    return plans


def _rows(places: Places, role: int, quantile: np.ndarray | int = SILENT_WINDOW) -> np.ndarray:
    columns = (places.context, places.position, role, quantile)
    return np.stack(np.broadcast_arrays(*columns), axis=1).astype(np.int64)


def _deciles(reservoir: Places, number: int) -> tuple[Places, np.ndarray]:
    """`number` places of each decile of the activations, and their deciles, 1 to 10."""
    order = np.lexsort((reservoir.key, reservoir.value))
    chosen, quantiles = [], []
    for quantile, members in enumerate(np.array_split(order, QUANTILES), start=1):
        members = members[np.argsort(reservoir.key[members])][:number]
        chosen.append(members)
        quantiles.append(np.full(len(members), quantile))
    return reservoir.take(np.concatenate(chosen)), np.concatenate(quantiles)


def _assemble(latents, counts, seed, found, plans, windows) -> list[LatentExamples]:
    """Cut the windows into the examples of each latent."""
    examples, end = [], 0
    for at, (latent, plan) in enumerate(zip(latents, plans, strict=True)):
        own = windows.take(slice(end, end := end + len(plan)))
        role, quantile = plan[:, 2], plan[:, 3].astype(np.int8)
        tests = np.flatnonzero(role == DETECTION)
        keys = random_keys(seed + 1, latent + 0 * tests, own.context[tests], own.start[tests])
        tests = tests[np.argsort(keys)]
        silent = int((quantile[tests] == SILENT_WINDOW).sum())
        problem = _problem(int((role == TOP).sum()), int(found.peaks[at]), silent, counts)
        examples.append(
            LatentExamples(
                latent=int(latent),
                firings=int(found.firings[at]),
                top=own.take(role == TOP),
                spread=own.take(role == SPREAD),
                silent=own.take(role == SILENT),
                detection=own.take(tests),
                quantile=quantile[tests],
                problem=problem,
            )
        )
    return examples


def _problem(top: int, peak_count: int, silent: int, counts: ExampleCounts) -> str | None:
    if peak_count < MINIMUM_PEAKS:
        return f"too few activations to test on: {peak_count}, of {MINIMUM_PEAKS} needed"
    if top < min(MINIMUM_TOP, counts.top):
        return f"too few activations to explain from: {top}, of {MINIMUM_TOP} needed"
    if silent < min(MINIMUM_SILENT, counts.negatives):
        return f"silent in too few windows: {silent}, of {MINIMUM_SILENT} needed"
    return None
