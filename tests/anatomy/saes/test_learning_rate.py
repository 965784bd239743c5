"""The best of a few learning rates: as training at each alone, and looking which leaves the least, says."""

import numpy as np
import pytest
import torch

from tests.anatomy.saes.test_training import block, store  # noqa: F401
from tests.conftest import SITE
from workflow_scripts.anatomy.saes.importing import canonical
from workflow_scripts.anatomy.saes.learning_rate import rates_of, train_at_best_rate
from workflow_scripts.anatomy.saes.loading import load_sae_lens
from workflow_scripts.anatomy.saes.training import train_sae
from workflow_scripts.anatomy.saes.training_plan import training_plan

RATES = [1e-5, 3e-3, 3e-4]


def left(dictionary, store, first):  # noqa: F811
    """Mean squared error per token of the contexts from `first` on, in float64."""
    x = store.activations(SITE)[first:, store.min_position :].reshape(-1, dictionary.d_in)
    reconstruction = dictionary.reconstruct(torch.from_numpy(x))[1].numpy().astype(np.float64)
    return float(((x - reconstruction) ** 2).sum(1).mean())


@pytest.mark.parametrize("architecture", ["topk", "batchtopk"])
def test_the_best_rate_on_contexts_kept_apart_is_taken(store, tmp_path, architecture):  # noqa: F811
    sae = block(architecture, training={"learning_rate": RATES})
    found, curve = train_at_best_rate(sae, store, "model", tmp_path / "best" / "sae_lens")
    first, errors, alone = training_plan(sae, store).training_contexts, {}, {}
    for rate in RATES:
        one = block(architecture, training={"learning_rate": rate})
        alone[rate], _ = train_sae(one, store, "model", tmp_path / f"{rate:g}" / "sae_lens")
        errors[rate] = left(alone[rate], store, first)
    best = min(errors, key=errors.get)
    for name, tensor in alone[best].tensors().items():
        assert torch.equal(found.tensors()[name], tensor), name
    assert max(row["learning_rate"] for row in curve) == pytest.approx(best)
    saved = canonical(load_sae_lens(tmp_path / "best" / "sae_lens", "sae"), found.metadata)
    assert torch.equal(saved.W_enc, found.W_enc)
    assert not (tmp_path / "best" / "candidates").exists(), "what was not taken is gone"


def test_one_rate_is_no_choice():
    assert rates_of(block(training={"learning_rate": 0.1})) == [0.1]
    assert rates_of(block(training={"learning_rate": RATES})) == RATES
