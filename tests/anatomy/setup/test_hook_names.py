"""hook_resid_mid is refused once, wherever it is named: in a block, in an SAE's metadata, in a release."""

import copy
from pathlib import Path

import pytest
import yaml

from tests.anatomy.setup.saved_saes import save_sae
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.papers import registry

MIDDLE = "blocks.1.hook_resid_mid"
EXAMPLE = Path(__file__).parents[2] / "papers" / "example.yaml"
REFUSED = "hook_resid_mid, the residual stream between attention and MLP, is no hook point here"


@pytest.fixture
def config():
    return copy.deepcopy(yaml.safe_load(EXAMPLE.read_text()))


def planned(config):
    checked = registry.check(config)
    return registry.plans(checked, catalogue(checked))


def test_in_a_harvest(config):
    heldout = config["harvests"]["heldout"]
    heldout["hook_points"] = [*heldout["hook_points"], MIDDLE]
    with pytest.raises(AnatomyError, match=rf"config: harvests\.heldout\.hook_points: .*{REFUSED}"):
        planned(config)


def test_at_a_papers_site(config):
    config["dark_matter"]["main"]["site"] = MIDDLE
    with pytest.raises(AnatomyError, match=rf"config: dark_matter\.main\.site: .*{REFUSED}"):
        planned(config)


@pytest.mark.parametrize("own", [{}, {"site": MIDDLE}])
def test_of_an_sae(config, tmp_path, own):
    about = {"hook_name": MIDDLE, "model_name": "stdlib-gpt2"}
    folder = save_sae(tmp_path / "sae", metadata=about)
    config["saes"]["mine"] = {"kind": "local", "path": str(folder)} | own
    with pytest.raises(AnatomyError, match=rf"config: saes\.mine.*{REFUSED}"):
        planned(config)


def release(name, ident):
    about = {"kind": "pretrained", "release": name, "ids": [ident], "model": "stdlib-gpt2"}
    return {"mine": about}


def test_of_a_release(config):
    config["saes"] |= release("gpt2-small-resid-mid-v5-32k", MIDDLE)
    with pytest.raises(AnatomyError, match=rf"config: saes\.mine\.ids: .*{REFUSED}"):
        planned(config)


def test_a_release_at_a_site_that_no_harvest_holds(config):
    config["saes"] |= release("gpt2-small-res-jb", "blocks.8.hook_resid_pre")
    with pytest.raises(
        AnatomyError, match=r"saes\.mine\.ids: .* is at blocks\.8\.hook_resid_pre, which"
    ):
        planned(config)
