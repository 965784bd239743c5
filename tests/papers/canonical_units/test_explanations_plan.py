"""The exhibits about explanations: they need meta-SAEs, and take defaults for everything of their own."""

import copy
from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.papers.canonical_units.plan import EXPLAINED
from workflow_scripts.papers.canonical_units.plan import plan as canonical_units_plan
from workflow_scripts.papers.registry import check, exhibits

ROOT = Path(__file__).resolve().parents[3]
META = {
    "model": "stdlib-gpt2",
    "site": "blocks.2.hook_resid_post",
    "saes": ["batchtopk"],
    "target_l0": 12,
    "meta_width": 64,
    "training": {"steps": 10, "learning_rate": 0.01},
}


def block(**other):
    config = copy.deepcopy(yaml.safe_load((ROOT / "tests/papers/example.yaml").read_text()))
    config["canonical_units"] |= other
    checked = check(config)
    return checked["canonical_units"], canonical_units_plan(checked, catalogue(checked))


def test_without_meta_saes_there_is_nothing_to_explain():
    _, plan = block(meta=None)
    for exhibit in EXPLAINED:
        assert plan.missing[exhibit] == "canonical_units.meta is not given"
        assert exhibit in exhibits("canonical_units")


def test_with_meta_saes_defaults_are_enough():
    found, plan = block(meta=META)
    assert not set(EXPLAINED) & plan.missing.keys()
    assert plan.meta.main.latents == "firing" and plan.meta.main.architecture == "batchtopk"
    assert found["explanations"] == {
        "questions": 1000,
        "left_out": ["options", "nothing"],
        "decompositions": 10,
        "random_decompositions": 3,
        "firing_share": [0.001, 0.01],
        "neighbours": 3,
        "latents_per_meta_latent": 20,
        "examples_per_latent": 5,
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"question": 5}, r"canonical_units\.explanations\.question; did you mean questions"),
        ({"left_out": ["all"]}, r"left_out\[0\]: 'all' is not one of"),
        ({"left_out": []}, "left_out"),
        ({"questions": 0}, "questions"),
        ({"firing_share": [0.1]}, "firing_share"),
    ],
)
def test_what_is_wrong_in_the_block_is_named(wrong, message):
    with pytest.raises(AnatomyError, match=message):
        block(meta=META, explanations=wrong)
