"""A short configuration completed: from the SAEs' metadata first, from defaults last, and never over what it says."""

import copy
from pathlib import Path

import pytest
import yaml

from tests.anatomy.setup.saved_saes import save_model, save_sae
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup import configuration
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.setup.completion import complete, filled


@pytest.fixture
def short(tmp_path, monkeypatch):
    """An SAE in a folder and a text, and nothing else."""
    monkeypatch.chdir(tmp_path)
    save_sae(tmp_path / "saes" / "mine")
    (tmp_path / "text").mkdir()
    for name in ("a", "b"):
        (tmp_path / "text" / f"{name}.txt").write_text("word " * 2000)
    return yaml.safe_load(
        """
        datasets: {prose: {kind: text_files, paths: ["text/*.txt"]}}
        saes: {mine: {kind: local, path: saes/mine}}
        """
    )


def harvest_of(config):
    (harvest,) = config["harvests"].values()
    return harvest


def test_an_sae_and_a_text_are_enough(short):
    before = copy.deepcopy(short)
    full, added = filled(short)
    assert short == before, "what is given stays as it is"
    assert full["run"] == "mine"
    assert full["models"] == {"gpt2": {"kind": "hf", "path": "gpt2"}}
    assert full["saes"]["mine"] == {
        "kind": "local",
        "path": "saes/mine",
        "site": "blocks.3.hook_resid_post",
        "l0": 3,
        "model": "gpt2",
    }
    assert harvest_of(full) == {
        "model": "gpt2",
        "dataset": "prose",
        "split": "train",
        # 20,000 bytes, a sixth as many tokens, of which nine tenths are looked at
        "contexts": 46,
        "context_length": 64,
        "hook_points": ["blocks.3.hook_resid_post"],
        "min_position": 12,
    }
    assert full["analysis"]["harvests"] == list(full["harvests"])
    assert {"saes.mine.site", "run", "analysis.harvests"} <= {each.key for each in added}
    assert all(each.source for each in added)
    (sae,) = catalogue(configuration.check(full))
    assert (sae.model, sae.site, sae.width, sae.nominal_l0) == (
        *("gpt2", "blocks.3.hook_resid_post", 8, 3),
    )


def test_what_is_complete_stays_so(short):
    full = complete(short)
    again, added = filled(full)
    assert again == full
    assert added == []


def test_the_default_run_is_complete():
    config = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
    assert filled(config) == (config, [])


def test_what_is_given_is_kept(short):
    short |= {"run": "other", "models": {"own": {"kind": "hf", "path": "gpt2", "bos": True}}}
    short["saes"]["mine"] |= {"l0": 17, "site": "blocks.4.hook_resid_pre"}
    full = complete(short)
    assert full["run"] == "other"
    assert full["models"] == short["models"]
    assert full["saes"]["mine"]["l0"] == 17
    assert harvest_of(full)["hook_points"] == ["blocks.4.hook_resid_pre"]
    assert harvest_of(full)["model"] == "own", "the model of that path"


def test_bos_and_dtype_are_the_trainings(short, tmp_path):
    about = {"prepend_bos": False, "model_from_pretrained_kwargs": {"torch_dtype": "bfloat16"}}
    save_sae(tmp_path / "saes" / "mine", metadata=about)
    (model,) = complete(short)["models"].values()
    assert model == {"kind": "hf", "path": "gpt2", "dtype": "bfloat16", "bos": False}
    save_sae(tmp_path / "saes" / "other")
    short["saes"]["other"] = {"kind": "local", "path": "saes/other"}
    with pytest.raises(
        AnatomyError, match=r"saes\.mine were without the BOS token.*models\.gpt2\.bos"
    ):
        complete(short)


