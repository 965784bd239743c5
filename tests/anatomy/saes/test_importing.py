"""Imported SAEs reconstruct what sae_lens's own objects reconstruct."""

import json

import pytest
import torch
from safetensors.torch import save_file

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.saes.importing import canonical, import_sae
from workflow_scripts.anatomy.setup.releases import pretrained_specs

D, M = 10, 24
ABOUT = {"name": "it", "model": "m", "site": "blocks.1.hook_resid_post"}


def weights(architecture, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"W_enc": (D, M), "b_enc": (M,), "W_dec": (M, D), "b_dec": (D,)}
    found = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    if architecture == "jumprelu":
        found["threshold"] = torch.rand(M, generator=generator) * 2
    return found


def write_sae_lens(folder, architecture, metadata=None, **cfg):
    """A folder in sae_lens format, as its documentation describes it."""
    folder.mkdir(parents=True)
    about = {"hook_name": "blocks.1.hook_resid_post", "sae_lens_version": "6.54.12"}
    about |= metadata or {}
    cfg = {"architecture": architecture, "d_in": D, "d_sae": M, "metadata": about} | cfg
    cfg = {"dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True} | cfg
    cfg = {"normalize_activations": "none", "reshape_activations": "none"} | cfg
    (folder / "cfg.json").write_text(json.dumps(cfg))
    save_file(weights(architecture), folder / "sae_weights.safetensors")
    return folder


def local(folder, **changes):
    return import_sae({**ABOUT, "kind": "local", "path": str(folder), **changes})


@pytest.mark.parametrize(
    ("architecture", "cfg"),
    [
        ("standard", {}),
        ("standard", {"apply_b_dec_to_input": False}),
        ("jumprelu", {}),
        ("topk", {"k": 4}),
        ("topk", {"k": 4, "rescale_acts_by_decoder_norm": True}),
    ],
)
def test_local_saes_are_what_sae_lens_makes_of_them(tmp_path, architecture, cfg):
    from sae_lens import SAE

    folder = write_sae_lens(tmp_path / "sae", architecture, **cfg)
    sae, x = SAE.load_from_disk(folder), torch.randn(50, D) * 2
    dictionary = local(folder, nominal_l0=7.0)  # what is stated is no part of the SAE
    codes, recon = dictionary.reconstruct(x)
    with torch.no_grad():
        torch.testing.assert_close(recon, sae(x), rtol=1e-4, atol=1e-4)
        assert torch.equal(codes.to_dense(M) > 0, sae.encode(x) > 0)
    assert dictionary.metadata["architecture"] == architecture
    assert dictionary.metadata["nominal_l0"] == cfg.get("k") and dictionary.metadata["width"] == M
    assert not dictionary.center


def test_a_zero_decoder_row_is_a_latent_that_never_fires(tmp_path):
    """Where codes are scaled by decoder norms, as sae_lens's trainers do, its norm is 0, and not NaN."""
    cfg = {"k": 4, "rescale_acts_by_decoder_norm": True}
    folder = write_sae_lens(tmp_path / "sae", "topk", **cfg)
    of_file = weights("topk")
    of_file["W_dec"][7] = 0
    save_file(of_file, folder / "sae_weights.safetensors")
    x = torch.randn(50, D) * 2
    codes, recon = local(folder).reconstruct(x)
    norms = of_file["W_dec"].norm(dim=1)
    inside = x - of_file["b_dec"]
    scaled = torch.relu(inside @ of_file["W_enc"] + of_file["b_enc"]) * norms
    values, at = scaled.topk(4, dim=1)
    kept = torch.zeros_like(scaled).scatter(1, at, values)
    assert not (codes.to_dense(M)[:, 7] > 0).any()
    torch.testing.assert_close(codes.to_dense(M), kept, rtol=1e-4, atol=1e-4)
    unit = torch.nan_to_num(of_file["W_dec"] / norms[:, None])
    torch.testing.assert_close(recon, kept @ unit + of_file["b_dec"], rtol=1e-4, atol=1e-4)


def test_centring_follows_the_metadata_at_the_residual_stream(tmp_path):
    about = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}
    dictionary = local(write_sae_lens(tmp_path / "a", "standard", about))
    plain = local(write_sae_lens(tmp_path / "b", "standard"))
    assert dictionary.center and not plain.center
    x = torch.randn(20, D) + 3
    mean = x.mean(1, keepdim=True)
    torch.testing.assert_close(dictionary.reconstruct(x)[1], plain.reconstruct(x - mean)[1] + mean)
    z = {**about, "hook_name": "blocks.1.attn.hook_z"}
    folder = write_sae_lens(tmp_path / "c", "standard", z, reshape_activations="hook_z")
    assert not local(folder).center
    # Heads are flattened in the harvest; sae_lens flattens them itself.
    from sae_lens import SAE

    with torch.no_grad():
        expected = SAE.load_from_disk(folder)(x.reshape(20, 2, D // 2)).reshape(20, D)
    torch.testing.assert_close(local(folder).reconstruct(x)[1], expected, rtol=1e-4, atol=1e-4)


def test_a_scale_that_is_not_folded_has_to_be_given(tmp_path):
    from sae_lens import SAE

    folder = write_sae_lens(
        tmp_path / "sae", "jumprelu", normalize_activations="expected_average_only_in"
    )
    with pytest.raises(AnatomyError, match="not folded into its weights; give it as input_scale"):
        local(folder)
    sae, x = SAE.load_from_disk(folder), torch.randn(30, D)
    sae.fold_activation_norm_scaling_factor(2.5)
    with torch.no_grad():
        recon = local(folder, input_scale=2.5).reconstruct(x)[1]
        torch.testing.assert_close(recon, sae(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("architecture", "why"),
    [
        ("abstopk", "negative values"),
        ("matching_pursuit", "has no encoder"),
        ("temporal", "the tokens before it"),
        ("transcoder", "another hook point than it reads"),
        ("jumprelu_skip_transcoder", "another hook point than it reads"),
        ("crosscoder", "is not supported; those that are: batchtopk, topk, jumprelu, standard"),
    ],
)
def test_what_is_not_supported_says_what_is(tmp_path, architecture, why):
    with pytest.raises(AnatomyError, match=f"of architecture {architecture}.*{why}"):
        local(write_sae_lens(tmp_path / "sae", architecture))


def test_whitened_activations_have_to_be_folded(tmp_path):
    folder = write_sae_lens(
        tmp_path / "sae", "standard", normalize_activations="covariance_whitening"
    )
    with pytest.raises(AnatomyError, match="and this is not folded into its weights"):
        local(folder)


def test_files_that_are_missing_or_corrupted(tmp_path):
    with pytest.raises(AnatomyError, match=r"nowhere/cfg.json does not exist; saes.path"):
        local(tmp_path / "nowhere")
    folder = write_sae_lens(tmp_path / "sae", "standard")
    file = folder / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(AnatomyError, match="corrupted"):
        local(folder)
    (folder / "cfg.json").write_text("{")
    with pytest.raises(AnatomyError, match="not JSON"):
        local(folder)


def hub_cache(folder, repository):
    """A snapshot folder of a hub cache made by hand."""
    repo = folder / f"models--{repository.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0" * 40)
    return repo / "snapshots" / ("0" * 40)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def pretrained(release, sae_id):
    return import_sae({**ABOUT, "kind": "pretrained", "release": release, "id": sae_id})


def test_a_release_from_the_cache_offline(offline):
    snapshot = hub_cache(offline, "jbloom/GPT2-Small-SAEs-Reformatted")
    folder = snapshot / "blocks.8.hook_resid_pre"
    write_sae_lens(folder, "standard", hook_name="blocks.8.hook_resid_pre")
    save_file({"sparsity": torch.zeros(M)}, folder / "sparsity.safetensors")
    dictionary = pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")
    assert dictionary.center and dictionary.activation == "relu"
    torch.testing.assert_close(dictionary.W_enc, weights("standard")["W_enc"])
    with pytest.raises(AnatomyError, match="check the network, or fill the Hugging Face cache"):
        pretrained("gpt2-small-res-jb", "blocks.9.hook_resid_pre")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda own: own | {"W_enc": torch.zeros(D, 7)},
            r"W_enc has shape \(10, 7\) where .*10, 24",
        ),
        (lambda own: {name: own[name] for name in ("W_enc", "W_dec", "b_dec")}, "lack b_enc"),
        (lambda own: own | {"b_more": torch.zeros(2)}, "hold b_more, which sae_lens does not know"),
    ],
)
def test_weights_of_a_release_that_are_not_those_of_its_configuration(offline, change, says):
    folder = hub_cache(offline, "jbloom/GPT2-Small-SAEs-Reformatted") / "blocks.8.hook_resid_pre"
    write_sae_lens(folder, "standard", hook_name="blocks.8.hook_resid_pre")
    save_file({"sparsity": torch.zeros(M)}, folder / "sparsity.safetensors")
    save_file(change(weights("standard")), folder / "sae_weights.safetensors")
    with pytest.raises(AnatomyError, match=says) as caught:
        pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")
    assert "network" not in str(caught.value)


