"""The harvest against plain forward passes of the model."""

import json

import numpy as np
import pytest
import torch

from tests.anatomy.models.families import random_model
from tests.anatomy.models.tiny_models import tiny
from workflow_scripts.anatomy.activations import harvest as harvesting
from workflow_scripts.anatomy.activations.harvest import check_harvest, harvest_activations
from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import verify
from workflow_scripts.anatomy.text.tokenization import Tokens

HOOK_POINTS = ["blocks.0.hook_resid_pre", "blocks.1.hook_mlp_out", "blocks.2.hook_resid_post"]


@pytest.fixture
def tokens(tmp_path) -> Tokens:
    rng = np.random.default_rng(0)
    offsets = np.array([0, 10, 11, 70, 200])
    return Tokens(tmp_path / "d.train.npz", rng.integers(1, 50, 200).astype(np.int32), offsets)


def describe(has_bos: bool = True) -> dict:
    return {
        "name": "toy",
        "n_layers": 3,
        "context_length": 16,
        "bos_id": 0 if has_bos else None,
        "has_bos": has_bos,
    }


def block(**changes) -> dict:
    return {
        "model": "toy",
        "dataset": "d",
        "split": "train",
        "contexts": 21,
        "context_length": 9,
        "hook_points": HOOK_POINTS,
        "min_position": 1,
        "max_document_share": None,
        "batch_size": 4,
    } | changes


