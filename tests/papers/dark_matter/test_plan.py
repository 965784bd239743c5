"""Which SAE plays which role, and why a configuration cannot have some figure."""

import copy
from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import Sae, catalogue
from workflow_scripts.papers.dark_matter.plan import plan as dark_matter_plan
from workflow_scripts.papers.dark_matter.plan import references
from workflow_scripts.papers.registry import check, exhibits, load_schema

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = yaml.safe_load((ROOT / "tests/papers/example.yaml").read_text())
MAIN = "blocks.2.hook_resid_post"


@pytest.fixture
def config():
    """The default configuration, less what other papers show."""
    return copy.deepcopy({key: DEFAULT[key] for key in [*load_schema()["required"], "dark_matter"]})


def plan_of(config):
    checked = check(config)
    return dark_matter_plan(checked, catalogue(checked))


def test_roles_of_the_default_run(config):
    plan = plan_of(config)
    names = [sae.name for sae in plan.scaling]
    assert names == [f"batchtopk-w{width}-k12-s0" for width in (128, 256, 512, 1024, 2048)]
    assert {sae.site for sae in plan.main} == {MAIN}
    assert {sae.group for sae in plan.family} == {"batchtopk", "layer0", "layers"}
    assert plan.reference.name == "batchtopk-w256-k12-s0"
    assert [sae.site.split(".")[1] for sae in plan.layers] == ["0", "1", "2", "3"]
    assert {(sae.width, sae.nominal_l0) for sae in plan.layers} == {(256, 12)}
    named = {"batchtopk", "layer0", "layers", "topk", "jumprelu"}
    assert {sae.group for sae in plan.judged} == named
    config["dark_matter"]["judged"] = None
    assert {sae.group for sae in plan_of(config).judged} == set(config["saes"]) - {"circuit"}
    assert {term: sae.site for term, sae in plan.circuit.items()} == {
        "resid": MAIN,
        "resid_previous": "blocks.1.hook_resid_post",
        "mlp_out": "blocks.2.hook_mlp_out",
        "attn_out": "blocks.2.hook_attn_out",
    }
    assert plan.circuit["resid"] == plan.reference
    assert plan.missing == {}


def test_what_the_default_run_asks_of_the_stages(config):
    plan = plan_of(config)
    assert plan.decomposed == plan.judged
    names = [f"batchtopk-w{width}-k12-s0" for width in (128, 256, 512, 1024, 2048)]
    names += [f"batchtopk-w256-k{k}-s0" for k in (6, 24)]
    assert [sae.name for sae in plan.components_substituted] == names, (
        "the reference SAE once, in its place"
    )
    assert {sae.site for sae in plan.components_substituted} == {MAIN}
    shown = [*plan.scaling, *plan.of_reference_width]
    assert all(sae in plan.components_substituted for sae in shown)


def test_what_is_shown_is_taken_apart(config):
    """Figures read scores and error maps of these; the circuit gives reconstructions alone."""
    for judged in (["topk", "jumprelu"], [], None):
        config["dark_matter"]["judged"] = judged
        plan = plan_of(config)
        shown = [
            *plan.family,
            *plan.scaling,
            *plan.layers,
            plan.reference,
            *plan.components_substituted,
        ]
        assert all(sae in plan.decomposed for sae in shown)
        assert "circuit" not in {sae.group for sae in plan.decomposed}


def test_without_figure_8_nothing_is_put_into_the_model(config):
    config["dark_matter"] |= {
        "saes": ["circuit"],
        "main": {"model": "stdlib-gpt2", "site": "blocks.2.hook_mlp_out"},
    }
    plan = plan_of(config)
    assert "fig8" in plan.missing
    assert plan.components_substituted == []
    assert plan.decomposed == plan.judged


def test_without_a_reference_width_the_middle_one_is_taken(config):
    del config["dark_matter"]["reference_width"]
    config["saes"]["batchtopk"]["widths"] = [128, 256, 1024]
    plan = plan_of(config)
    assert plan.reference.width == 256


