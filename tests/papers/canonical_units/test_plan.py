"""Which SAEs are compared, which differ in their seed alone, and why a figure is left out."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.anatomy.setup.saved_saes import save_sae
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import Sae, catalogue
from workflow_scripts.papers.canonical_units.plan import plan as canonical_units_plan
from workflow_scripts.papers.canonical_units.plan import references
from workflow_scripts.papers.registry import check, exhibits, plans

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = yaml.safe_load((ROOT / "tests/papers/example.yaml").read_text())
SITE = "blocks.2.hook_resid_post"
COMPARISON = {
    "model": "stdlib-gpt2",
    "site": SITE,
    "saes": ["batchtopk", "topk", "jumprelu"],
    "width": 256,
    "k": 12,
}


@pytest.fixture
def config():
    """The default run with three widths and sparsities of two architectures, some with two seeds."""
    config = copy.deepcopy(DEFAULT)
    training = config["saes"]["topk"]["training"]
    about = {"kind": "trained", "harvest": "train", "sites": [SITE], "training": training}
    sizes = {"widths": [128, 256, 512], "k": [6, 12, 24]}
    config["saes"] |= {
        "batchtopk": about | sizes | {"architecture": "batchtopk", "seeds": [0, 1]},
        "topk": about | sizes | {"architecture": "topk"},
        "jumprelu": about
        | {"architecture": "jumprelu", "widths": [256], "coefficients": [2.0], "seeds": [0, 1]},
    }
    config["canonical_units"] |= {"comparison": COMPARISON, "second_comparison": None}
    return config


def plan_of(config, more=()):
    checked = check(config)
    return canonical_units_plan(checked, [*catalogue(checked), *more])


def test_either_of_size_and_sparsity_is_fixed(config):
    found = {
        (s.architecture, s.width, s.nominal_l0, s.seed) for s in plan_of(config).comparisons["fig7"]
    }
    sizes = {(128, 12), (256, 12), (512, 12), (256, 6), (256, 24)}
    expected = {("batchtopk", *size, seed) for size in sizes for seed in (0, 1)}
    # The sparsity of these JumpReLU SAEs is not known before they are trained.
    assert found == expected | {("topk", *size, 0) for size in sizes}


def test_one_size_and_sparsity_for_the_distribution(config):
    names = [sae.name for sae in plan_of(config).comparisons["fig9"]]
    assert names == ["batchtopk-w256-k12-s0", "batchtopk-w256-k12-s1", "topk-w256-k12-s0"]


def judged_groups_and_sites_that_are_not_named_take_no_part(config):
    config["canonical_units"]["comparison"] = COMPARISON | {"saes": ["topk"]}
    config["saes"]["topk"]["sites"] = [SITE, "blocks.1.hook_resid_post"]
    plan = plan_of(config)
    assert {(s.group, s.site) for s in plan.comparisons["fig7"]} == {("topk", SITE)}


def test_seeds_are_of_batchtopk(config):
    assert [sae.name for sae in plan_of(config).seeds] == [
        "batchtopk-w256-k12-s0",
        "batchtopk-w256-k12-s1",
    ]


def test_seeds_of_what_is_stitched_come_first(config):
    """ReLU SAEs at one coefficient, whose L0 nobody knows yet, in two widths and two seeds."""
    relu = config["saes"]["topk"] | {"architecture": "standard", "coefficients": [2.0]}
    del relu["k"]
    config["saes"] |= {
        "relu": relu | {"widths": [256, 512]},
        "relu_seeds": relu | {"widths": [512], "seeds": [1]},
    }
    config["canonical_units"]["main"] |= {"saes": ["relu", "relu_seeds"], "widths": None}
    plan = plan_of(config)
    stitched = [sae.name for sae in plan.stitchings["fig5"].saes]
    assert stitched == ["relu-w256-c2-s0", "relu-w512-c2-s0"]
    assert [sae.name for sae in plan.seeds] == ["relu-w512-c2-s0", "relu_seeds-w512-c2-s1"]


def test_without_batchtopk_the_most_frequent_architecture_has_the_seeds(config):
    config["canonical_units"]["comparison"] = COMPARISON | {"saes": ["topk"]}
    config["saes"]["batchtopk"]["seeds"] = [0]
    config["saes"]["topk"]["seeds"] = [0, 1, 2]
    found = plan_of(config).seeds
    assert {(sae.architecture, sae.width, sae.nominal_l0) for sae in found} == {("topk", 256, 12)}
    assert [sae.seed for sae in found] == [0, 1, 2]


def test_one_seed_is_no_comparison_of_seeds(config):
    config["saes"]["batchtopk"]["seeds"] = [0]
    plan = plan_of(config)
    assert plan.seeds == []
    assert {"fig7", "fig9"} <= plan.comparisons.keys()


def test_saes_of_unknown_width_or_l0_take_no_part(config):
    known = Sae("known", "topk", "local", "stdlib-gpt2", SITE, "", 256, 12.0, 0, ())
    unknown = [replace(known, name="a", width=None), replace(known, name="b", nominal_l0=None)]
    found = plan_of(config, [known, *unknown]).comparisons
    for row in ("fig7", "fig9"):
        assert known in found[row]
        assert not [sae for sae in unknown if sae in found[row]]


def test_saes_that_scale_every_token_by_itself_are_not_stitched(config, tmp_path):
    checked = check(config)
    folder = save_sae(tmp_path / "sae", normalize_activations="layer_norm")
    about = {"kind": "local", "options": (("path", str(folder)),)}
    saes = [replace(sae, **about) for sae in catalogue(checked)]
    plan = canonical_units_plan(checked, saes)
    assert "fig4" not in plan.stitchings
    assert "scale every token by themselves" in plan.missing["fig4"]


def test_the_second_comparison_is_figure_8(config):
    config["canonical_units"]["second_comparison"] = COMPARISON | {"saes": ["topk"], "width": 512}
    plan = plan_of(config)
    found = {(sae.width, sae.nominal_l0) for sae in plan.comparisons["fig8"]}
    assert found == {(128, 12), (256, 12), (512, 12), (512, 6), (512, 24)}
    assert "fig8" not in plan.missing


@pytest.mark.parametrize(
    ("change", "rows", "reason"),
    [
        ({"comparison": None}, {"fig7", "fig9"}, "canonical_units.comparison is not given"),
        ({}, {"fig8"}, "canonical_units.second_comparison is not given"),
        ({"toy": None}, {"fig2"}, "canonical_units.toy is not given"),
        ({"comparison": COMPARISON | {"width": 99}}, {"fig9"}, "no SAE of width 99 and with L0 12"),
        (
            {"comparison": COMPARISON | {"width": 99, "k": 7}},
            {"fig7", "fig9"},
            "canonical_units.comparison has no SAE of width 99",
        ),
        (
            {"second_comparison": COMPARISON | {"site": "blocks.1.hook_resid_post"}},
            {"fig8"},
            "no SAE of width 256 or with L0 12 at blocks.1.hook_resid_post",
        ),
    ],
)
def test_a_comparison_that_cannot_be_is_left_out_with_its_reason(config, change, rows, reason):
    config["canonical_units"] |= change
    plan = plan_of(config)
    assert rows <= plan.missing.keys()
    assert all(reason in plan.missing[row] for row in rows)
    assert not rows & plan.comparisons.keys()
    assert plan.missing.keys() <= exhibits("canonical_units").keys()


def test_without_canonical_units_nothing_is_planned(config):
    del config["canonical_units"]
    checked = check(config)
    assert checked["canonical_units"] is None
    assert "canonical_units" not in plans(checked, catalogue(checked))


def test_no_error_is_taken_apart(config):
    for other in ({}, {"comparison": None, "toy": None, "second": None}):
        config["canonical_units"] |= other
        checked = check(config)
        plan = canonical_units_plan(checked, catalogue(checked))
        assert plan.decomposed == plan.components_substituted == []


def test_the_groups_of_all_parts_are_named(config):
    config["canonical_units"] |= {
        "main": config["canonical_units"]["main"] | {"saes": ["batchtopk", "topk"]},
        "second": None,
        "second_comparison": COMPARISON | {"saes": ["layers"]},
    }
    block = check(config)["canonical_units"]
    assert block["toy"] is not None
    named = list(references(block))
    assert sorted(named) == [
        *(("comparison.saes", "saes", group) for group in sorted(COMPARISON["saes"])),
        ("main.saes", "saes", "batchtopk"),
        ("main.saes", "saes", "topk"),
        ("second_comparison.saes", "saes", "layers"),
    ]


def test_table_2_needs_no_comparison(config):
    assert "table2" not in plan_of(config).missing


def test_a_group_that_there_is_not(config):
    config["canonical_units"]["comparison"] = COMPARISON | {"saes": ["batchtop"]}
    with pytest.raises(AnatomyError, match=r"canonical_units\.comparison\.saes.*batchtop") as error:
        plan_of(config)
    assert "did you mean batchtopk" in str(error.value)


@pytest.mark.parametrize("key", ["model", "site", "saes", "width", "k"])
def test_every_key_of_a_comparison_is_needed(config, key):
    config["canonical_units"]["comparison"] = {k: v for k, v in COMPARISON.items() if k != key}
    with pytest.raises(AnatomyError, match=rf"canonical_units\.comparison\.{key} is missing"):
        plan_of(config)


def test_a_toy_of_defaults_is_enough_for_figure_2(config):
    config["canonical_units"]["toy"] = {}
    assert check(config)["canonical_units"]["toy"]["seeds"] == [0, 1, 2, 3, 4]
    assert "fig2" not in plan_of(config).missing


def test_sizes_are_compared_along_the_chain(config):
    config["canonical_units"]["main"]["widths"] = None
    plan = plan_of(config)
    assert plan.stitchings["fig19"] == plan.stitchings["fig5"]
    assert [sae.width for sae in plan.stitchings["fig19"].saes] == [128, 256, 512]
    config["canonical_units"]["main"]["widths"] = [128, 512]
    plan = plan_of(config)
    assert [sae.width for sae in plan.stitchings["fig4"].saes] == [128, 512]
    config["canonical_units"]["main"]["widths"] = [128, 300]
    assert plan_of(config).missing["fig4"] == "canonical_units.main has no two widths to stitch"
