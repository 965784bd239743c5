"""A short configuration with a value of another kind: its key is named, wherever completing it fails."""

import random

import pytest
import yaml

from tests.anatomy.setup.saved_saes import save_model, save_sae
from tests.campaign.mutated_configurations import KINDS, at, places
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers import registry


@pytest.fixture
def short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "gpt2")
    save_sae(tmp_path / "sae")
    (tmp_path / "a.txt").write_text("word " * 9000)
    text = """
        run: mine
        models: {gpt2: {kind: hf, path: gpt2, dtype: float32}}
        datasets: {prose: {kind: text_files, paths: [a.txt], validation_fraction: 0.2}}
        harvests:
          h: {model: gpt2, dataset: prose, split: train, contexts: 20, context_length: 64,
              hook_points: [blocks.3.hook_resid_post], min_position: 8}
        analysis: {bootstrap: 100}
        saes: {mine: {kind: local, path: sae, model: gpt2, site: blocks.3.hook_resid_post, l0: 3,
                      despite_metadata: [model]}}
    """
    return yaml.safe_load(text)


def shorter(config):
    """Configurations that leave more and more out."""
    yield config
    yield {key: value for key, value in config.items() if key not in ("harvests", "analysis")}
    yield {key: value for key, value in config.items() if key in ("datasets", "saes", "models")}


def test_the_short_ones_are_right(short):
    for config in shorter(short):
        assert registry.check(config)["analysis"]["harvests"]


@pytest.mark.parametrize("wrong", [[[1]], {"a": 1}, 7])
def test_a_value_of_another_kind_is_a_sentence(short, wrong):
    for config in shorter(short):
        for path in places(config):
            changed = yaml.safe_load(yaml.safe_dump(config))
            at(changed, path[:-1])[path[-1]] = wrong
            try:
                registry.check(changed)
            except AnatomyError as error:
                assert "\n" not in str(error)


def test_mistakes_of_every_kind(short):
    rng = random.Random(0)
    for _ in range(80):
        changed = yaml.safe_load(yaml.safe_dump(rng.choice(list(shorter(short)))))
        path = rng.choice(list(places(changed)))
        above = at(changed, path[:-1])
        rng.choice(list(KINDS.values()))(above, path[-1], above[path[-1]], rng)
        try:
            registry.check(changed)
        except AnatomyError as error:
            assert "\n" not in str(error)
