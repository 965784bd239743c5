"""Whatever plain sae_lens trains and saves is read as sae_lens itself reads it, or refused by name."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.saes.importing import import_sae

D, M = 10, 24
HOOK = "blocks.1.hook_resid_post"
ABOUT = {"name": "it", "model": "m", "site": HOOK}
OWN = {
    "topk": {"k": 4},
    "batchtopk": {"k": 3.5},
    "matryoshka_batchtopk": {"k": 4, "matryoshka_widths": [6, 12, 24]},
}
TRAINED = ("standard", "gated", "topk", "jumprelu", "batchtopk", "matryoshka_batchtopk")
NORMALISED = ("none", "layer_norm", "constant_norm_rescale")


def local(folder, **changes):
    return import_sae({**ABOUT, "kind": "local", "path": str(folder), **changes})


def training_sae(architecture, seed=0, **cfg):
    """A training SAE of sae_lens with random weights in every parameter, as if it had been trained."""
    from sae_lens.registry import get_sae_training_class

    sae_class, config = get_sae_training_class(architecture)
    sae = sae_class(config(d_in=D, d_sae=M, **OWN.get(architecture, {}), **cfg))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sae.named_parameters():
            spread = 0.3 if name in ("r_mag", "log_threshold") else 1.0
            weight.copy_(torch.randn(weight.shape, generator=generator) * spread)
        if hasattr(sae, "topk_threshold"):
            sae.topk_threshold.copy_(torch.tensor(1.3))
    sae.cfg.metadata.hook_name = HOOK
    return sae


def agree(dictionary, theirs, x, tokens=1.0):
    """Codes and reconstructions are sae_lens's; tokens: what each token was divided by."""
    codes, rebuilt = dictionary.reconstruct(x)
    with torch.no_grad():
        expected, reconstruction = theirs.encode(x), theirs(x)
    assert 0 < (expected > 0).float().mean() < 1
    assert torch.equal(codes.to_dense(M) > 0, expected > 0)
    torch.testing.assert_close(codes.to_dense(M), expected * tokens, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(rebuilt, reconstruction, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("normalised", NORMALISED)
@pytest.mark.parametrize("architecture", TRAINED)
def test_what_is_saved_at_the_end_of_training(tmp_path, architecture, normalised):
    from sae_lens import SAE

    sae = training_sae(architecture, normalize_activations=normalised)
    sae.save_inference_model(tmp_path)
    x = torch.randn(60, D, generator=torch.Generator().manual_seed(1)) * 3 + 1
    scale = {
        "none": 1.0,
        "layer_norm": x.std(1, keepdim=True),
        "constant_norm_rescale": x.norm(dim=1, keepdim=True) / D**0.5,
    }
    dictionary = local(tmp_path)
    agree(dictionary, SAE.load_from_disk(tmp_path), x, scale[normalised])
    assert dictionary.metadata["architecture"] == architecture
    assert (dictionary.normalisation, dictionary.center) == (normalised, normalised == "layer_norm")


@pytest.mark.parametrize("architecture", TRAINED)
def test_a_checkpoint_is_what_would_be_saved_at_the_end(tmp_path, architecture):
    """With the factor of its activations beside it, where it is not folded yet."""
    from sae_lens import SAE

    sae = training_sae(architecture, normalize_activations="expected_average_only_in")
    sae.save_model(tmp_path / "checkpoint")
    with pytest.raises(AnatomyError, match="give it as input_scale"):
        local(tmp_path / "checkpoint")
    dictionary = local(tmp_path / "checkpoint", input_scale=0.4)
    sae.fold_activation_norm_scaling_factor(0.4)
    sae.save_inference_model(tmp_path / "end")
    theirs = SAE.load_from_disk(tmp_path / "end")
    x = torch.randn(60, D, generator=torch.Generator().manual_seed(2)) * 5
    codes, rebuilt = dictionary.reconstruct(x)
    with torch.no_grad():
        # Folding divides decoder rows, and so what sae_lens multiplies the codes by.
        assert torch.equal(codes.to_dense(M) > 0, theirs.encode(x) > 0)
        torch.testing.assert_close(rebuilt, theirs(x), rtol=1e-4, atol=1e-4)


def test_a_matryoshka_checkpoint_without_its_levels_is_read(tmp_path):
    training_sae("matryoshka_batchtopk").save_model(tmp_path)
    whole = local(tmp_path)
    cfg = json.loads((tmp_path / "cfg.json").read_text())
    del cfg["matryoshka_widths"]
    (tmp_path / "cfg.json").write_text(json.dumps(cfg))
    x = torch.randn(9, D)
    assert torch.equal(local(tmp_path).reconstruct(x)[1], whole.reconstruct(x)[1])


def test_settings_that_are_none_are_not_called_corrupted_files(tmp_path):
    training_sae("standard").save_inference_model(tmp_path)
    cfg = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps(cfg | {"normalize_activations": "some"}))
    with pytest.raises(AnatomyError, match=r"settings that sae_lens does not take \(ValueError"):
        local(tmp_path)


def test_tokens_that_are_scaled_by_themselves_add_up_latent_by_latent(tmp_path):
    """What a latent adds is its code times its decoder row, and a file brings the scaling back."""
    training_sae("standard", normalize_activations="layer_norm").save_inference_model(tmp_path)
    dictionary, x = local(tmp_path), torch.randn(40, D) * 2 + 3
    codes, rebuilt = dictionary.reconstruct(x)
    t, mean = x.std(1, keepdim=True), x.mean(1, keepdim=True)
    added = codes.to_dense(M) @ dictionary.W_dec + t * dictionary.b_dec + mean
    torch.testing.assert_close(rebuilt, added, rtol=1e-4, atol=1e-4)
    dictionary.save(tmp_path / "sae.safetensors")
    again = load_dictionary(tmp_path / "sae.safetensors").reconstruct(x)[1]
    assert torch.equal(again, rebuilt)


@pytest.mark.parametrize("normalised", ["layer_norm", "constant_norm_rescale"])
def test_a_token_without_extent_is_rebuilt_as_it_is(tmp_path, normalised):
    training_sae("jumprelu", normalize_activations=normalised).save_inference_model(tmp_path)
    x = torch.randn(3, D)
    x[1] = 0.0
    codes, rebuilt = local(tmp_path).reconstruct(x)
    assert codes.l0[1] == 0 and torch.equal(rebuilt[1], torch.zeros(D))
    assert rebuilt.isfinite().all()


@pytest.mark.parametrize("normalised", ["layer_norm", "constant_norm_rescale"])
def test_an_input_scale_beside_a_scaling_of_tokens_means_nothing(tmp_path, normalised):
    training_sae("topk", normalize_activations=normalised).save_inference_model(tmp_path)
    with pytest.raises(AnatomyError, match=rf"\({normalised}\), so input_scale has no meaning"):
        local(tmp_path, input_scale=2.0)


OLD = {
    "model_name": "gpt2-small",
    "hook_name": HOOK,
    "d_in": D,
    "d_sae": M,
    "dtype": "torch.float32",
    "architecture": "standard",
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "sae_lens_training_version": "3.20.3",
    "normalize_activations": "none",
}
TOPK = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}}
LATER = ("apply_b_dec_to_input", "architecture", "finetuning_scaling_factor")


