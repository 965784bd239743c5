"""A run is opened with the store of its own configuration, wherever that is."""

import json

import pytest

from workflow_scripts.anatomy.report.notebook.run import open_run


@pytest.fixture
def results(tmp_path):
    (tmp_path / "results" / "mine" / "tables").mkdir(parents=True)
    (tmp_path / "results" / "mine" / "audit").mkdir()
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "results"


def record(results, **config):
    (results / "mine" / "audit" / "config.json").write_text(json.dumps(config))


def test_a_store_elsewhere(results):
    record(results, run="mine", store="elsewhere")
    assert open_run(results / "mine").store == results.parent.resolve() / "elsewhere"
    record(results, run="mine", store=str(results.parent / "elsewhere"))
    assert open_run(results / "mine").store == results.parent / "elsewhere"


def test_its_own_record_goes_before_a_configuration_beside_it(results):
    (results.parent / "config.yaml").write_text("run: mine\nstore: results/other\n")
    (results / "other").mkdir()
    assert open_run(results / "mine").store.name == "other"
    record(results, run="mine", store="elsewhere")
    assert open_run(results / "mine").store.name == "elsewhere"


@pytest.mark.parametrize(
    "config",
    [{}, {"run": "mine"}, {"run": "yours", "store": "elsewhere"}, {"run": "mine", "store": "gone"}],
)
def test_else_it_is_beside_the_run(results, config):
    record(results, **config)
    assert open_run(results / "mine").store == results / "store"
