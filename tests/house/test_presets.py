"""The presets: whole configurations of models that are not here, checked as far as that goes."""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.setup.releases import _registry
from workflow_scripts.papers.dark_matter.claims.paper import MAIN_MODEL, PAPER_MODELS
from workflow_scripts.papers.dark_matter.plan import plan
from workflow_scripts.papers.registry import check, plans

# Trains its model like the default run; the others are of models that are not here.
TRAINED = "workstation"
PRESETS = sorted(
    path
    for path in (Path(__file__).resolve().parents[2] / "presets").glob("*.yaml")
    if path.stem != TRAINED
)
NO_CONTOURS = {"fig10", "fig11"}
# What each of them cannot have. Gemma Scope's attention SAEs are at hook_z, and figure 9b asks for
# hook_attn_out; GPT-2 small has no circuit; Llama Scope has two widths and one L0.
MISSING = {
    "gemma-2-2b": {"fig11"},
    "gemma-2-9b": {"fig10"},
    "gpt2-small": {*NO_CONTOURS, "fig9b"},
    "llama-3.1-8b": {*NO_CONTOURS, "fig1", "fig2", "fig9a"},
}
D_MODEL = {"gemma-2-2b": 2304, "gemma-2-9b": 3584, "gpt2-small": 768, "llama-3.1-8b": 4096}
GEMMA = ("gemma-2-2b", "gemma-2-9b")


@cache
def planned(path):
    """A preset with its defaults, its SAEs, and their roles."""
    config = check(yaml.safe_load(path.read_text()))
    saes = catalogue(config)
    return config, saes, plan(config, saes)


def preset(name):
    return next(path for path in PRESETS if path.stem == name)


def analysis_harvest(config):
    (name,) = config["analysis"]["harvests"]
    return config["harvests"][name]


def test_the_larger_default_run_has_all_that_the_default_run_has():
    default = Path(__file__).resolve().parents[2] / "config.yaml"
    found = []
    for path in (default, default.parent / "presets" / f"{TRAINED}.yaml"):
        config = check(yaml.safe_load(path.read_text()))
        found.append({k: set(v.missing) for k, v in plans(config, catalogue(config)).items()})
    assert found[0] == found[1]


def test_there_is_one_for_every_model_of_the_paper():
    assert {path.stem for path in PRESETS} == set(MISSING)
    assert {*PAPER_MODELS, *MAIN_MODEL} <= set(MISSING)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_run_and_model_bear_the_name_that_claims_know(path):
    config, _, _ = planned(path)
    assert config["run"] == path.stem
    assert list(config["models"]) == [path.stem]


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_it_says_that_nobody_has_run_it(path):
    head = path.read_text().split("\nrun:")[0]
    assert "Not run: needs the models and a GPU." in head
    assert "pin the revisions" in head


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_every_sae_has_width_l0_and_a_harvested_site(path):
    config, saes, _ = planned(path)
    sites = {sae.site for sae in saes}
    assert sites == set(analysis_harvest(config)["hook_points"])
    assert all(sae.width and sae.nominal_l0 for sae in saes)
    assert {sae.model for sae in saes} == {path.stem}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_the_rows_it_cannot_have_are_known(path):
    _, _, plan = planned(path)
    assert set(plan.missing) == MISSING[path.stem]
    assert all(plan.missing.values())


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_the_setting_is_that_of_section_4(path):
    config, _, _ = planned(path)
    harvest, analysis = analysis_harvest(config), config["analysis"]
    assert (harvest["contexts"], harvest["context_length"]) == (300, 1024)
    assert harvest["min_position"] == 200
    used = harvest["contexts"] * (harvest["context_length"] - harvest["min_position"])
    assert round(used, -3) == 247_000
    assert round(used * analysis["train_fraction"], -3) == 150_000
    assert analysis["split"] == ("paper" if path.stem in PAPER_MODELS else "document")
    errors = config["dark_matter"]["error_saes"]
    assert errors["width"] == 16 * D_MODEL[path.stem]
    assert errors["training"]["tokens"] == 100_000_000
    train = config["harvests"][errors["harvest"]]
    assert train["split"] != harvest["split"]
    assert train["hook_points"] == [config["dark_matter"]["main"]["site"]]


@pytest.mark.parametrize("name", GEMMA)
def test_gemma_scope_is_there_in_full_at_the_sites_of_the_contours(name):
    config, _, _ = planned(preset(name))
    taken, block = config["saes"]["res"]["ids"], config["dark_matter"]
    contours = {site["site"] for sites in block["contours"].values() for site in sites}
    assert block["main"]["site"] in contours
    # layer -> width -> {id: L0}, read from the ids alone
    there: dict = defaultdict(lambda: defaultdict(dict))
    for sae in _registry()[config["saes"]["res"]["release"]]["saes"]:
        if found := re.fullmatch(r"layer_(\d+)/(width_\w+)/average_l0_(\d+)", sae["id"]):
            there[int(found[1])][found[2]][sae["id"]] = int(found[3])
    assert len(taken) == len(set(taken))
    for layer, widths in there.items():
        chosen = {one for one in taken if one.startswith(f"layer_{layer}/")}
        if f"blocks.{layer}.hook_resid_post" in contours:
            assert chosen == {one for found in widths.values() for one in found}, layer
            continue
        assert len(chosen) == len(widths) == 2
        for found in widths.values():
            (one,) = chosen & found.keys()
            assert abs(found[one] - 50) == min(abs(l0 - 50) for l0 in found.values()), layer


@pytest.mark.parametrize("name", GEMMA)
def test_figure_1_has_seven_widths_and_section_5_the_sae_of_the_paper(name):
    _, saes, plan = planned(preset(name))
    assert [sae.width for sae in plan.scaling] == [2**power for power in range(14, 21)]
    assert plan.reference.width == 16384
    assert (
        len(plan.layers) == len({sae.site for sae in plan.layers}) == (26 if "2b" in name else 42)
    )
    circuit = {sae.group: sae for sae in saes if sae.group != "res"}
    assert {sae.width for sae in circuit.values()} == {16384}
    # Eq. 16: the attention and the MLP of the layer itself, the residual stream of the one before.
    layer = plan.reference.site.split(".")[1]
    assert circuit["mlp"].site == f"blocks.{layer}.hook_mlp_out"
    assert circuit["attention"].site == f"blocks.{layer}.attn.hook_z"


def test_the_main_sae_of_the_paper_is_the_reference():
    _, _, plan = planned(preset("gemma-2-9b"))
    assert (plan.reference.site, plan.reference.nominal_l0) == ("blocks.20.hook_resid_post", 58)


def test_llama_scope_has_a_circuit_and_every_layer():
    _, _, plan = planned(preset("llama-3.1-8b"))
    assert list(plan.circuit) == ["resid", "resid_previous", "mlp_out", "attn_out"]
    assert [sae.width for sae in plan.layers] == [32768] * 32
    assert [sae.width for sae in plan.scaling] == [32768, 131072]


def test_gpt2_has_the_whole_family_and_no_sae_twice():
    config, saes, plan = planned(preset("gpt2-small"))
    assert [sae.width for sae in plan.scaling] == [768 * 2**power for power in range(8)]
    artefacts = [(sae.block()["release"], sae.block()["id"]) for sae in saes]
    assert len(artefacts) == len(set(artefacts))
    for name, group in config["saes"].items():
        if group["site"]:
            # hook_resid_pre of a layer is hook_resid_post of the one before.
            (one,) = group["ids"]
            assert int(one.split(".")[1]) == int(group["site"].split(".")[1]) + 1, name
