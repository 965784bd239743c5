"""The canonical SAE: its formula, its sparse codes, its file."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.dictionary import Dictionary, concatenate, load_dictionary
from workflow_scripts.anatomy.saes.dictionary_file import description

D, M = 12, 30


def made(activation="relu", seed=0, **kwargs):
    torch.manual_seed(seed)
    if activation == "topk":
        kwargs["k"] = 5
    if activation == "jumprelu":
        kwargs["threshold"] = torch.randn(M) * 2
    return Dictionary(
        torch.randn(D, M),
        torch.randn(M),
        torch.randn(M, D),
        torch.randn(D),
        activation=activation,
        metadata={"name": "test"},
        **kwargs,
    )


def formula(sae, x):
    """Dense codes and reconstructions in float64, straight from the definition."""
    weights = {name: tensor.double().numpy() for name, tensor in sae.tensors().items()}
    x = x.double().numpy()
    mean = x.mean(1, keepdims=True) if sae.center else 0.0
    scaled = (x - mean) * sae.input_scale
    if sae.subtract_b_dec:
        scaled = scaled - weights["b_dec"]
    z = scaled @ weights["W_enc"] + weights["b_enc"]
    if sae.activation == "topk":
        kth = np.sort(z, axis=1)[:, -sae.k][:, None]
        z = np.where(z >= kth, z, 0)
    if sae.activation == "jumprelu":
        z = np.where(z > weights["threshold"], z, 0)
    z = np.maximum(z, 0)
    return z, (z @ weights["W_dec"] + weights["b_dec"]) / sae.input_scale + mean


@settings(max_examples=40, deadline=None)
@given(
    activation=st.sampled_from(["relu", "topk", "jumprelu"]),
    subtract=st.booleans(),
    center=st.booleans(),
    scale=st.sampled_from([1.0, 0.3, 7.0]),
    seed=st.integers(0, 1000),
    tokens=st.integers(0, 7),
)
def test_codes_and_reconstructions_are_the_formula(
    activation, subtract, center, scale, seed, tokens
):
    sae = made(activation, seed, subtract_b_dec=subtract, center=center, input_scale=scale)
    x = torch.randn(tokens, D) + 1
    codes, recon = sae.reconstruct(x)
    expected_codes, expected = formula(sae, x)
    np.testing.assert_allclose(codes.to_dense(M), expected_codes, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(recon, expected, rtol=1e-4, atol=1e-3)
    assert codes.indices.dtype == codes.l0.dtype == torch.int32
    assert (codes.values > 0).all()
    assert int(codes.l0.sum()) == len(codes.values) == len(codes.indices)
    for start, end in zip(codes.offsets[:-1], codes.offsets[1:], strict=True):
        assert (codes.indices[start:end].diff() > 0).all()


@pytest.mark.parametrize("activation", ["relu", "topk", "jumprelu"])
def test_batches_do_not_change_the_codes(activation, monkeypatch):
    sae, x = made(activation), torch.randn(23, D)
    whole = sae.encode(x)
    monkeypatch.setattr("workflow_scripts.anatomy.saes.dictionary.DENSE_ENTRIES", 4 * M)
    parts = sae.encode(x)
    assert torch.equal(whole.indices, parts.indices) and torch.equal(whole.l0, parts.l0)
    torch.testing.assert_close(whole.values, parts.values)
    again = concatenate([sae.encode(x[:11]), sae.encode(x[11:])])
    assert torch.equal(whole.indices, again.indices)


def test_a_file_brings_everything_back(tmp_path):
    sae = made("jumprelu", subtract_b_dec=True, center=True, input_scale=0.25)
    sae.save(tmp_path / "sae.safetensors")
    back = load_dictionary(tmp_path / "sae.safetensors")
    for name, tensor in sae.tensors().items():
        assert torch.equal(tensor, back.tensors()[name])
    assert (back.activation, back.k, back.subtract_b_dec) == ("jumprelu", None, True)
    assert (back.center, back.input_scale, back.metadata) == (True, 0.25, {"name": "test"})
    assert description(tmp_path / "sae.safetensors")["metadata"] == {"name": "test"}
    first = (tmp_path / "sae.safetensors").read_bytes()
    back.save(tmp_path / "sae.safetensors")
    assert (tmp_path / "sae.safetensors").read_bytes() == first


def test_files_that_cannot_be_used_say_why(tmp_path):
    path = tmp_path / "sae.safetensors"
    with pytest.raises(AnatomyError, match="no such SAE"):
        load_dictionary(path)
    made().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AnatomyError, match="corrupted"):
        load_dictionary(path)
    save_file({"W_enc": torch.zeros(2, 3)}, path)
    with pytest.raises(AnatomyError, match="not a canonical SAE"):
        load_dictionary(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W_dec": torch.zeros(M, D + 1)}, "W_dec has shape"),
        ({"b_enc": torch.full((M,), torch.nan)}, "b_enc holds NaN"),
        ({"activation": "gelu"}, "gelu"),
        ({"activation": "topk", "k": M + 1}, "between 1 and 30"),
        ({"activation": "jumprelu"}, "without thresholds"),
    ],
)
def test_fields_that_disagree_are_never_saved(tmp_path, change, message):
    sae = made()
    for name, value in change.items():
        setattr(sae, name, value)
    with pytest.raises(AnatomyError, match=message):
        sae.save(tmp_path / "sae.safetensors")
    assert not list(tmp_path.iterdir())
