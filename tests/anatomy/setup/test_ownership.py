"""Two runs that mean different things by one name do not overwrite each other."""

import copy
from pathlib import Path

import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.ownership import check_owners, contents, record_owner


@pytest.fixture
def config(tmp_path):
    return {
        "run": "first",
        "store": str(tmp_path / "store"),
        "seed": 0,
        "datasets": {"text": {"kind": "text_files", "paths": ["a"]}},
        "models": {
            "small": {"kind": "train", "dataset": "text", "config": {"n_embd": 8}},
            "hub": {"kind": "hf", "path": "org/name", "revision": None},
        },
        "harvests": {
            "train": {"model": "small", "dataset": "text", "contexts": 4},
            "of_hub": {"model": "hub", "dataset": "text", "contexts": 4},
        },
    }


def made(config):
    """A run has started, and has made all of it."""
    record_owner(config)
    for place in contents(config):
        (Path(config["store"]) / place).mkdir(parents=True, exist_ok=True)


def other(config, run="second", **changes):
    return copy.deepcopy(config) | {"run": run} | changes


def test_a_run_may_change_its_own_configuration(config):
    made(config)
    check_owners(config | {"seed": 3})


def test_runs_share_what_they_mean_alike(config):
    made(config)
    second = other(config)
    check_owners(second)
    record_owner(second)
    check_owners(config)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c.update(seed=1), "models.small"),
        (lambda c: c["models"]["small"]["config"].update(n_embd=9), "models.small"),
        (lambda c: c["models"]["hub"].update(revision="abc"), "models.hub"),
        (lambda c: c["harvests"]["train"].update(contexts=5), "harvests.train"),
        (lambda c: c["datasets"]["text"].update(paths=["b"]), "datasets.text"),
    ],
)
def test_another_run_does_not_replace_it(config, change, named):
    made(config)
    second = other(config)
    change(second)
    with pytest.raises(AnatomyError, match=rf"{named}: .* made by the run first.*second"):
        check_owners(second)
    check_owners(second | {"store": config["store"] + "-2"})


def test_the_seed_of_a_run_is_nothing_to_a_model_that_is_taken(config):
    del config["models"]["small"], config["harvests"]["train"]
    made(config)
    check_owners(other(config, seed=5))


def test_what_was_deleted_or_never_made_belongs_to_nobody(config):
    record_owner(config)
    check_owners(other(config, seed=1))


def test_a_record_that_is_not_whole_is_named(config, tmp_path):
    made(config)
    (tmp_path / "store" / "made_by.json").write_text('{"a"')
    with pytest.raises(AnatomyError, match=r"made_by\.json cannot be read"):
        check_owners(config)