def test_a_file_of_a_release_that_is_cut_off(offline):
    folder = hub_cache(offline, "jbloom/GPT2-Small-SAEs-Reformatted") / "blocks.8.hook_resid_pre"
    write_sae_lens(folder, "standard", hook_name="blocks.8.hook_resid_pre")
    save_file({"sparsity": torch.zeros(M)}, folder / "sparsity.safetensors")
    file = folder / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(AnatomyError, match="its file is corrupted"):
        pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")


def answer(code):
    import httpx

    return httpx.Response(code, request=httpx.Request("GET", "https://hub/file"))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("RemoteEntryNotFoundError", "the hub does not have its files"),
        ("RepositoryNotFoundError", "the hub does not have its files"),
        ("GatedRepoError", "is not open to everyone"),
    ],
)
def test_what_the_hub_answers(monkeypatch, kind, says):
    import sae_lens
    from huggingface_hub import errors

    def refuse(*_, **__):
        raise getattr(errors, kind)("no such entry", response=answer(404))

    monkeypatch.setattr(sae_lens.SAE, "from_pretrained", refuse)
    with pytest.raises(AnatomyError, match=says) as caught:
        pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")
    assert "network" not in str(caught.value)


@pytest.mark.parametrize("error", [ConnectionError("refused"), TimeoutError("no answer")])
def test_a_network_that_does_not_answer(monkeypatch, error):
    import sae_lens

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(sae_lens.SAE, "from_pretrained", refuse)
    with pytest.raises(AnatomyError, match="check the network"):
        pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")