def save_old(folder, cfg, **tensors):
    folder.mkdir()
    generator = torch.Generator().manual_seed(4)
    shapes = {"W_enc": (D, M), "b_enc": (M,), "W_dec": (M, D), "b_dec": (D,)}
    found = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    save_file(found | tensors, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(cfg))
    return found


@pytest.mark.parametrize(
    ("cfg", "k", "factor"),
    [
        (OLD, None, None),
        (OLD | TOPK, 3, None),
        (OLD | TOPK | {"architecture": "topk"}, 3, None),
        ({key: value for key, value in OLD.items() if key not in LATER}, None, None),
        (OLD | {"normalize_activations": False}, None, None),
        ({key: value for key, value in OLD.items() if key != "d_sae"}, None, None),
        (OLD | {"finetuning_scaling_factor": True}, None, "finetuning_scaling_factor"),
        (OLD | {"finetuning_scaling_factor": True}, None, "scaling_factor"),
    ],
)
def test_older_formats(tmp_path, cfg, k, factor):
    own = torch.linspace(0.5, 2, M)
    w = save_old(tmp_path / "sae", cfg, **({factor: own} if factor else {}))
    x = torch.randn(50, D)
    codes, rebuilt = local(tmp_path / "sae").reconstruct(x)
    z = torch.relu((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"])
    if k is not None:
        z = torch.where(z >= z.topk(k).values[:, -1:], z, 0)
    torch.testing.assert_close(codes.to_dense(M), z, rtol=1e-4, atol=1e-4)
    z = z * own if factor else z
    torch.testing.assert_close(rebuilt, z @ w["W_dec"] + w["b_dec"], rtol=1e-4, atol=1e-4)


def test_weights_that_are_not_those_of_the_configuration(tmp_path):
    folder = tmp_path / "sae"
    save_old(folder, OLD | {"d_sae": 30})
    with pytest.raises(AnatomyError, match=r"has shape \(.*asks for .*30"):
        local(folder)
    weights = load_file(folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(OLD))
    save_file(
        {name: each for name, each in weights.items() if name != "b_enc"},
        folder / "sae_weights.safetensors",
    )
    with pytest.raises(AnatomyError, match="its weights lack b_enc; the file is not whole"):
        local(folder)
    save_file(weights | {"b_more": torch.zeros(2)}, folder / "sae_weights.safetensors")
    with pytest.raises(AnatomyError, match="hold b_more, which sae_lens does not know"):
        local(folder)
    save_file(weights | {"W_enc": torch.zeros(D, 12)}, folder / "sae_weights.safetensors")
    with pytest.raises(AnatomyError, match=r"W_enc has shape \(10, 12\) where .* \(10, 24\)"):
        local(folder)
