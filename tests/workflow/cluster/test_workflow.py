"""The workflow's own rules on the cluster: an SAE of the small model on a GPU, its table and figure in one job."""

import shutil

import pytest

from tests.workflow.cluster.runs import ENDED, end, here, set_up, start
from tests.workflow.conftest import SITE, Workflow, tiny_config

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("cluster")]

TARGET = "overview_training_curves"


def small_config() -> dict:
    """One SAE of the small model, no paper but the overview; the device is left to the cluster."""
    config = tiny_config()
    kept = ("run", "models", "datasets", "harvests", "analysis")
    small = {key: config[key] for key in kept} | {"device": "auto"}
    for harvest in small["harvests"].values():
        harvest["hook_points"] = [SITE]
    small["saes"] = {"main": config["saes"]["main"] | {"widths": [48], "k": [3]}}
    return small


@pytest.fixture(scope="module")
def made_here(tmp_path_factory) -> Workflow:
    """The target, made on this machine alone."""
    workflow = Workflow.create(tmp_path_factory.mktemp("small") / "workflow", small_config())
    said = workflow.run("--", TARGET, module="workflow_scripts.anatomy.launch.warm_start")
    assert "gpu=1" not in said.stdout + said.stderr, "on one machine nothing is asked for"
    return workflow


@pytest.mark.parametrize("profile", ["slurm", "cluster-generic"])
def test_an_sae_its_table_and_its_figure(made_here, tmp_path, profile):
    workflow = made_here.copy(tmp_path / "workflow")
    results = workflow.folder / "results"
    for path in [results / "store" / "tiny" / SITE, results / "tiny" / "tables"]:
        shutil.rmtree(path)
    set_up(workflow.folder / "profiles" / profile)
    run = start(workflow.folder, profile, "--", TARGET)
    said = end(run)
    assert run.returncode == 0, said
    assert workflow.tables() == made_here.tables(), "the same numbers as on one machine"
    ended = here(workflow.folder, ENDED)
    assert all(job["state"] == "COMPLETED" for job in ended)
    assert sorted((job["partition"], job["memory"]) for job in ended) == [
        ("cpu", "1000M"),
        ("gpu", "2524M"),
    ], "the SAE with a GPU, and one allocation for the table and its figure"
