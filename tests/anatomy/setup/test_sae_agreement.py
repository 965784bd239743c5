"""What an SAE says of itself against what the configuration says of it."""

import json

import pytest

from tests.anatomy.setup.saved_saes import save_model, save_sae
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.sae_agreement import check_agreement
from workflow_scripts.anatomy.setup.sae_metadata import (
    SaeMetadata,
    hub_id,
    read_metadata,
    same_model,
    same_place,
    site_of,
)

POST = "blocks.3.hook_resid_post"


def config(path, model="gpt2", model_path="openai-community/gpt2", **group):
    usual = {"kind": "local", "path": str(path), "model": model, "site": POST}
    saes = {"mine": usual | {"despite_metadata": [], "input_scale": None} | group}
    return {"models": {model: {"kind": "hf", "path": model_path}}, "saes": saes}


@pytest.mark.parametrize("site", [POST, "blocks.4.hook_resid_pre"])
def test_what_agrees_is_no_error(tmp_path, site):
    check_agreement(config(save_sae(tmp_path / "sae"), site=site))


def test_an_sae_that_says_nothing_contradicts_nothing(tmp_path):
    (tmp_path / "cfg.json").write_text("{}")
    check_agreement(config(tmp_path, model="any", model_path="some/model"))
    check_agreement(config(tmp_path / "nowhere"))


@pytest.mark.parametrize("site", ["blocks.3.hook_resid_pre", "blocks.3.hook_mlp_out"])
def test_another_site(tmp_path, site):
    folder = save_sae(tmp_path / "sae")
    with pytest.raises(AnatomyError, match=rf"saes\.mine\.site is {site}, but .* made for {POST}"):
        check_agreement(config(folder, site=site))
    check_agreement(config(folder, site=site, despite_metadata=["site"]))


def test_another_model(tmp_path):
    folder = save_sae(tmp_path / "sae")
    other = {"model": "gpt2-medium", "model_path": "openai-community/gpt2-medium"}
    with pytest.raises(AnatomyError, match=r"model is gpt2-medium, but .* made for gpt2-small"):
        check_agreement(config(folder, **other))
    check_agreement(config(folder, **other, despite_metadata=["model"]))


def test_other_dimensions_are_never_meant(tmp_path):
    folder, model = save_sae(tmp_path / "sae"), save_model(tmp_path / "gpt2", d=6)
    wrong = config(folder, model_path=str(model), despite_metadata=["model", "site"])
    with pytest.raises(AnatomyError, match=r"of 4 dimensions, but those of .* have 6"):
        check_agreement(wrong)
    save_model(tmp_path / "gpt2", d=4)
    check_agreement(wrong)


def test_a_cfg_of_another_sae(tmp_path):
    folder = save_sae(tmp_path / "sae", d_sae=16)
    with pytest.raises(AnatomyError, match="says d_sae 16, but the weights beside it have 8"):
        check_agreement(config(folder))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metadata": {"hook_head_index": 2}}, "attention head 2 alone"),
        ({"normalize_activations": "constant_scalar_rescale"}, r"not supported \(constant_scalar"),
        ({"normalize_activations": "covariance_whitening"}, "whitened activations"),
        ({"architecture": "skip_transcoder"}, "rebuilds another hook point than it reads"),
        ({"architecture": "abstopk"}, "active with negative values"),
        ({"activation_fn_str": "tanh-relu"}, "the activation function tanh-relu"),
        ({"normalize_activations": "expected_average_only_in"}, "give saes.mine.input_scale"),
    ],
)
def test_what_has_no_place_here(tmp_path, settings, message):
    with pytest.raises(AnatomyError, match=message):
        check_agreement(config(save_sae(tmp_path / "sae", **settings)))


@pytest.mark.parametrize("kind", ["layer_norm", "constant_norm_rescale"])
def test_tokens_that_are_scaled_by_themselves_have_no_one_factor(tmp_path, kind):
    folder = save_sae(tmp_path / "sae", normalize_activations=kind)
    check_agreement(config(folder))
    with pytest.raises(AnatomyError, match=r"so saes\.mine\.input_scale has no meaning"):
        check_agreement(config(folder, input_scale=2.0))