def test_the_norm_factor_of_llama_scope_is_folded(offline):
    snapshot = hub_cache(offline, "fnlp/Llama3_1-8B-Base-LXR-8x")
    folder = snapshot / "Llama3_1-8B-Base-L8R-8x"
    (folder / "checkpoints").mkdir(parents=True)
    hyperparameters = {
        "d_model": D,
        "d_sae": M,
        "hook_point_in": "blocks.8.hook_resid_post",
        "jump_relu_threshold": 0.5,
        "dataset_average_activation_norm": {"in": 4.0, "out": 4.0},
    }
    (folder / "hyperparams.json").write_text(json.dumps(hyperparameters))
    own = weights("standard")
    state = {
        "encoder.weight": own["W_enc"].T.contiguous(),
        "decoder.weight": own["W_dec"].T.contiguous(),
        "encoder.bias": own["b_enc"],
        "decoder.bias": own["b_dec"],
    }
    save_file(state, folder / "checkpoints" / "final.safetensors")
    dictionary = pretrained("llama_scope_lxr_8x", "l8r_8x")
    factor = 10.138613861386139  # of this SAE, in sae_lens's registry
    torch.testing.assert_close(dictionary.W_enc, own["W_enc"] * factor, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(dictionary.W_dec, own["W_dec"] / factor, rtol=1e-4, atol=1e-4)
    assert dictionary.activation == "jumprelu" and not dictionary.subtract_b_dec
    # sae_lens scales the threshold by the factor of the hyperparameters: sqrt(d) / 4 here.
    torch.testing.assert_close(
        dictionary.threshold, torch.full((M,), 0.5 * D**0.5 / 4), rtol=1e-2, atol=0
    )


@pytest.mark.parametrize(
    ("release", "sae_id", "site", "width", "l0"),
    [
        (
            "gemma-scope-2b-pt-res",
            "layer_12/width_16k/average_l0_82",
            "blocks.12.hook_resid_post",
            2**14,
            82,
        ),
        (
            "gemma-scope-9b-pt-mlp",
            "layer_3/width_131k/average_l0_109",
            "blocks.3.hook_mlp_out",
            2**17,
            109,
        ),
        (
            "gemma-scope-9b-pt-att",
            "layer_0/width_16k/average_l0_12",
            "blocks.0.attn.hook_z",
            2**14,
            12,
        ),
        (
            "gemma-scope-2b-pt-res-canonical",
            "layer_0/width_16k/canonical",
            "blocks.0.hook_resid_post",
            2**14,
            105,
        ),
        ("llama_scope_lxr_8x", "l8r_8x", "blocks.8.hook_resid_post", 2**15, 50),
        ("llama_scope_lxa_32x", "l8a_32x", "blocks.8.hook_attn_out", 2**17, 50),
        (
            "gpt2-small-res-jb",
            "blocks.0.hook_resid_pre",
            "blocks.0.hook_resid_pre",
            24576,
            10,
        ),
        (
            "gpt2-small-res-jb-feature-splitting",
            "blocks.8.hook_resid_pre_1536",
            "blocks.8.hook_resid_pre",
            1536,
            39,
        ),
        ("gpt2-small-hook-z-kk", "blocks.1.hook_z", "blocks.1.attn.hook_z", 24576, 23),
    ],
)
def test_the_registry_is_read_without_sae_lens(release, sae_id, site, width, l0):
    (spec,) = pretrained_specs(release, [sae_id])
    assert (spec["id"], spec["site"], spec["width"], spec["l0"]) == (sae_id, site, width, l0)


def test_unknown_releases_and_ids_name_the_nearest():
    with pytest.raises(AnatomyError, match=r"no release gpt2-smal-res-jb; .*gpt2-small-res-jb"):
        pretrained_specs("gpt2-smal-res-jb", ["x"])
    with pytest.raises(AnatomyError, match=r"no SAE layer_12/width_16k/average_l0_81; .*l0_82"):
        pretrained_specs("gemma-scope-2b-pt-res", ["layer_12/width_16k/average_l0_81"])


def test_canonical_takes_an_explicit_centring(tmp_path):
    from sae_lens import SAE

    sae = SAE.load_from_disk(write_sae_lens(tmp_path / "sae", "standard"))
    assert canonical(sae, {**ABOUT}, center=True).center
