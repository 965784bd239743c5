"""The codes store against dense matrices."""

import numpy as np
import pytest
import torch

from tests.conftest import random_dictionary, write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.codes.writing import writing_codes

D, M, C, T, FIRST = 8, 20, 11, 6, 2
ATTRS = {"sae": "a", "site": "s", "model": "m", "harvest": "h", "min_position": FIRST}


def write(path, sae, x, step=3):
    harvest = write_activations(path.with_name(f"{path.name}.harvest"), x, min_position=FIRST)
    with writing_codes(path, harvest, sae, ATTRS) as writer:
        for block in torch.from_numpy(x).split(step):
            codes, recon = sae.reconstruct(block.reshape(-1, D))
            writer.append(block, codes, recon)
    return open_codes(path / "manifest.json")


@pytest.fixture(params=[False, True], ids=["plain", "centring"])
def written(request, tmp_path, monkeypatch):
    """A store of many small chunks, its dictionary, and what went in."""
    monkeypatch.setattr("workflow_scripts.anatomy.codes.writing.CHUNK_ENTRIES", 16)
    sae = random_dictionary(D, M, center=request.param)
    x = np.random.default_rng(0).normal(3, 1, (C, T, D)).astype(np.float32)
    return write(tmp_path / "h.codes.zarr", sae, x), sae, x


def test_rows_and_scalars(written):
    store, sae, x = written
    codes, recon = sae.reconstruct(torch.from_numpy(x).reshape(-1, D))
    dense = codes.to_dense(M).numpy()
    recon = recon.double().numpy()
    flat = x.reshape(-1, D).astype(np.float64)
    assert store.shape == (C, T) and store.width == M
    np.testing.assert_array_equal(store.rows(slice(0, C)).toarray(), dense)
    np.testing.assert_array_equal(store.rows(slice(2, 5)).toarray(), dense[2 * T : 5 * T])
    assert store.rows(slice(4, 4)).shape == (0, M)
    np.testing.assert_array_equal(store.scalar("l0"), (dense > 0).sum(1).reshape(C, T))
    expected = {
        "error_norm2": ((flat - recon) ** 2).sum(1),
        "recon_norm2": (recon**2).sum(1),
        "recon_dot": (flat * recon).sum(1),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(
            store.scalar(name, slice(1, 9)), values.reshape(C, T)[1:9], rtol=1e-5, atol=1e-4
        )
    part = store.sparse_codes(slice(3, 7))
    np.testing.assert_array_equal(part.to_dense(M).numpy(), dense[3 * T : 7 * T])


def test_statistics_leave_the_first_positions_out(written):
    store, sae, x = written
    dense = sae.encode(torch.from_numpy(x).reshape(-1, D)).to_dense(M).numpy()
    used = dense.reshape(C, T, M)[:, FIRST:].reshape(-1, M)
    np.testing.assert_array_equal(store.latents("firing_count"), (used > 0).sum(0))
    np.testing.assert_allclose(store.latents("activation_sum"), used.sum(0), rtol=1e-5)
    np.testing.assert_array_equal(store.latents("activation_max"), used.max(0))
    kept = x[:, FIRST:].reshape(-1, D).astype(np.float64)
    recon = sae.reconstruct(torch.from_numpy(x[:, FIRST:].reshape(-1, D)))[1].double().numpy()
    error = ((kept - recon) ** 2).sum()
    variance = ((kept - kept.mean(0)) ** 2).sum()
    summary = store.summary
    assert summary["n_tokens"] == len(kept)
    assert summary["l0"] == pytest.approx((used > 0).sum(1).mean())
    assert summary["mse"] == pytest.approx(error / len(kept), rel=1e-5)
    assert summary["fvu"] == pytest.approx(error / variance, rel=1e-5)
    assert summary["dead_latents"] == (used.max(0) == 0).sum()


def test_blocks_do_not_change_the_bytes(tmp_path):
    sae = random_dictionary(D, M)
    x = np.random.default_rng(1).normal(size=(C, T, D)).astype(np.float32)
    one, two = write(tmp_path / "a", sae, x, step=1), write(tmp_path / "b", sae, x, step=C)
    for name in ("offsets", "indices", "l0"):
        np.testing.assert_array_equal(one.group[name][:], two.group[name][:])
    np.testing.assert_allclose(one.group["values"][:], two.group["values"][:], rtol=1e-5)


def test_a_lost_chunk_is_found(written):
    store, _, _ = written
    (store.path / "values" / "c" / "1").unlink()
    with pytest.raises(AnatomyError, match=r"values/c/1 is missing"):
        open_codes(store.path)


def test_an_unfinished_store_is_not_opened(tmp_path):
    sae, harvest = random_dictionary(D, M), write_activations(tmp_path / "h", np.zeros((C, T, D)))
    with pytest.raises(RuntimeError), writing_codes(tmp_path / "s", harvest, sae, ATTRS):
        pass
    with pytest.raises(AnatomyError, match="never finished"):
        open_codes(tmp_path / "s")
