"""Meta-SAEs: that they find what directions are composed of, and that kept directions are kept."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests.conftest import random_dictionary
from workflow_scripts.papers.canonical_units.meta.directions import decompose, variance_explained
from workflow_scripts.papers.canonical_units.meta.training import kept_decoder, train_meta_sae

D, ATOMS, ACTIVE, ROWS = 48, 32, 4, 500


def composed(fewest=ACTIVE, most=ACTIVE, seed=0):
    """Atoms (32, 48), directions that are sums of some of them each, (500, 48), and of how many, (500,).

    The atoms add up to about nothing: what all of them have in common could be in the bias as well.
    """
    generator = np.random.default_rng(seed)
    atoms = generator.normal(size=(ATOMS, D))
    atoms -= atoms.mean(0)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = np.zeros((ROWS, ATOMS))
    for row in codes:
        count = generator.integers(fewest, most + 1)
        row[generator.choice(ATOMS, count, replace=False)] = generator.uniform(0.7, 1.3, count)
    rows = normalize(torch.from_numpy(codes @ atoms), dim=1)
    return torch.from_numpy(atoms).float(), rows.float(), (codes > 0).sum(1)


def block(architecture="batchtopk", **changes):
    training = {"steps": 400, "batch_size": None, "learning_rate": 0.01}
    training |= {"warmup_fraction": 0.05, "decay_fraction": 0.3}
    meta = {"name": "main-s0", "sae": "relu", "model": "m", "site": "blocks.1.hook_resid_post"}
    meta |= {"architecture": architecture, "width": ATOMS, "k": ACTIVE, "seed": 0}
    meta |= {"learning_rates": (0.01,), "coefficients": (), "decoder": "trained"}
    return meta | {"training": training | changes.pop("training", {})} | changes


@pytest.mark.parametrize("architecture", ["batchtopk", "topk"])
def test_a_meta_sae_finds_the_atoms_that_directions_are_composed_of(tmp_path, architecture):
    atoms, rows, _ = composed()
    about = block(architecture, width=ATOMS + 8)
    meta, curve = train_meta_sae(about, rows, tmp_path / "sae_lens")
    assert variance_explained(meta, rows) > 0.95
    cosines = (normalize(meta.W_dec, dim=1) @ atoms.T).max(0).values
    assert (cosines > 0.95).all()
    active = np.diff(decompose(meta, rows).indptr)
    # The threshold is set on the directions themselves: nothing is held out.
    assert active.mean() == pytest.approx(ACTIVE, rel=0.01)
    assert curve[-1]["epoch"] == 400 and curve[-1]["l0"] == pytest.approx(ACTIVE, abs=0.01)
    assert curve[-1]["variance_explained"] > 0.9 > 0.5 > curve[0]["variance_explained"]


def test_batchtopk_gives_every_direction_as_many_meta_latents_as_it_has_atoms(tmp_path):
    _, rows, count = composed(1, 7)
    about = block(width=ATOMS + 8, k=float(count.mean()))
    meta, _ = train_meta_sae(about, rows, tmp_path / "sae_lens")
    active = np.diff(decompose(meta, rows).indptr)
    assert (active == count).mean() > 0.9


def test_what_is_saved_is_what_sae_lens_reads(tmp_path):
    from sae_lens import SAE

    rows = composed()[1]
    meta, _ = train_meta_sae(block(training={"steps": 60}), rows, tmp_path / "sae_lens")
    theirs = SAE.load_from_disk(tmp_path / "sae_lens")
    with torch.no_grad():
        expected = theirs.encode(rows)
        torch.testing.assert_close(theirs(rows), meta.reconstruct(rows)[1], rtol=1e-4, atol=1e-5)
    found = torch.from_numpy(decompose(meta, rows).toarray())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_batches_make_epochs(tmp_path):
    rows = composed()[1]
    small = {"steps": 50, "batch_size": 125}
    _, curve = train_meta_sae(block(training=small), rows, tmp_path / "sae_lens")
    assert curve[-1]["epoch"] == pytest.approx(50 * 125 / ROWS)
    _, curve = train_meta_sae(block(training=small | {"batch_size": 4096}), rows, tmp_path / "all")
    assert curve[-1]["epoch"] == 50


@pytest.mark.parametrize(
    "decoder", ["none", "random", "same_covariance", "nearest_64", "random_latents_64"]
)
def test_directions_that_are_kept_do_not_move(tmp_path, decoder):
    atoms, rows, _ = composed()
    main, _ = train_meta_sae(block(training={"steps": 60}), rows, tmp_path / "main" / "sae_lens")
    more = torch.randn(32, D, generator=torch.Generator().manual_seed(0))
    others = normalize(torch.cat([atoms, more]), dim=1)
    about = block(decoder=decoder, training={"steps": 200})
    kept = kept_decoder(about, main, rows, others)
    torch.testing.assert_close(kept.norm(dim=1), torch.ones(ATOMS))
    if decoder == "none":
        torch.testing.assert_close(kept, normalize(main.W_dec, dim=1))
    if decoder == "nearest_64":
        cosine = normalize(main.W_dec, dim=1).double() @ others.double().T
        assert torch.equal(kept, others[cosine.argmax(1)])
    meta, curve = train_meta_sae(about, rows, tmp_path / "kept" / "sae_lens", kept)
    torch.testing.assert_close(meta.W_dec, kept, rtol=1e-5, atol=1e-6)
    # The rest is trained: the encoder is no longer what it began as.
    assert not torch.allclose(normalize(meta.W_enc.T, dim=1), kept, atol=0.05)
    assert curve[-1]["variance_explained"] > curve[0]["variance_explained"]
    assert kept_decoder(block(), main, rows, None) is None


def test_random_latents_are_as_many_different_ones_each_as_often():
    generator = torch.Generator().manual_seed(0)
    others = normalize(torch.randn(64, D, generator=generator), dim=1)
    # The first latent is the nearest one of five directions, the next three of two each.
    chosen = [0] * 5 + [1, 1, 2, 2, 3, 3, *range(4, ATOMS - 7)]
    main = random_dictionary(D, ATOMS)
    main.W_dec = others[chosen] + 0.001 * torch.randn(ATOMS, D, generator=generator)
    rows, kept = composed()[1], {}
    for name in ("nearest_64", "random_latents_64"):
        kept[name] = kept_decoder(block(decoder=name), main, rows, others)
    assert torch.equal(kept["nearest_64"], others[chosen])
    which = (kept["random_latents_64"] @ others.T).argmax(1)
    assert torch.equal(kept["random_latents_64"], others[which])
    assert sorted(np.bincount(which)[np.bincount(which) > 0]) == [1] * 21 + [2] * 3 + [5]
    assert set(which.tolist()) != set(chosen)
    again, other = (
        kept_decoder(block(decoder="random_latents_64", seed=seed), main, rows, others)
        for seed in (0, 1)
    )
    assert torch.equal(again, kept["random_latents_64"]) and not torch.equal(other, again)


@pytest.mark.parametrize("width", [ATOMS, ROWS + 20])
def test_directions_of_the_same_covariance_have_it(width):
    """Also where more of them are wanted than there are rows."""
    rows, main = composed()[1], random_dictionary(D, width)
    drawn = []
    for seed in range(60 if width == ATOMS else 6):
        kept = kept_decoder(block(decoder="same_covariance", seed=seed), main, rows)
        assert kept.shape == (width, D)
        drawn.append(kept)
    found, wanted = torch.cat(drawn).double().T.cov(), rows.double().T.cov()
    assert torch.linalg.norm(found - wanted) < 0.25 * torch.linalg.norm(wanted)
    isotropic = torch.eye(D) / D
    assert torch.linalg.norm(isotropic - wanted) > 2 * torch.linalg.norm(found - wanted)
    # None of them is a row.
    assert (drawn[0].double() @ rows.double().T).max() < 0.999


def test_true_atoms_explain_most_and_random_ones_little(tmp_path):
    atoms, rows, _ = composed()
    random = normalize(torch.randn(ATOMS, D, generator=torch.Generator().manual_seed(0)), dim=1)
    explained = {}
    for name, kept in {"atoms": atoms, "random": random}.items():
        meta, _ = train_meta_sae(block(), rows, tmp_path / name / "sae_lens", kept)
        explained[name] = variance_explained(meta, rows)
    assert explained["atoms"] > 0.95 and explained["random"] < 0.5


def test_of_coefficients_the_one_with_the_wanted_l0_is_taken(tmp_path):
    rows = composed()[1]
    coefficients = (0.05, 3.0, 300.0)
    about = block("standard", coefficients=coefficients, training={"steps": 150})
    found, curve = train_meta_sae(about, rows, tmp_path / "best" / "sae_lens")
    off = {}
    for each in coefficients:
        alone = block("standard", coefficients=(each,), training={"steps": 150})
        meta, _ = train_meta_sae(alone, rows, tmp_path / f"{each}" / "sae_lens")
        off[each] = abs(np.log(max(decompose(meta, rows).nnz / len(rows), 1e-9) / ACTIVE))
    best = min(off, key=off.get)
    assert curve[-1]["coefficient"] == pytest.approx(best)
    assert abs(np.log(decompose(found, rows).nnz / len(rows) / ACTIVE)) == pytest.approx(off[best])


def test_the_best_of_several_rates_is_taken_on_the_directions_themselves(tmp_path):
    rows = composed()[1]
    about = block(training={"steps": 60}, learning_rates=(1e-5, 0.01))
    found, curve = train_meta_sae(about, rows, tmp_path / "best" / "sae_lens")
    alone, _ = train_meta_sae(block(training={"steps": 60}), rows, tmp_path / "one" / "sae_lens")
    assert max(row["learning_rate"] for row in curve) == pytest.approx(0.01)
    for name, tensor in alone.tensors().items():
        assert torch.equal(found.tensors()[name], tensor), name


def test_one_thread_or_two_train_the_same_bytes(tmp_path):
    code = (
        "import sys, torch; torch.set_num_threads(int(sys.argv[1]))\n"
        "from tests.papers.canonical_units.test_meta_training import *\n"
        "meta, _ = train_meta_sae(block(training={'steps': 30}), composed()[1], sys.argv[2])\n"
    )
    saved = []
    for threads in ("1", "2"):
        folder = tmp_path / threads / "sae_lens"
        subprocess.run([sys.executable, "-c", code, threads, str(folder)], check=True)
        saved.append((folder / "sae_weights.safetensors").read_bytes())
    assert saved[0] == saved[1]
