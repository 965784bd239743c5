"""Windows of missed firings against dense codes, and beside the windows that were there."""

import numpy as np
import pytest

from tests.anatomy.report.latents.planted_sae import DEAD, EXTENT, FIRST, C, M, T, plant
from workflow_scripts.anatomy.report.latents.arrays import arrays_of
from workflow_scripts.anatomy.report.latents.contexts import contexts_of
from workflow_scripts.anatomy.report.latents.nearest import Nearest
from workflow_scripts.anatomy.report.shards.misses import MISSED, with_misses

WINDOWS = ("latent", "stratum", "context", "start", "length", "peak")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    sae, f, _ = plant(tmp_path_factory.mktemp("planted"))
    alone = Nearest([], np.zeros((M, 0), int), np.zeros((M, 0)))
    arrays = arrays_of(contexts_of(sae.store, sae.codes, EXTENT, 0), alone)
    return sae.codes, f.reshape(C, T, M), arrays


def firings(f, latent, number):
    """Some places where a latent fires, the last ones first."""
    places = np.argwhere(f[:, FIRST:, latent] > 0)[::-1][:number]
    return [(int(context), FIRST + int(position)) for context, position in places]


def test_missed_firings_are_windows_of_the_codes(found):
    codes, f, latents = found
    misses = {latent: firings(f, latent, number) for latent, number in ((7, 3), (0, 2), (M - 1, 1))}
    both = with_misses(latents, codes, misses)
    values = both["window_values"].reshape(-1, EXTENT.window)
    added = both["window_stratum"] == MISSED
    for name in WINDOWS:
        assert np.array_equal(both[f"window_{name}"][~added], latents[f"window_{name}"])
        assert both[f"window_{name}"].dtype == latents[f"window_{name}"].dtype
    assert np.array_equal(values[~added].ravel(), latents["window_values"])
    assert (np.diff(both["window_latent"].astype(int)) >= 0).all()
    for latent, places in misses.items():
        own = np.flatnonzero(both["window_latent"] == latent)
        assert both["window_stratum"][own[-len(places) :]].tolist() == [MISSED] * len(places)
        for at, (context, position) in zip(own[-len(places) :], places, strict=True):
            start = int(both["window_start"][at])
            assert (both["window_context"][at], both["window_peak"][at]) == (context, position)
            assert FIRST <= start <= position < start + EXTENT.window <= T
            shown = f[context, start : start + EXTENT.window, latent] / f[:, FIRST:, latent].max()
            np.testing.assert_allclose(values[at], 255 * shown, atol=0.51 + 0.5 * (shown > 0).any())
            assert values[at][position - start] > 0


def test_without_misses_the_arrays_are_what_they_were(found):
    codes, _, latents = found
    both = with_misses(latents, codes, {})
    assert both.keys() == latents.keys()
    assert all(np.array_equal(both[name], latents[name]) for name in both)
    assert DEAD not in both["window_latent"]