def test_a_reference_width_that_no_sae_has_is_an_error(config):
    config["saes"]["batchtopk"]["widths"] = [200, 1000]
    config["dark_matter"]["reference_width"] = 400
    with pytest.raises(AnatomyError, match=r"reference_width has 400, .* have 200, 1000 latents"):
        plan_of(config)
    config["dark_matter"]["reference_width"] = 1000
    assert plan_of(config).reference.width == 1000


def test_an_sae_of_the_circuit_is_nearest_in_the_ratio_of_widths(config):
    """400 is nearer to 200 than to 1000 in difference, and in ratio too; 500 only in difference."""
    config["saes"]["circuit"]["widths"] = [200, 1000]
    for width, nearest in ((400, 200), (500, 1000)):
        config["saes"]["batchtopk"]["widths"] = [width]
        config["dark_matter"]["reference_width"] = width
        assert plan_of(config).circuit["mlp_out"].width == nearest


def test_layers_have_a_target_of_their_own(config):
    config["dark_matter"]["layer_target_l0"] = 25
    plan = plan_of(config)
    assert [sae.nominal_l0 for sae in plan.layers] == [12, 24, 24, 24]
    assert {sae.nominal_l0 for sae in plan.scaling} == {12}


def test_a_group_in_the_circuit_and_the_family_is_judged(config):
    config["dark_matter"]["saes"].append("circuit")
    assert "circuit" in {sae.group for sae in plan_of(config).judged}


def test_the_stream_before_a_layer_is_made_of_the_layer_before(config):
    """resid_pre of layer 2 is resid_pre of layer 1 with what layer 1 adds."""
    config["dark_matter"] |= {
        "saes": ["family"],
        "main": {"model": "stdlib-gpt2", "site": "blocks.2.hook_resid_pre"},
        "circuit": ["parts"],
        "contours": {},
        "judged": None,
        "reference_width": 512,
    }
    about = {"kind": "trained", "harvest": "train", "architecture": "topk", "widths": [64, 512]}
    about |= {"k": [12], "training": config["saes"]["topk"]["training"]}
    pre = ["blocks.2.hook_resid_pre", "blocks.1.hook_resid_pre"]
    parts = ["blocks.1.hook_mlp_out", "blocks.1.hook_attn_out"]
    config["saes"] = {"family": about | {"sites": pre}, "parts": about | {"sites": parts}}
    for harvest in config["harvests"].values():
        harvest["hook_points"] = pre + parts
    config["dark_matter"]["error_saes"] = None
    plan = plan_of(config)
    assert [sae.site for sae in plan.circuit.values()] == pre + parts
    assert {sae.width for sae in plan.circuit.values()} == {512}
    assert "fig8" not in plan.missing
    assert "hook_resid_post" in plan.missing["fig3"]


def test_references_are_all_that_the_block_names(config):
    block = check(config)["dark_matter"]
    assert sorted(references(block)) == sorted(
        [
            *(("saes", "saes", group) for group in ("batchtopk", "layer0", "layers")),
            ("circuit", "saes", "circuit"),
            *(("judged", "saes", group) for group in ("topk", "jumprelu")),
            ("error_saes.harvest", "harvests", "train"),
            ("main.model", "models", "stdlib-gpt2"),
            *((f"contours.{name}", "models", "stdlib-gpt2") for name in ("fig2", "fig10", "fig11")),
        ]
    )


def test_what_a_block_leaves_out_is_no_reference(config):
    for key in ("judged", "circuit", "error_saes", "contours"):
        config["dark_matter"].pop(key)
    block = check(config)["dark_matter"]
    groups = ("batchtopk", "layer0", "layers")
    assert list(references(block)) == [
        *(("saes", "saes", group) for group in groups),
        ("main.model", "models", "stdlib-gpt2"),
    ]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("saes", "saes"),
        ("judged", "saes"),
        ("circuit", "saes"),
        ("error_saes.harvest", "harvests"),
        ("main.model", "models"),
        ("contours.fig2.model", "models"),
    ],
)
def test_a_name_that_is_not_there_is_an_error_that_says_where(config, path, kind):
    *parents, last = path.split(".")
    block = config["dark_matter"]
    for key in parents:
        block = block[key]
    if isinstance(block, list):
        (block,) = block
        path = path.removesuffix(f".{last}")
    block[last] = ["nothing"] if isinstance(block[last], list) else "nothing"
    with pytest.raises(AnatomyError, match=rf"dark_matter\.{path} names 'nothing', not in {kind}"):
        check(config)


