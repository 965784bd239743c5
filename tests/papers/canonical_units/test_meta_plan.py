"""Which meta-SAEs a configuration asks for, and what it cannot ask for."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.papers.canonical_units.plan import META
from workflow_scripts.papers.canonical_units.plan import plan as canonical_units_plan
from workflow_scripts.papers.registry import check

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def plan_of(groups=None, **changes):
    config = copy.deepcopy(DEFAULT)
    config["canonical_units"]["meta"] |= changes
    for name, about in (groups or {}).items():
        config["saes"][name] |= about
    checked = check(config)
    return canonical_units_plan(checked, catalogue(checked))


def test_the_widest_sae_is_taken_apart_and_the_main_meta_sae_is_of_its_firing_latents():
    meta = plan_of(seeds=[3, 4]).meta
    assert meta.taken_apart.width == 1024
    assert [sae.width for sae in meta.family] == [256, 512, 1024]
    main = meta.main
    assert (main.architecture, main.rows, main.latents) == ("batchtopk", "decoder", "firing")
    assert main.sae is meta.taken_apart and main.seed == 3 and main.decoder == "trained"
    assert plan_of(width=512).meta.taken_apart.width == 512


def test_names_are_unique_and_every_seed_has_the_same():
    meta = plan_of(seeds=[0, 1]).meta
    names = [each.name for each in meta.trained]
    assert len(set(names)) == len(names)
    seeds = [{n.rsplit("-s", 1)[0] for n in names if n.endswith(f"-s{seed}")} for seed in (0, 1)]
    # What is the same for every seed is trained once.
    assert seeds[0] - seeds[1] == {"all_latents"} and seeds[1] < seeds[0]
    assert all(each.reference in {"", *names} for each in meta.trained)


def test_rows_a_meta_latent_are_the_same_at_every_width():
    of_width = plan_of().meta.of("width")
    assert {each.width for each in of_width} == {192 * 256 // 1024}
    assert {each.sae.width for each in of_width} == {256, 512, 1024}
    for each in of_width:
        assert [sae.width for sae in each.no_more_than] == [256, 512, 1024]


def test_directions_are_replaced_from_saes_of_a_similar_size():
    assert [sae.width for sae in plan_of().meta.similar] == [256]
    similar = plan_of(meta_width=384, width=1024).meta.similar
    assert {sae.width for sae in similar} == {256, 512}
    replaced = [each.decoder for each in plan_of(seeds=[0]).meta.of("replaced")]
    assert replaced == [
        *("none", "nearest_256", "random_latents_256"),
        *("same_covariance", "random"),
    ]
    # Where none is similar, the nearest is.
    assert [sae.width for sae in plan_of(meta_width=40).meta.similar] == [256]


def test_architectures_have_their_learning_rates_and_coefficients():
    found = {each.architecture: each for each in plan_of(seeds=[0]).meta.of("architecture")}
    assert set(found) == {"batchtopk", "topk", "jumprelu", "standard"}
    assert found["topk"].learning_rates == (0.006, 0.02) and not found["topk"].coefficients
    assert found["standard"].coefficients == (3.5, 4)
    assert found["jumprelu"].reference == "batchtopk-s0" and not found["batchtopk"].reference
    one = plan_of(learning_rates=None, architectures=["topk"]).meta.of("architecture")
    assert {each.learning_rates for each in one} == {(0.006,)}
    assert {each.reference for each in one} == {""}


def test_a_block_for_a_rule_names_saes_and_holds_all_else():
    meta = plan_of().meta
    nearest, others = [each for each in meta.of("replaced") if each.nearest and each.seed == 0]
    assert others.nearest is nearest.nearest
    block = nearest.block({"steps": 1})
    assert block["sae"] == meta.taken_apart.name and block["nearest"] == nearest.nearest.name
    assert block["model"] == "stdlib-gpt2" and block["training"] == {"steps": 1}
    for change in ({"seed": 9}, {"width": 9}, {"rows": "isotropic"}, {"decoder": "random"}):
        assert replace(nearest, **change).block({"steps": 1}) != block


def test_without_a_block_or_a_second_sae_exhibits_are_left_out_with_the_reason():
    config = copy.deepcopy(DEFAULT)
    config["canonical_units"]["meta"] = None
    checked = check(config)
    plan = canonical_units_plan(checked, catalogue(checked))
    assert plan.meta is None
    assert {plan.missing[name] for name in META} == {"canonical_units.meta is not given"}
    alone = plan_of({"relu": {"widths": [1024]}, "relu_seeds": {"widths": [1024]}})
    assert "beside the one taken apart" in alone.missing["fig23"]
    assert not alone.meta.of("replaced", "width") and "fig6" not in alone.missing


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"site": "blocks.3.hook_resid_post"}, "no SAE of a known width at blocks.3"),
        ({"width": 300}, r"width is 300, but its SAEs have \[256, 512, 1024\] latents"),
        ({"k": 500}, "k is 500 of 192 meta-latents"),
        ({"coefficients": []}, "standard, which needs canonical_units.meta.coefficients"),
        ({"k": 3.5}, "topk needs a whole number"),
        ({"saes": ["nobody"]}, "nobody"),
        ({"training": {"steps": 0, "learning_rate": 1}}, "steps"),
    ],
)
def test_what_cannot_be_is_one_clear_line(changes, message):
    with pytest.raises(AnatomyError, match=message) as error:
        plan_of(**changes)
    assert "canonical_units.meta" in str(error.value) and "\n" not in str(error.value)