def test_a_model_in_a_folder_bounds_the_contexts(short, tmp_path):
    save_model(tmp_path / "models" / "tiny", positions=32)
    save_sae(tmp_path / "saes" / "mine", metadata={"model_name": "models/tiny"})
    full = complete(short)
    assert full["models"] == {"tiny": {"kind": "hf", "path": "models/tiny"}}
    assert harvest_of(full)["context_length"] == 32


def test_a_harvest_is_called_what_it_is(short):
    one, same = complete(short), complete(short)
    short["saes"]["mine"]["site"] = "blocks.4.hook_resid_pre"
    other = complete(short)
    assert list(one["harvests"]) == list(same["harvests"]) != list(other["harvests"])


def test_several_saes_of_one_model_share_a_harvest(short, tmp_path):
    save_sae(
        tmp_path / "saes" / "other",
        metadata={"hook_name": "blocks.1.hook_mlp_out", "context_size": 48},
    )
    short["saes"]["other"] = {"kind": "local", "path": "saes/other"}
    harvest = harvest_of(complete(short))
    assert harvest["hook_points"] == ["blocks.3.hook_resid_post", "blocks.1.hook_mlp_out"]
    assert harvest["context_length"] == 48, "the shortest, which all have seen"


def test_a_release_says_its_model_and_site():
    short = {
        "datasets": {"text": {"kind": "hf", "path": "some/text", "documents": 100}},
        "saes": {
            "res": {
                "kind": "pretrained",
                "release": "gpt2-small-res-jb",
                "ids": ["blocks.8.hook_resid_pre"],
            }
        },
    }
    full = complete(short)
    assert full["models"] == {"gpt2": {"kind": "hf", "path": "gpt2"}}
    assert harvest_of(full)["hook_points"] == ["blocks.8.hook_resid_pre"]
    (sae,) = catalogue(configuration.check(full))
    assert sae.model == "gpt2"


def test_normalisation_lies_beside_a_checkpoint(short, tmp_path):
    save_sae(tmp_path / "saes" / "mine", normalize_activations="expected_average_only_in")
    (tmp_path / "saes" / "mine" / "activation_scaler.json").write_text('{"scaling_factor": 0.25}')
    assert complete(short)["saes"]["mine"]["input_scale"] == 0.25


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"hook_name": None}, r"hook point .* does not say it; give saes\.mine\.site"),
        ({"hook_name": "blocks.1.hook_q"}, r"calls it blocks\.1\.hook_q; give saes\.mine\.site"),
        ({"model_name": None}, r"does not say which model it is of; give saes\.mine\.model"),
    ],
)
def test_what_it_does_not_say_is_asked_for(short, tmp_path, metadata, message):
    save_sae(tmp_path / "saes" / "mine", metadata=metadata)
    with pytest.raises(AnatomyError, match=message):
        complete(short)


def test_a_model_that_is_none_of_those_given(short):
    short["models"] = {"gemma": {"kind": "hf", "path": "google/gemma-2-2b"}}
    with pytest.raises(
        AnatomyError, match=r"the model gpt2-small, which is none of models \(gemma\)"
    ):
        complete(short)


def test_a_folder_that_is_not_there(short):
    short["saes"]["mine"]["path"] = "saes/nowhere"
    with pytest.raises(AnatomyError, match=r"saes\.mine\.path is saes/nowhere.*no such folder"):
        complete(short)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"saes": None},
        {"saes": {"a": 3}, "datasets": {"b": {}}},
        {"saes": {"a": {}}, "datasets": {"b": {}}},
        {"saes": {"a": {"kind": "local"}}, "datasets": {"b": {"kind": "text_files"}}},
        {"saes": {"a": {"kind": "pretrained", "release": 3, "ids": 4}}, "datasets": {"b": {}}},
        {"saes": {"a": {"kind": "trained"}}, "datasets": {"b": {}}, "harvests": {"h": {}}},
    ],
)
def test_what_is_wrong_is_left_to_the_check(config):
    with pytest.raises(AnatomyError, match="config"):
        configuration.check(complete(config))
