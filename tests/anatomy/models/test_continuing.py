"""A context continued from kept keys and values, against whole passes over all positions."""

import pytest
import torch

from tests.anatomy.models.tiny_models import FAMILIES, tiny
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.continuing import Continuation
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.models.substituting import resumed


def streams(model, site, seed=2):
    ids = torch.randint(0, 50, (1, 12), generator=torch.Generator().manual_seed(seed))
    with capturing(model, [site]) as captured:
        model(ids, use_cache=False)
    return captured[site].clone()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("layer", "position"), [(-1, 4), (0, 1), (1, 7), (2, 5)])
def test_draws_of_one_position_equal_whole_passes(family, layer, position):
    """Also where attention slides over fewer positions than came before, and where it knows no positions."""
    model = tiny(family)
    site = f"blocks.{max(layer, 0)}.hook_resid_{'post' if layer >= 0 else 'pre'}"
    x = streams(model, site)
    draws = x.repeat(3, 1, 1)
    noise = torch.randn(3, x.shape[2], generator=torch.Generator().manual_seed(3))
    draws[:, position] += noise
    whole = resumed(model, max(layer, 0), "post" if layer >= 0 else "pre")(draws)[:, position:]
    run = Continuation(model, layer, x[:, :position])
    torch.testing.assert_close(run(draws[:, position:]), whole, rtol=1e-5, atol=1e-6)
    # The beginning is as it was, however often it was continued.
    torch.testing.assert_close(run(draws[:2, position:]), whole[:2], rtol=1e-5, atol=1e-6)
    again = streams(model, site)
    assert torch.equal(again, x)


@pytest.mark.parametrize(("layer", "before"), [(3, 4), (-2, 4), (1, 0)])
def test_there_has_to_be_something_to_continue(layer, before):
    with pytest.raises(AnatomyError, match="cannot continue"):
        Continuation(tiny("gpt2"), layer, torch.zeros(1, before, 16))
