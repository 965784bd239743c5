"""Examples of latents against a brute-force search through the dense activations."""

import numpy as np
import pytest

from tests.anatomy.interpretability.corpus import FIRST, POSITIONS, Corpus, PlantedCodes
from tests.conftest import random_documents
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability.examples import (
    MINIMUM_PEAKS,
    QUANTILES,
    SILENT_WINDOW,
    ExampleCounts,
    choose_latents,
    draw_examples,
)
from workflow_scripts.anatomy.interpretability.halves import Halves
from workflow_scripts.anatomy.interpretability.peaks import (
    Best,
    Places,
    firings,
    peaks,
    random_keys,
    window_start,
)

COUNTS = ExampleCounts(window=16, top=8, spread=12, silent=30)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Documents that end anywhere: several in most contexts, and some in several contexts."""
    corpus = Corpus(contexts=200)
    generator = np.random.default_rng(3)
    shape = corpus.tokens.shape
    corpus.documents = random_documents(*shape, 150.0)
    fires = [generator.random(shape) < share for share in (0.02, 0.2, 0.0003, 0.8, 0.0)]
    fires.append(corpus.tokens == corpus.ids("(")[0])
    store = corpus.store(tmp_path_factory.mktemp("examples") / "store.zarr")
    return corpus, store, PlantedCodes(fires)


@pytest.fixture(scope="module")
def drawn(planted):
    corpus, store, codes = planted
    return draw_examples(store, codes, np.arange(6), COUNTS, 7, corpus.labeller)


@pytest.fixture(scope="module")
def explains(planted):
    """Which tokens latents are explained from, (C, T) bool."""
    corpus, store, _ = planted
    return np.isin(corpus.documents, store.units.numbers[Halves.of(store.units, 7).explained])


def brute_force_peaks(
    activations: np.ndarray, window: int, explains: np.ndarray | None = None
) -> set[tuple[int, int]]:
    """Peaks of one latent, (C, T) activations, as (context, start of window).

    explains: (C, T) bool; windows do not go from where it holds to where it does not.
    """
    found = set()
    for context, row in enumerate(activations):
        side = np.zeros(len(row)) if explains is None else explains[context]
        for position in range(FIRST, len(row)):
            begin, end = position, position + 1
            while begin > FIRST and side[begin - 1] == side[position]:
                begin -= 1
            while end < len(row) and side[end] == side[position]:
                end += 1
            if end - begin < window:
                continue
            start = int(window_start(np.array(position), window, begin, end))
            own = row[start : start + window]
            if row[position] > 0 and start + int(own.argmax()) == position:
                found.add((context, start))
    return found


@pytest.mark.parametrize("latent", [0, 1, 2, 5])
def test_peaks_are_those_of_brute_force(planted, latent):
    _, _, codes = planted
    contexts = codes.shape[0]
    counted = np.tile(np.arange(POSITIONS) >= FIRST, (contexts, 1))
    places = firings(codes, slice(0, contexts), np.array([latent]), counted)
    start = window_start(places.position, 16, FIRST, POSITIONS)
    which = peaks(places, start, 16)
    kept, start = places.take(which), start[which]
    expected = brute_force_peaks(codes.dense[:, :, latent], 16)
    assert set(zip(kept.context.tolist(), start.tolist(), strict=True)) == expected
    assert len(places.latent) == (codes.dense[:, FIRST:, latent] > 0).sum()


def test_of_equal_activations_the_first_is_the_peak():
    position = np.array([10, 12, 13, 90])
    same = np.zeros(4, dtype=np.int64)
    places = Places(same, same, position, np.ones(4, np.float32), position.astype(np.uint64))
    start = window_start(position, 16, FIRST, POSITIONS)
    assert peaks(places, start, 16).tolist() == [True, False, False, True]


def test_windows_hold_what_the_store_holds(planted, drawn):
    corpus, _, codes = planted
    for latent, examples in enumerate(drawn):
        for windows in (examples.top, examples.spread, examples.silent, examples.detection):
            at = (windows.context[:, None], windows.start[:, None] + np.arange(16))
            assert (windows.start >= FIRST).all()
            assert (windows.start + 16 <= POSITIONS).all()
            np.testing.assert_array_equal(windows.tokens, corpus.tokens[at])
            np.testing.assert_array_equal(windows.activations, codes.dense[..., latent][at])
            for row, context in enumerate(windows.context[:3]):
                labels = corpus.labeller(corpus.tokens[context], corpus.documents[context])
                span = slice(windows.start[row], windows.start[row] + 16)
                np.testing.assert_array_equal(windows.labels[row], labels[span])


def test_silent_means_silent_and_active_means_active(drawn):
    for examples in drawn:
        active = (examples.detection.activations > 0).any(1)
        np.testing.assert_array_equal(active, examples.quantile != SILENT_WINDOW)
        assert not examples.silent.activations.any()
        assert examples.top.activations.any(1).all()


def documents_in(corpus, windows) -> set[int]:
    at = (windows.context[:, None], windows.start[:, None] + np.arange(windows.tokens.shape[1]))
    return set(corpus.documents[at].ravel().tolist())


def test_no_document_is_in_both_halves(planted, drawn):
    corpus, _, _ = planted
    explained, tested = set(), set()
    for examples in drawn:
        for windows in (examples.top, examples.spread, examples.silent):
            explained |= documents_in(corpus, windows)
        tested |= documents_in(corpus, examples.detection)
    assert not explained & tested
    assert min(len(explained), len(tested)) > 50
    shared = {c for one in drawn for c in one.silent.context.tolist()}
    shared &= {c for one in drawn for c in one.detection.context.tolist()}
    assert len(shared) > 10, "contexts of documents of both halves are used"


def test_top_windows_are_the_strongest(planted, drawn, explains):
    _, _, codes = planted
    for latent in (0, 5):
        found = drawn[latent].top.activations.max(1)
        assert (np.diff(found) <= 0).all()
        places = brute_force_peaks(codes.dense[..., latent], 16, explains)
        values = [codes.dense[c, s : s + 16, latent].max() for c, s in places if explains[c, s]]
        np.testing.assert_array_equal(found, np.sort(values)[::-1][: len(found)])
        assert len(found) == COUNTS.top


def test_deciles_are_those_of_all_peaks(planted, drawn, explains):
    """With fewer peaks than the reservoir holds, the deciles are exact."""
    _, _, codes = planted
    latent = 0
    places = brute_force_peaks(codes.dense[..., latent], 16, explains)
    places = [place for place in places if not explains[place]]
    values = np.sort([codes.dense[c, s : s + 16, latent].max() for c, s in places])
    parts = np.array_split(values, QUANTILES)
    examples = drawn[latent]
    for quantile, part in enumerate(parts, start=1):
        found = examples.detection.activations[examples.quantile == quantile].max(1)
        assert len(found) == COUNTS.examples_per_quantile
        assert found.min() >= part[0]
        assert found.max() <= part[-1]
    assert (examples.quantile == SILENT_WINDOW).sum() == COUNTS.negatives


def test_latents_that_cannot_be_judged_say_so(drawn):
    problems = [examples.problem for examples in drawn]
    assert problems[0] is None
    assert problems[5] is None
    assert problems[2].startswith("too few activations to test on: ")
    assert problems[3].startswith("silent in too few windows: ")
    assert problems[4] == f"too few activations to test on: 0, of {MINIMUM_PEAKS} needed"
    assert len(drawn[4].detection) == COUNTS.negatives
    assert [examples.latent for examples in drawn] == list(range(6))
    assert drawn[4].firings == 0


def flat(examples) -> list[bytes]:
    return [
        array.tobytes()
        for own in examples
        for windows in (own.top, own.spread, own.silent, own.detection)
        for array in vars(windows).values()
    ] + [own.quantile.tobytes() for own in examples]


def test_the_same_seed_gives_the_same_bytes_for_any_block_size(planted, drawn, monkeypatch):
    corpus, store, codes = planted
    again = draw_examples(store, codes, np.arange(6), COUNTS, 7, corpus.labeller)
    assert flat(again) == flat(drawn)
    blocks = store.block_slices(POSITIONS * 7)
    monkeypatch.setattr(type(store), "block_slices", lambda self: blocks)
    assert flat(draw_examples(store, codes, np.arange(6), COUNTS, 7, corpus.labeller)) == flat(
        drawn
    )
    other = draw_examples(store, codes, np.arange(6), COUNTS, 8, corpus.labeller)
    assert flat(other) != flat(drawn)


def test_a_latent_has_the_same_examples_whoever_else_is_drawn(planted, drawn):
    corpus, store, codes = planted
    alone = draw_examples(store, codes, np.array([5, 0]), COUNTS, 7, corpus.labeller)
    assert flat(alone) == flat([drawn[5], drawn[0]])


def test_detection_order_tells_nothing(drawn):
    first = drawn[0].quantile[:20]
    assert SILENT_WINDOW in first
    assert len(set(first.tolist())) > 4


def test_best_keeps_the_best_however_it_is_fed():
    generator = np.random.default_rng(0)
    n = 30_000
    latent = np.sort(generator.integers(0, 3, n))
    context, position = np.arange(n), np.zeros(n, np.int64)
    value = generator.integers(0, 50, n).astype(np.float32)
    key = random_keys(1, context)
    places = Places(latent, context, position, value, key)
    for by_value in (True, False):
        best = Best(3, 40, by_value)
        for part in np.array_split(generator.permutation(n), 17):
            best.add(places.take(part))
        found = best.places()
        for one in range(3):
            mine = np.flatnonzero(latent == one)
            rank = (key[mine], -value[mine]) if by_value else (key[mine],)
            expected = mine[np.lexsort(rank)][:40]
            np.testing.assert_array_equal(found.context[found.latent == one], expected)


def test_random_keys_are_spread_evenly():
    keys = random_keys(0, np.repeat(np.arange(100), 100), np.tile(np.arange(100), 100))
    assert len(np.unique(keys)) == 10_000
    counts = np.bincount((keys >> np.uint64(60)).astype(int), minlength=16)
    assert abs(counts - 625).max() < 5 * np.sqrt(625)


def test_choosing_latents():
    assert choose_latents(5, None, 0).tolist() == [0, 1, 2, 3, 4]
    assert choose_latents(5, 9, 0).tolist() == [0, 1, 2, 3, 4]
    chosen = choose_latents(1000, 50, 1)
    assert len(set(chosen.tolist())) == 50
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, choose_latents(1000, 50, 1))


def test_stores_that_are_too_small(planted, tmp_path):
    _, store, codes = planted
    with pytest.raises(AnatomyError, match="window 500 does not fit"):
        draw_examples(store, codes, np.arange(2), ExampleCounts(window=500), 0)
    corpus = Corpus(contexts=1)
    with pytest.raises(AnatomyError, match="has one context of one document"):
        draw_examples(corpus.store(tmp_path / "one.zarr"), codes, np.arange(2), COUNTS, 0)
