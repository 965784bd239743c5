"""Training SAEs through sae_lens: its own steps, its own format, the same bytes after a kill."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.torch import load_file

from tests.conftest import SITE, write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.trainers import new_trainer
from workflow_scripts.anatomy.saes.training import train_sae, train_saes
from workflow_scripts.anatomy.saes.training_plan import training_plan
from workflow_scripts.anatomy.setup.architectures import ARCHITECTURES

D, M, K = 16, 48, 4


def sparse_activations(contexts=120, positions=16, scale=5.0, seed=0):
    """Sums of a few of 2 d directions, with a mean: (C, T, d) that a dictionary can learn."""
    generator = np.random.default_rng(seed)
    atoms = generator.normal(size=(2 * D, D)) / np.sqrt(D)
    codes = generator.exponential(size=(contexts, positions, 2 * D))
    codes *= generator.random(codes.shape) < 0.08
    return scale * (codes @ atoms + generator.normal(size=D) * 0.3 + 0.02)


@pytest.fixture
def store(tmp_path):
    return write_activations(tmp_path / "train.zarr", sparse_activations(), min_position=1)


def block(architecture="batchtopk", **changes):
    training = {"tokens": 6400, "batch_size": 64, "learning_rate": 0.003}
    coefficients = [name for name, about in ARCHITECTURES.items() if "coefficients" in about.takes]
    sparsity = {"coefficient": 0.3} if architecture in coefficients else {"k": K}
    sae = {"name": "sae", "group": "g", "architecture": architecture, "site": SITE, "width": M}
    sae |= {"seed": 0, "training": training | changes.pop("training", {})} | sparsity
    return sae | changes


def run_steps(store, sae, steps, batches, active=None):
    """The trainer after some steps; at first, a latent fires on a share `active` of the tokens."""
    planned = training_plan(sae, store)
    trainer = new_trainer(sae, planned, "model", D, "cpu")
    trainer.activation_scaler.scaling_factor = 0.4
    if active is not None:
        with torch.no_grad():
            pre = 0.4 * batches[0] @ trainer.sae.W_enc
            if sae["architecture"] == "standard":
                trainer.sae.b_enc.sub_(pre.quantile(1 - active, dim=0))
            else:
                trainer.sae.threshold.copy_(pre.quantile(1 - active, dim=0).clamp(min=0.01))
    for batch in batches[:steps]:
        output = trainer.step(batch)
        # Where so few fire, the step is not left to sae_lens.
        assert active is None or output.feature_acts.is_sparse == (
            sae["training"]["step"] == "sparse"
        )
        trainer.n_training_steps += 1
    return trainer


def assert_same_training(ours, theirs):
    assert type(ours) is not type(theirs)
    for name, weight in theirs.sae.state_dict().items():
        found = ours.sae.state_dict()[name]
        largest = float(weight.abs().max())
        torch.testing.assert_close(found, weight, rtol=1e-4, atol=1e-4 * largest, msg=name)
    assert torch.equal(ours.act_freq_scores, theirs.act_freq_scores)
    assert torch.equal(ours.n_forward_passes_since_fired, theirs.n_forward_passes_since_fired)


@pytest.mark.parametrize("architecture", ["topk", "batchtopk"])
@pytest.mark.parametrize("dead_after", [64 * 1000, 64 * 2], ids=["alive", "some dead"])
@pytest.mark.parametrize("width", [M, 6 * M], ids=["few", "many"])
def test_sparse_steps_are_the_steps_of_sae_lens(store, architecture, dead_after, width):
    generator = torch.Generator().manual_seed(0)
    x = torch.from_numpy(sparse_activations().astype(np.float32)).reshape(-1, D)
    batches = [x[torch.randperm(len(x), generator=generator)[:64]] for _ in range(20)]
    training = {"dead_after_tokens": dead_after, "warmup_fraction": 0.0, "learning_rate": 1e-3}
    trainers = [
        run_steps(
            store, block(architecture, width=width, training=training | {"step": step}), 20, batches
        )
        for step in ("sparse", "sae_lens")
    ]
    ours, theirs = trainers
    assert_same_training(ours, theirs)
    # Dead latents are there where the auxiliary loss is to be tested; "many" of them are more
    # than d / 2, where it selects.
    assert (theirs.dead_neurons.sum() > 0) == (dead_after == 128)
    if dead_after == 128 and width > M:
        assert theirs.dead_neurons.sum() > D // 2


@pytest.mark.parametrize("architecture", ["standard", "jumprelu"])
@pytest.mark.parametrize("active", [None, 0.05], ids=["many", "few"])
def test_penalised_steps_are_the_steps_of_sae_lens(store, architecture, active):
    generator = torch.Generator().manual_seed(0)
    x = torch.from_numpy(sparse_activations().astype(np.float32)).reshape(-1, D)
    batches = [x[torch.randperm(len(x), generator=generator)[:64]] for _ in range(20)]
    training = {"warmup_fraction": 0.2, "tokens": 2560, "learning_rate": 1e-4}
    trainers = [
        run_steps(
            store,
            block(architecture, training=training | {"step": step}, coefficient=0.3),
            *(20, batches, active),
        )
        for step in ("sparse", "sae_lens")
    ]
    assert_same_training(*trainers)
    ours, theirs = trainers
    # The penalty's coefficient warms up in both.
    assert ours.get_coefficients() == theirs.get_coefficients() != {}


@given(
    arrays(np.float32, st.integers(2, 60), elements=st.sampled_from([0.5, 1, 2, 3.25])), st.data()
)
def test_the_largest_entries_are_so_many_where_many_are_equal(values, data):
    from workflow_scripts.anatomy.saes.sparse_training import largest

    count = data.draw(st.integers(1, len(values) - 1))
    kept = largest(torch.from_numpy(values), count).numpy()
    assert len(kept) == count
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(np.sort(values[kept]), np.sort(values)[-count:])


@given(arrays(np.float32, (5, 9), elements=st.sampled_from([-1, 0, 0.5, 1, 2, 3.25])))
def test_topk_takes_k_positive_entries_of_a_row_where_many_are_equal(pre):
    from workflow_scripts.anatomy.saes.sparse_training import SparseTopKTrainingSAE

    sae = SimpleNamespace(cfg=SimpleNamespace(k=K))
    entries = SparseTopKTrainingSAE._select(sae, torch.from_numpy(pre)).numpy()
    assert (np.diff(entries) > 0).all()
    for row, values in enumerate(pre):
        kept = np.sort(pre.flatten()[entries[entries // 9 == row]])
        expected = np.sort(values)[-K:]
        np.testing.assert_array_equal(kept, expected[expected > 0])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sae_lens_reads_what_was_trained(store, tmp_path, architecture):
    dictionary, curve = train_sae(block(architecture), store, "model", tmp_path / "sae_lens")
    from sae_lens import SAE

    x = torch.from_numpy(store.activations(SITE)[:]).reshape(-1, D)
    sae = SAE.load_from_disk(tmp_path / "sae_lens")
    codes, recon = dictionary.reconstruct(x)
    with torch.no_grad():
        torch.testing.assert_close(codes.to_dense(M), sae.encode(x), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(recon, sae(x), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(dictionary.W_dec.norm(dim=1), torch.ones(M))
    assert dictionary.metadata["architecture"] == architecture
    assert sae.cfg.normalize_activations == "none"
    # It learnt: the reconstructions are of the unscaled activations, and much better than the mean.
    error = (x - recon).square().sum() / (x - x.mean(0)).square().sum()
    assert error < 0.5 and curve[-1]["fvu"] < 0.5 * curve[0]["fvu"]
    assert curve[-1]["step"] == 100 and curve[-1]["tokens"] == 6400
    assert not (tmp_path / "checkpoints").exists()
    if architecture == "batchtopk":
        heldout = x.reshape(120, 16, D)[114:, 1:].reshape(-1, D)
        assert dictionary.encode(heldout).l0.float().mean() == pytest.approx(K, rel=0.01)
        assert (dictionary.threshold == dictionary.threshold[0]).all()


def test_eq8_is_the_mean_of_the_smallest_activations(store, tmp_path):
    sae = block(training={"threshold": "eq8", "tokens": 1280})
    dictionary, _ = train_sae(sae, store, "model", tmp_path / "sae_lens")
    heldout = torch.from_numpy(store.activations(SITE)[114:][:, 1:])
    minima = []
    for part in heldout.split(64 // 15):
        pre = dictionary.preactivations(part.reshape(-1, D)).relu().flatten()
        minima.append(pre.topk(K * part.shape[0] * part.shape[1]).values[-1])
    assert float(dictionary.threshold[0]) == pytest.approx(float(np.mean(minima)), rel=1e-4)


def train_in_process(folder, training):
    """Start the training of `block(training=...)` on the store of `folder`, in its own process."""
    code = (
        "import sys, torch; torch.set_num_threads(1); sys.path[:0] = ['.']\n"
        "from tests.anatomy.saes.test_training import block\n"
        "from workflow_scripts.anatomy.activations.store import open_activations\n"
        "from workflow_scripts.anatomy.saes.training import train_sae\n"
        f"store = open_activations({str(folder.parent / 'train.zarr')!r})\n"
        f"train_sae(block(training={training!r}), store, 'model', {str(folder / 'sae_lens')!r})\n"
    )
    root = Path(__file__).resolve().parents[3]
    return subprocess.Popen([sys.executable, "-c", code], cwd=root, env={**os.environ})


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_bytes(store, tmp_path):
    training = {"tokens": 64 * 1000, "checkpoints": 19, "dead_after_tokens": 640}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    torch.set_num_threads(1)
    process = train_in_process(killed, training)
    deadline = time.monotonic() + 120
    while not list(killed.glob("checkpoints/step-*")) and time.monotonic() < deadline:
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (killed / "sae_lens" / "cfg.json").exists()
    assert list(killed.glob("checkpoints/step-*"))
    _, resumed = train_sae(block(training=training), store, "model", killed / "sae_lens")
    _, curve = train_sae(block(training=training), store, "model", whole / "sae_lens")
    for file in ("sae_weights.safetensors", "cfg.json"):
        one, two = ((folder / "sae_lens" / file).read_bytes() for folder in (killed, whole))
        assert one == two, file
    assert resumed == curve
    assert not (killed / "checkpoints").exists()


def test_a_checkpoint_of_another_configuration_is_not_used(store, tmp_path, monkeypatch):
    monkeypatch.setattr("workflow_scripts.anatomy.saes.checkpoints.Checkpoints.delete", lambda _: 0)
    train_sae(block(training={"checkpoints": 1}), store, "model", tmp_path / "a" / "sae_lens")
    assert [p.name for p in (tmp_path / "a" / "checkpoints").iterdir()] == ["step-50"]
    other = block(training={"checkpoints": 1, "learning_rate": 0.001})
    _, curve = train_sae(other, store, "model", tmp_path / "a" / "sae_lens")
    _, fresh = train_sae(other, store, "model", tmp_path / "b" / "sae_lens")
    assert curve == fresh
    one, two = (load_file(tmp_path / f / "sae_lens/sae_weights.safetensors") for f in "ab")
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "0 latents are too few"),
        ({"k": M + 1}, "49 active latents of 48"),
        ({"training": {"tokens": 63}}, "63 are fewer than one batch of 64"),
        ({"training": {"tokens": 10**6, "batch_size": 1711}}, "fewer than one batch of 1711"),
        ({"architecture": "gated"}, "gated is none of"),
    ],
)
def test_impossible_trainings_are_refused_at_once(store, changes, message):
    with pytest.raises(AnatomyError, match=message):
        training_plan(block(**changes), store)


def test_nan_activations_and_diverging_losses_are_errors(store, tmp_path, monkeypatch):
    x = sparse_activations()
    x[40, 3] = np.nan
    bad = write_activations(tmp_path / "bad.zarr", x)
    with pytest.raises(AnatomyError, match="NaN"):
        train_sae(block(), bad, "model", tmp_path / "sae_lens")
    with pytest.raises(AnatomyError, match=r"the loss is (nan|inf) at step \d+; lower saes\.g\."):
        train_sae(block(training={"learning_rate": 1e30}), store, "model", tmp_path / "sae_lens")
    assert not (tmp_path / "sae_lens").exists()


def test_side_by_side_is_as_alone(store, tmp_path):
    """Also where one of them is the only one to be interrupted, so that the others are ahead."""
    saes = [
        block("batchtopk", name="a", training={"checkpoints": 3}),
        block("topk", name="b", width=2 * M),
        block("jumprelu", name="c"),
    ]
    together = [tmp_path / "together" / sae["name"] / "sae_lens" for sae in saes]
    trained = train_saes(saes, store, "model", together)
    for sae, folder, (dictionary, curve) in zip(saes, together, trained, strict=True):
        alone, alone_curve = train_sae(sae, store, "model", tmp_path / sae["name"] / "sae_lens")
        assert torch.equal(dictionary.W_dec, alone.W_dec) and curve == alone_curve
        one, two = (
            (f / "sae_weights.safetensors").read_bytes()
            for f in (folder, tmp_path / sae["name"] / "sae_lens")
        )
        assert one == two


def test_who_is_behind_catches_up(store, tmp_path, monkeypatch):
    """A stream that was killed between two checkpoints goes on from different steps."""
    saes = [block(name="a", training={"checkpoints": 1}), block(name="b", k=2)]
    monkeypatch.setattr("workflow_scripts.anatomy.saes.checkpoints.Checkpoints.delete", lambda _: 0)
    folders = [tmp_path / sae["name"] / "sae_lens" for sae in saes]
    whole = train_saes(saes, store, "model", folders)
    assert (tmp_path / "a" / "checkpoints" / "step-50").is_dir()
    again = train_saes(saes, store, "model", folders)
    for (one, curve), (two, other) in zip(whole, again, strict=True):
        assert torch.equal(one.W_enc, two.W_enc) and curve == other


def test_one_stream_has_one_order(store, tmp_path):
    with pytest.raises(ValueError, match="share site, batch size and seed"):
        train_saes([block(), block(seed=1)], store, "model", [tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize("k", [3, 6])
def test_a_steered_jumprelu_has_the_l0_asked_for(store, tmp_path, k):
    """Without the last move of its thresholds it would be near; with it, it is exact."""
    sae = block("jumprelu", training={"tokens": 64 * 600, "learning_rate": 0.01})
    sae = {name: value for name, value in sae.items() if name != "coefficient"} | {"k": k}
    dictionary, curve = train_sae(sae, store, "model", tmp_path / "sae_lens")
    heldout = torch.from_numpy(store.activations(SITE)[114:][:, 1:]).reshape(-1, D)
    assert dictionary.encode(heldout).l0.float().mean() == pytest.approx(k, rel=0.01)
    late = [row["l0"] for row in curve[-6:]]
    assert np.mean(late) == pytest.approx(k, rel=0.1)
    coefficients = [row["coefficient"] for row in curve]
    assert coefficients[0] == pytest.approx(0.01 * D / k) and len(set(coefficients)) > 30
    assert dictionary.threshold.std() > 0, "its latents have thresholds of their own"


def test_a_steered_training_goes_on_from_a_checkpoint(store, tmp_path, monkeypatch):
    monkeypatch.setattr("workflow_scripts.anatomy.saes.checkpoints.Checkpoints.delete", lambda _: 0)
    sae = block("jumprelu", k=4, training={"checkpoints": 1})
    whole, curve = train_sae(sae, store, "model", tmp_path / "sae_lens")
    resumed, again = train_sae(sae, store, "model", tmp_path / "sae_lens")
    assert curve == again and torch.equal(whole.threshold, resumed.threshold)