@pytest.mark.parametrize("architecture", ["gated", "batchtopk", "matryoshka_batchtopk", "jumprelu"])
def test_what_sae_lens_trains_has_a_place(tmp_path, architecture):
    check_agreement(config(save_sae(tmp_path / "sae", architecture=architecture)))


def test_a_release_of_another_model():
    group = {
        "kind": "pretrained",
        "release": "gpt2-small-res-jb",
        "ids": ["blocks.8.hook_resid_pre"],
    }
    wrong = config("", model="gemma", model_path="google/gemma-2-2b") | {}
    wrong["saes"]["mine"] = group | {"model": "gemma", "site": None, "despite_metadata": []}
    with pytest.raises(AnatomyError, match="made for gpt2-small"):
        check_agreement(wrong)


def test_the_metadata_of_old_versions(tmp_path):
    old = {
        "hook_point": "blocks.2.hook_resid_pre",
        "d_in": 4,
        "d_sae": 8,
        "model_name": "gpt2-small",
    }
    old |= {"activation_fn_kwargs": {"k": 5}, "normalize_activations": False, "context_size": 128}
    (tmp_path / "cfg.json").write_text(json.dumps(old))
    found = read_metadata(tmp_path)
    assert (found.site, found.l0, found.normalisation) == ("blocks.2.hook_resid_pre", 5, "none")
    assert (found.width, found.d_in, found.context_length) == (8, 4, 128)


def test_a_file_that_is_no_json(tmp_path):
    for content in ("{", "[]"):
        (tmp_path / "cfg.json").write_text(content)
        with pytest.raises(AnatomyError, match="save the SAE anew"):
            read_metadata(tmp_path)
    assert read_metadata(tmp_path / "nowhere") == SaeMetadata()
    assert read_metadata(tmp_path / "cfg.json" / "file") == SaeMetadata()
    with pytest.raises(AnatomyError, match="cannot be read"):
        read_metadata(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"model_name": 7}}, "model_name"),
        ({"hook_name": ["blocks.0.hook_resid_pre"]}, "hook_name"),
        ({"d_in": "8"}, "d_in"),
        ({"activation_fn_kwargs": 3}, "activation_fn_kwargs"),
        ({"architecture": {}}, "architecture"),
    ],
)
def test_a_setting_of_another_kind(tmp_path, settings, key):
    (tmp_path / "cfg.json").write_text(json.dumps(settings))
    with pytest.raises(AnatomyError, match=key):
        read_metadata(tmp_path)


@pytest.mark.parametrize(
    ("hook", "site"),
    [
        ("blocks.3.hook_resid_post", "blocks.3.hook_resid_post"),
        ("blocks.3.hook_z", "blocks.3.attn.hook_z"),
        ("blocks.3.attn.hook_z", "blocks.3.attn.hook_z"),
        ("blocks.3.hook_in", "blocks.3.hook_resid_pre"),
        ("blocks.3.hook_out", "blocks.3.hook_resid_post"),
        ("transformer.h.3", "blocks.3.hook_resid_post"),
        ("model.layers.12", "blocks.12.hook_resid_post"),
        ("model.layers.12.mlp", None),
        ("blocks.3.hook_resid_mid", None),
    ],
)
def test_hook_points_by_other_names(hook, site):
    assert site_of(hook) == site


def test_places_and_names():
    assert same_place("blocks.4.hook_resid_pre", "blocks.3.hook_resid_post")
    assert not same_place("blocks.3.hook_resid_pre", "blocks.3.hook_resid_post")
    assert hub_id("gemma-2-2b") == "google/gemma-2-2b"
    assert hub_id("runs/mine") == "runs/mine"
    assert same_model("gpt2-small", ["openai-community/gpt2"])
    assert same_model("meta-llama/Llama-3.1-8B", ["llama-3.1-8b"])
    assert not same_model("gemma-2-9b", ["google/gemma-2-9b-it"])
