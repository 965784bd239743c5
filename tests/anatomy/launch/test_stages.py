"""The rule graph by stages, from a rule graph as Snakemake draws it."""

from workflow_scripts.anatomy.launch.stages import between, stages

GRAPH = """digraph snakemake_dag {
    0[label = "all", color = "0.00 0.6 0.85", style="rounded"];
    1[label = "tabulate_dark_matter_fig4", color = "0.56 0.6 0.85", style="rounded"];
    2[label = "decompose_error", color = "0.56 0.6 0.85", style="rounded"];
    3[label = "gather_site_moments", color = "0.63 0.6 0.85", style="rounded"];
    4[label = "reconstruct_activations", color = "0.63 0.6 0.85", style="rounded"];
    1 -> 0
    2 -> 1
    3 -> 2
    4 -> 2
    4 -> 3
}
"""


def test_every_named_rule_has_the_stage_of_its_file():
    found = stages()
    assert found["train_sae"] == "training"
    assert found["tabulate_canonical_units_fig6"] == "canonical_units"
    assert found["draw_figure"] == "figures"


def test_arrows_are_between_stages_and_each_is_there_once():
    stage_of = {
        "tabulate_dark_matter_fig4": "dark_matter",
        "decompose_error": "regressions",
        "gather_site_moments": "regressions",
        "reconstruct_activations": "reconstructions",
    }
    assert list(between(GRAPH, stage_of)) == [
        ("regressions", "dark_matter"),
        ("reconstructions", "regressions"),
    ]
