"""A stitched SAE as one dictionary, against the sum of what its two parts decode."""

import pytest
import torch

from tests.conftest import random_dictionary
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.union import with_novel_latents

D = 8


def pair(**options):
    small = random_dictionary(D, 12, 1)
    large = random_dictionary(D, 30, 2, **options)
    large.W_dec[:5] = small.W_dec[:5]
    return small, large


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subtract_b_dec": True, "input_scale": 3.0},
        {"activation": "jumprelu", "threshold": torch.full((30,), 0.4)},
    ],
)
def test_latents_below_the_threshold_are_added(options):
    small, large = pair(**options)
    stitched = with_novel_latents(small, large, 0.7).check("stitched")
    cosines = (large.W_dec @ small.W_dec.T).amax(1)
    novel = cosines < 0.7
    assert not novel[:5].any() and stitched.width == 12 + int(novel.sum())
    x = torch.randn(20, D, generator=torch.Generator().manual_seed(3))
    parts = [sae.encode(x).to_dense(sae.width) for sae in (small, large)]
    share = 12 / stitched.width
    wanted = share * small.b_dec + (1 - share) * large.b_dec / large.input_scale
    wanted = wanted + parts[0] @ small.W_dec
    wanted = wanted + (parts[1] * novel) @ large.W_dec / large.input_scale
    torch.testing.assert_close(stitched.reconstruct(x)[1], wanted, rtol=1e-4, atol=1e-5)


def test_nothing_is_added_where_all_is_there():
    small, _ = pair()
    same = with_novel_latents(small, small, 0.7)
    assert same.width == small.width
    x = torch.randn(20, D)
    torch.testing.assert_close(same.reconstruct(x)[1], small.reconstruct(x)[1])


def test_topk_and_other_inputs_are_refused():
    small, _ = pair()
    with pytest.raises(AnatomyError, match="compete"):
        with_novel_latents(small, random_dictionary(D, 9, activation="topk", k=2), 0.7)
    scaling = random_dictionary(D, 9, normalisation="layer_norm", center=True)
    for other in (random_dictionary(D + 1, 9), scaling):
        with pytest.raises(AnatomyError, match="other inputs"):
            with_novel_latents(small, other, 0.7)


def test_tokens_that_are_scaled_by_themselves_stay_so():
    about = {"normalisation": "layer_norm", "center": True}
    small, large = random_dictionary(D, 12, **about), random_dictionary(D, 30, seed=5, **about)
    x = torch.randn(20, D, generator=torch.Generator().manual_seed(3)) * 3 + 1
    t, mean = x.std(1, keepdim=True), x.mean(1, keepdim=True)
    stitched = with_novel_latents(small, large, 1.1)
    latents = sum(sae.encode(x).to_dense(sae.width) @ sae.W_dec for sae in (small, large))
    bias = (12 * small.b_dec + 30 * large.b_dec) / 42
    torch.testing.assert_close(
        stitched.reconstruct(x)[1], latents + t * bias + mean, rtol=1e-4, atol=1e-4
    )
