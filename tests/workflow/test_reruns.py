"""Touch one thing, and exactly what hangs on it runs again."""

import pytest
import yaml

pytestmark = pytest.mark.workflow

LIBRARY = "workflow_scripts/anatomy"


# What tells of tables and figures in words: it follows whatever changes in them, or in the configuration.
TOLD = ("check_claims", "write_findings", "write_cards", "write_explorer", "write_report", "all")


def untold(would):
    """What would run again, without what tells of it."""
    return {rule: number for rule, number in would.items() if rule not in TOLD}


def test_a_finished_workflow_has_nothing_to_do(workflow):
    assert workflow.would_run() == {}


def test_a_comment_and_a_docstring_rerun_nothing(workflow):
    workflow.edit(
        f"{LIBRARY}/statistics/regression.py", "import torch\n", "import torch  # a comment\n"
    )
    workflow.edit(f"{LIBRARY}/statistics/regression.py", '"""A fitted map', '"""Some fitted map')
    workflow.edit("workflow_scripts/decompose_error.py", "begin(", "# a comment\nbegin(")
    assert workflow.would_run() == {}


def test_code_that_moves_and_a_function_that_is_renamed_rerun_nothing(workflow):
    """What lies in another room under another name is still the same."""
    rooms = workflow.folder / LIBRARY
    (rooms / "statistics/regression.py").rename(rooms / "statistics/least_squares.py")
    for path in (workflow.folder / "workflow_scripts").rglob("*.py"):
        text = path.read_text().replace("statistics.regression", "statistics.least_squares")
        path.write_text(text.replace("open_codes", "opened_codes"))
    assert workflow.would_run() == {}


def test_a_figures_drawing_function_reruns_that_figure(workflow):
    workflow.edit("workflow_scripts/papers/dark_matter/figures/fig4.py", '"viridis"', '"magma"')
    assert workflow.would_run() == {"draw_figure": 1, "write_report": 1, "all": 1}
    before = (workflow.folder / "results/tiny/figures/dark_matter/fig4.png").read_bytes()
    workflow.run()
    assert (workflow.folder / "results/tiny/figures/dark_matter/fig4.png").read_bytes() != before
    assert workflow.would_run() == {}


def test_the_fit_of_eq_13_reruns_what_it_fits(workflow):
    """Figures 4 and 16 and the baselines of figure 13 are the only ones that fit with it."""
    workflow.edit(
        f"{LIBRARY}/statistics/scalar_prediction.py",
        "return np.linalg.solve(",
        "return 1 * np.linalg.solve(",
    )
    would = workflow.would_run()
    assert would["check_claims"] == 1
    assert untold(would) == {
        "tabulate_dark_matter_fig4": 1,
        "tabulate_dark_matter_fig13": 1,
        "tabulate_dark_matter_fig16": 1,
        "draw_figure": 3,
    }


def test_eq_13_itself_reruns_fig4_alone(workflow):
    table = "workflow_scripts/papers/dark_matter/tables/fig4.py"
    workflow.edit(table, '("r2", ["small"])', '("r2", ["small"][:])')
    would = workflow.would_run()
    assert would["check_claims"] == 1
    assert untold(would) == {"tabulate_dark_matter_fig4": 1, "draw_figure": 1}


def test_one_more_sae_is_trained_and_analysed_alone(workflow):
    config = workflow.config
    config["saes"]["topk"]["widths"] = [48, 24]
    workflow.configure(config)
    would = workflow.would_run()
    stages = (
        "train_sae",
        "reconstruct_activations",
        "decompose_error",
        "measure_losses",
    )
    assert {name: would.get(name) for name in stages} == dict.fromkeys(stages, 1)
    untouched = (
        "train_language_model",
        "harvest_activations",
        "gather_site_moments",
        "pursue_activations",
    )
    assert not set(untouched) & set(would)
    assert "tabulate_dark_matter_fig6" in would
    workflow.run("canonical_units_table2")
    site = config["dark_matter"]["main"]["site"]
    log = workflow.folder / "results/tiny/logs/interventions/tiny" / site / "losses.log"
    assert log.read_text().count(": measured") == 1


def test_one_more_harvest_leaves_the_others(workflow):
    config = workflow.config
    config["harvests"]["more"] = config["harvests"]["train"] | {"contexts": 8}
    workflow.configure(config)
    assert untold(workflow.would_run()) == {}


def test_the_split_reruns_regressions_and_no_sae(workflow):
    config = workflow.config
    config["analysis"]["split"] = "paper"
    workflow.configure(config)
    would = workflow.would_run()
    assert "decompose_error" in would
    assert not {"train_sae", "reconstruct_activations", "harvest_activations"} & set(would)


def test_a_dask_cluster_makes_nothing_stale_and_gives_the_same_bytes(workflow):
    config = workflow.config
    config["analysis"]["dask"] = {"scheduler": "cluster"}
    workflow.configure(config)
    assert untold(workflow.would_run()) == {}
    run = workflow.folder / "results/tiny"
    scores = sorted(run.glob("regressions/**/codes/scores.csv"))[0]
    files = [scores, scores.with_name("maps.npz"), scores.parents[2] / "moments.npz"]
    before = [file.read_bytes() for file in files]
    target = str(scores.relative_to(workflow.folder))
    workflow.run("--forcerun", "gather_site_moments", "--", target)
    assert [file.read_bytes() for file in files] == before


def test_another_run_shares_the_stores(workflow):
    config = workflow.config
    config["run"] = "second"
    workflow.configure(config)
    would = workflow.would_run("dark_matter_fig4")
    assert would == {"tabulate_dark_matter_fig4": 1, "draw_figure": 1, "dark_matter_fig4": 1}


def test_another_configuration_replaces_the_default_one(workflow):
    """Snakemake would merge the two; nothing of the default may join."""
    config = workflow.config
    config["run"] = "preset"
    del config["saes"]["standard"]
    (workflow.folder / "preset.yaml").write_text(yaml.safe_dump(config))
    listed = workflow.run("--dry-run", "--configfile", "preset.yaml").stdout
    assert "results/preset/" in listed
    assert "standard-w48" not in listed
