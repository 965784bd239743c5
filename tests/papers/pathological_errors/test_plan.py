"""Whose errors are measured, how much of each, and why a figure is left out."""

import copy
from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.setup.plan import BRIEF, FULL, SWEEP
from workflow_scripts.papers.pathological_errors.plan import (
    plan,
    references,
    single_position_draws,
)
from workflow_scripts.papers.registry import check, exhibits

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = yaml.safe_load((ROOT / "tests/papers/example.yaml").read_text())
SITE = "blocks.2.hook_resid_post"


@pytest.fixture
def config():
    return copy.deepcopy(DEFAULT)


def plan_of(config, **block):
    config["pathological_errors"] |= block
    checked = check(config)
    return plan(checked, catalogue(checked))


def test_one_sae_a_layer_of_the_width_that_most_have(config):
    found = plan_of(config)
    assert [(sae.site, sae.width, sae.nominal_l0) for sae in found.layers] == [
        (f"blocks.{layer}.hook_resid_post", 256, 12) for layer in range(4)
    ]
    assert found.main is found.layers[2] and found.decomposed == [found.main]


def test_attention_takes_what_attention_adds_and_no_mlp(config):
    found = plan_of(config)
    assert [sae.site for sae in found.attention] == ["blocks.2.hook_attn_out"]


def test_everything_is_measured_once_and_most_of_it_of_the_layers(config):
    found = plan_of(config)
    keys = [one.key for one in found.effects]
    assert len(set(keys)) == len(keys)
    full = [one for one in found.effects if one.extent == FULL]
    assert [one.sae for one in full] == [*found.layers, *found.attention]
    assert [one.sae for one in found.effects if one.extent == SWEEP] == found.layers
    brief = {(one.sae.name, one.subject) for one in found.effects if one.extent == BRIEF}
    compared = {(sae.name, "sae") for sae in found.compared if sae is not found.main}
    assert compared < brief
    others = {"linear_error", "nonlinear_error", "pursuit", "stitched"}
    assert {subject for _, subject in brief - compared} == others


def test_every_sae_of_the_main_site_is_compared_unless_groups_are_named(config):
    found = plan_of(config)
    assert {sae.group for sae in found.compared} > {"batchtopk", "topk", "jumprelu"}
    assert {sae.site for sae in found.compared} == {SITE}
    found = plan_of(config, compared=["topk"])
    assert {sae.group for sae in found.compared} == {"topk"}
    # The main one is not among them, and is measured all the same.
    assert found.of("sae", saes=[found.main])


def test_what_is_stitched_is_measured_as_it_is_too(config):
    found = plan_of(config, compared=["topk"], stitched={"widths": [128, 1024]})
    (stitched,) = found.of("stitched")
    assert (stitched.sae.width, [sae.width for sae in stitched.wider]) == (128, [1024])
    parts = [(one.sae.width, one.subject) for one in found.parts]
    assert parts == [
        *((256, "sae"), (128, "sae"), (256, "linear_error"), (256, "nonlinear_error")),
        *((256, "pursuit"), (128, "stitched")),
    ]
    assert len(plan_of(config, stitched=None).parts) == 4


def test_figures_that_a_run_cannot_have_say_why(config):
    assert plan_of(config).missing == {}
    found = plan_of(config, attention=[], compared=["layers"])
    assert set(found.missing) == {"attention", "by_width", "by_architecture"}
    assert set(found.missing) < set(exhibits("pathological_errors"))
    found = plan_of(config, compared=["topk_sparsity"])
    assert "by_width" not in found.missing
    assert found.missing["by_architecture"].endswith("has SAEs of one architecture")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"main": {"model": "stdlib-gpt2", "site": "blocks.2.hook_mlp_out"}}, "residual"),
        ({"main": {"model": "stdlib-gpt2", "site": "blocks.7.hook_resid_post"}}, "blocks.7"),
        ({"saes": ["layer0"]}, "has no SAE of a known width at blocks.2.hook_resid_post"),
        ({"single_token": {"position": 240}}, "position 256 is not before the last of the 256"),
        ({"single_token": {"position": 0}}, "single_token.position"),
        ({"pathology": {"position": 255}}, "pathology.position: position 255 is not before"),
        ({"first_position": 255}, "first_position: position 255 is not before"),
        ({"stitched": {"widths": [256, 300]}}, "widths has 300, and pathological_errors.saes"),
        ({"saes": ["topk"], "stitched": {"widths": [256, 1024]}}, "is a TopK SAE"),
        ({"target_l0": 0}, "target_l0"),
    ],
)
def test_what_cannot_be_is_an_error_before_anything_runs(config, block, message):
    with pytest.raises(AnatomyError, match=message):
        plan_of(config, **block)


def test_names_that_the_block_mentions_are_known_by_their_place(config):
    found = list(references(check(config)["pathological_errors"]))
    assert ("main.model", "models", "stdlib-gpt2") in found
    assert ("attention", "saes", "circuit") in found
    config["pathological_errors"]["saes"] = ["batchtop"]
    with pytest.raises(AnatomyError, match=r"pathological_errors\.saes names 'batchtop'"):
        check(config)


def test_single_positions_are_drawn_as_often_as_the_configuration_says(config):
    block = check(config)["pathological_errors"] | {"draws": 3}
    drawn = single_position_draws(block, "single_token")
    assert (drawn["sae"], drawn["epsilon_random"], drawn["epsilon_errors"]) == (1, 3, 3)
    drawn = single_position_draws(block, "pathology")
    assert drawn == {"sae": 1, "epsilon_random": block["pathology"]["draws"]}