@pytest.mark.parametrize(
    ("change", "exhibits_left_out", "reason"),
    [
        (
            lambda c: c["saes"]["batchtopk"].update(widths=[256, 512]),
            {"fig1", "fig9a"},
            "needs 3 widths",
        ),
        (lambda c: c["saes"]["batchtopk"].update(widths=[256]), {"fig4", "fig16"}, "two widths"),
        (
            lambda c: c["dark_matter"]["contours"].update(fig10=[]),
            {"fig10"},
            "contours.fig10 is not given",
        ),
        (
            lambda c: c["dark_matter"]["contours"].update(
                fig2=[{"model": "stdlib-gpt2", "site": "blocks.2.hook_mlp_out"}]
            ),
            {"fig2"},
            "no SAE at its sites",
        ),
        (lambda c: c["dark_matter"].pop("contours"), {"fig2", "fig10", "fig11"}, "is not given"),
        (lambda c: c["dark_matter"].pop("error_saes"), {"sec5_2", "fig7"}, "error_saes"),
        (lambda c: c["dark_matter"].pop("circuit"), {"fig9b"}, "blocks.2.hook_mlp_out"),
        (
            lambda c: c["dark_matter"].update(saes=["batchtopk"], contours={}),
            {"fig9b"},
            "blocks.1.hook_resid_post",
        ),
        (
            lambda c: c["dark_matter"].update(
                saes=["circuit"],
                main={"model": "stdlib-gpt2", "site": "blocks.2.hook_mlp_out"},
            ),
            {"fig8"},
            "not in the residual stream",
        ),
        (
            lambda c: c["dark_matter"].update(
                saes=["circuit"],
                main={"model": "stdlib-gpt2", "site": "blocks.2.hook_mlp_out"},
            ),
            {"fig3", "fig13"},
            "no SAE at a hook_resid_post",
        ),
    ],
)
def test_a_figure_that_cannot_be_is_left_out_with_its_reason(
    config, change, exhibits_left_out, reason
):
    change(config)
    missing = plan_of(config).missing
    assert exhibits_left_out <= missing.keys()
    for exhibit in exhibits_left_out:
        assert reason in missing[exhibit]
        assert not missing[exhibit].startswith("config: ")
    assert missing.keys() <= exhibits("dark_matter").keys()


def test_saes_trained_at_a_coefficient_take_part(config):
    """Their L0 is known when they are trained; it chooses only where there is a choice."""
    config["dark_matter"]["saes"] = ["jumprelu"]
    del config["saes"]["jumprelu"]["k"]
    config["saes"]["jumprelu"]["coefficients"] = [1.0]
    assert [sae.name for sae in plan_of(config).scaling] == ["jumprelu-w256-c1-s0"]
    config["dark_matter"]["saes"] = ["jumprelu", "batchtopk"]
    plan = plan_of(config)
    assert {sae.group for sae in plan.scaling} == {"batchtopk"}, "an L0 that is known comes first"


def test_no_sae_at_the_main_site(config):
    config["dark_matter"]["saes"] = ["layer0"]
    with pytest.raises(AnatomyError, match=r"no SAE of a known width at blocks\.2\.") as e:
        plan_of(config)
    assert "\n" not in str(e.value)


def test_saes_of_unknown_width_or_l0_play_no_role_but_are_judged(config):
    checked = check(config)
    unknown = Sae("released", "batchtopk", "local", "stdlib-gpt2", MAIN, "", None, None, 0, ())
    plan = dark_matter_plan(checked, [*catalogue(checked), unknown])
    assert unknown in plan.judged
    assert unknown in plan.main
    assert unknown not in [*plan.scaling, *plan.layers, *plan.circuit.values(), plan.reference]