@pytest.mark.parametrize("has_bos", [True, False])
@pytest.mark.parametrize(("chunk", "shard"), [(4096, 16384), (18, 54)])
def test_the_store_is_what_the_model_computes(tmp_path, tokens, monkeypatch, has_bos, chunk, shard):
    monkeypatch.setattr(harvesting, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(harvesting, "SHARD_ROWS", shard)
    model = tiny("gpt2")
    harvest_activations(model, describe(has_bos), tokens, block(), "h", tmp_path / "h.zarr")
    store = open_activations(tmp_path / "h.zarr")
    step = 8 if has_bos else 9
    available = 200 // step
    spread = [number * available // 21 for number in range(21)]
    rows = tokens.ids[: available * step].reshape(available, step)[spread]
    expected = np.concatenate([np.zeros((21, 1), np.int32), rows], 1) if has_bos else rows
    assert (store.group["tokens"][:] == expected).all()

    documents = np.repeat(np.arange(4), np.diff(tokens.offsets))[: available * step]
    documents = documents.reshape(available, step)[spread]
    if has_bos:
        documents = np.concatenate([documents[:, :1], documents], 1)
    assert (store.group["documents"][:] == documents).all()

    ids = torch.from_numpy(expected).long()
    output = model(ids, labels=ids, output_hidden_states=True)
    loss = store.group["loss"][:]
    assert np.isnan(loss[:, 0]).all()
    assert abs(loss[:, 1:].mean() - output.loss.item()) < 1e-5
    pre = store.activations(HOOK_POINTS[0])[:]
    np.testing.assert_allclose(pre, output.hidden_states[0], atol=1e-6)
    post = model.transformer.ln_f(torch.from_numpy(store.activations(HOOK_POINTS[2])[:]))
    np.testing.assert_allclose(post, output.hidden_states[3], atol=1e-5)
    assert store.hook_points == HOOK_POINTS and store.min_position == 1
    assert store.shape == (21, 9) and store.group.attrs["has_bos"] is has_bos
    assert verify(tmp_path / "h.zarr") > 6


def test_a_long_document_gives_way_to_others(tmp_path, tokens):
    """Of 25 contexts, 17 have their middle token in the last of four documents."""
    harvest = block(contexts=10, max_document_share=0.5)
    harvest_activations(tiny("gpt2"), describe(), tokens, harvest, "h", tmp_path / "h.zarr")
    store = open_activations(tmp_path / "h.zarr")
    middle = store.group["documents"][:, 9 // 2]
    assert np.bincount(middle).tolist() == [1, 0, 4, 5]
    assert store.units.kind == "document"


@pytest.mark.parametrize("has_bos", [True, False])
@pytest.mark.parametrize("kept", ["leave_out", "count"])
def test_separators_are_told_apart_but_not_the_token_that_begins(tmp_path, tokens, has_bos, kept):
    """The separator is the token that begins a context, too."""
    ids = tokens.ids.copy()
    ids[tokens.offsets[1:] - 1] = 0
    apart = Tokens(tokens.path, ids, tokens.offsets, None, 0)
    harvest = block(separators=kept)
    harvest_activations(tiny("gpt2"), describe(has_bos), apart, harvest, "h", tmp_path / "h.zarr")
    store = open_activations(tmp_path / "h.zarr")
    if kept == "count":
        assert "separators" not in store.group
        return
    expected = store.group["tokens"][:] == 0
    expected[:, 0] &= not has_bos
    assert expected[:, 1:].any()
    np.testing.assert_array_equal(store.group["separators"][:], expected)
    used = ~expected & (np.arange(9) >= 1)
    np.testing.assert_array_equal(store.units.used(slice(0, 21)), used)
    assert store.units.tokens.sum() == used.sum()


def test_books_are_stored_with_their_passages(tmp_path, tokens):
    books = np.array([0, 0, 1, 1], np.int32)
    cut = Tokens(tokens.path, tokens.ids, tokens.offsets, books)
    harvest_activations(tiny("gpt2"), describe(), cut, block(), "h", tmp_path / "h.zarr")
    store = open_activations(tmp_path / "h.zarr")
    np.testing.assert_array_equal(store.group["books"][:], books)
    assert store.units.kind == "passage"
    assert store.units.described(np.ones(len(store.units.numbers), bool)).endswith(" of 2 books")


def test_batch_size_does_not_change_what_is_stored(tmp_path, tokens, monkeypatch):
    monkeypatch.setattr(harvesting, "CHUNK_ROWS", 18)
    monkeypatch.setattr(harvesting, "SHARD_ROWS", 36)
    model, found = tiny("llama"), []
    for batch_size in (1, 5, 21):
        path = tmp_path / f"{batch_size}.zarr"
        harvest_activations(model, describe(), tokens, block(batch_size=batch_size), "h", path)
        found.append(open_activations(path).activations(HOOK_POINTS[1])[:])
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    np.testing.assert_allclose(found[0], found[2], atol=1e-5)


def test_the_same_bytes_twice(tmp_path, tokens):
    for name in ("a", "b"):
        harvest_activations(tiny("gpt2"), describe(), tokens, block(), "h", tmp_path / name)
    a, b = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("a", "b"))
    assert a == b


def test_bfloat16_is_stored_without_loss_and_compressed(tmp_path, tokens):
    model = tiny("gpt2").to(torch.bfloat16)
    harvest_activations(model, describe(), tokens, block(), "h", tmp_path / "h.zarr")
    array = open_activations(tmp_path / "h.zarr").activations(HOOK_POINTS[2])
    stored = torch.from_numpy(array[:])
    assert stored.dtype == torch.float32 and torch.equal(stored, stored.bfloat16().float())
    assert "blosc" in str(array.metadata.codecs).lower()


def test_a_flipped_bit_is_seen(tmp_path, tokens):
    harvest_activations(tiny("gpt2"), describe(), tokens, block(), "h", tmp_path / "h.zarr")
    store = open_activations(tmp_path / "h.zarr")
    shard = next((tmp_path / "h.zarr/activations" / HOOK_POINTS[0] / "c").rglob("0"))
    while shard.is_dir():
        shard = next(shard.iterdir())
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(AnatomyError, match="cannot be read at contexts 0 to 21"):
        list(store.blocks(HOOK_POINTS[0]))


def test_shards_fit_into_the_buffer(tmp_path, tokens, monkeypatch):
    monkeypatch.setattr(harvesting, "CHUNK_ROWS", 18)
    monkeypatch.setattr(harvesting, "BUFFER_BYTES", 1)
    harvest_activations(tiny("gpt2"), describe(), tokens, block(), "h", tmp_path / "h.zarr")
    assert open_activations(tmp_path / "h.zarr").activations(HOOK_POINTS[0]).shards == (2, 9, 16)


def test_weights_that_are_nan(tmp_path, tokens):
    model = tiny("gpt2")
    # Position 5, through its positional embedding, in the first layer already.
    model.transformer.wpe.weight[5, 3] = float("nan")
    message = r"blocks\.0\.hook_resid_pre is NaN or infinite at context 0, position 5"
    with pytest.raises(AnatomyError, match=message):
        harvest_activations(model, describe(), tokens, block(), "h", tmp_path / "h.zarr")
    assert not (tmp_path / "h.zarr/manifest.json").exists()


def test_a_context_later_on_that_is_infinite(tmp_path, tokens):
    model = tiny("llama")
    # Context 12 of 21 is the fifteenth of the 25 that there are.
    start = 12 * 25 // 21 * 8
    tokens.ids[:start] %= 49
    tokens.ids[start + 2] = 49
    model.model.embed_tokens.weight[49] = float("inf")
    with pytest.raises(AnatomyError, match="context 12, position 3"):
        harvest_activations(model, describe(), tokens, block(), "h", tmp_path / "h.zarr")


def test_too_few_tokens(tmp_path, tokens):
    message = (
        "too few tokens in dataset d, split train: 200 are enough for 25 contexts of 9, not 26"
    )
    with pytest.raises(AnatomyError, match=message):
        harvest_activations(
            tiny("gpt2"), describe(), tokens, block(contexts=26), "h", tmp_path / "h.zarr"
        )


def test_what_a_block_adds_is_checked(tmp_path, tokens):
    names = [f"blocks.1.hook_{kind}" for kind in ("resid_pre", "attn_out", "mlp_out", "resid_post")]
    harvest = block(hook_points=names)
    harvest_activations(random_model("mpt"), describe(), tokens, harvest, "h", tmp_path / "h.zarr")
    store = open_activations(tmp_path / "h.zarr")
    before, attention, mlp, after = (store.activations(name)[:] for name in names)
    np.testing.assert_allclose(before + attention + mlp, after, atol=1e-4)
    with pytest.raises(AnatomyError, match=r"blocks\.1\.hook_attn_out: in model toy \(doge\)"):
        harvest_activations(random_model("doge"), describe(), tokens, harvest, "h", tmp_path / "d")
    assert not (tmp_path / "d/manifest.json").exists()


@pytest.mark.parametrize(("at", "has_bos"), [(199, True), (3, False)])
def test_a_token_that_the_model_lacks(tmp_path, tokens, at, has_bos):
    tokens.ids[at] = 50
    with pytest.raises(
        AnatomyError, match=r"d\.train\.npz: a token has id 50, but model toy .* 49"
    ):
        harvest_activations(
            tiny("gpt2"), describe(has_bos), tokens, block(), "h", tmp_path / "h.zarr"
        )


def test_a_bos_token_that_the_model_lacks(tmp_path, tokens):
    with pytest.raises(AnatomyError, match="the token that begins a text has id 50"):
        harvest_activations(
            tiny("gpt2"), describe() | {"bos_id": 50}, tokens, block(), "h", tmp_path / "h.zarr"
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hook_points": ["blocks.3.hook_mlp_out"]}, "has layers 0 to 2"),
        ({"hook_points": [HOOK_POINTS[0]] * 2}, "named twice"),
        ({"context_length": 17}, "17 is longer than the 16 positions of model toy"),
        ({"min_position": 9}, "min_position: 9 is not below the context_length 9"),
    ],
)
def test_a_harvest_that_cannot_be(changes, message):
    check_harvest(block(), describe())
    with pytest.raises(AnatomyError, match=message):
        check_harvest(block(**changes), describe())
