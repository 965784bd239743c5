"""A model, a site or a width in a paper's block that is not there is an error, and nothing is left out."""

import copy
from pathlib import Path

import pytest
import yaml

from tests.campaign.mutated_configurations import campaign
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.papers.registry import check, plans

DEFAULT = yaml.safe_load((Path(__file__).parent / "example.yaml").read_text())


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (
            "canonical_units.main.model",
            "stdlib-gpt",
            r"canonical_units\.main\.model .* did you mean",
        ),
        (
            "canonical_units.second.site",
            "blocks.1.hook_resid_pots",
            r"units\.second\.site .* did you mean",
        ),
        ("canonical_units.main.widths", [256, 1000], r"main\.widths has 1000, .* 128, 256, 512"),
        ("canonical_units.comparison.width", 300, r"comparison\.width has 300"),
        (
            "dark_matter.main.site",
            "blocks.2.hook_resid_pots",
            r"dark_matter\.main\.site .* did you mean",
        ),
        ("seed", -1, r"seed: -1 is less than the minimum"),
        ("seed", 48.0, r"seed: 48\.0 is not of type 'integer'; write 48"),
        ("seed", float("nan"), r"seed: nan is not a finite number"),
        ("run", "a\n", r"run: 'a\\n' does not match"),
        ("run", "x" * 300, r"run: .* is too long"),
        ("run", "store", r"results/store is the store"),
    ],
)
def test_what_is_not_there(keys, value, message):
    config = copy.deepcopy(DEFAULT)
    *above, last = keys.split(".")
    block = config
    for key in above:
        block = block[key]
    block[last] = value
    with pytest.raises(AnatomyError, match=message):
        checked = check(config)
        plans(checked, catalogue(checked))


def test_a_contour_without_saes_at_a_site_that_is_there_is_left_out():
    config = copy.deepcopy(DEFAULT)
    place = {"model": "stdlib-gpt2", "site": "blocks.2.hook_mlp_out"}
    config["dark_matter"]["contours"]["fig2"] = [place]
    checked = check(config)
    assert "fig2" in plans(checked, catalogue(checked))["dark_matter"].missing


def test_a_sparsity_of_a_million_has_a_name():
    config = copy.deepcopy(DEFAULT)
    del config["saes"]["jumprelu"]["k"]
    config["saes"]["jumprelu"]["coefficients"] = [1000000.0, 0.1234567, 0.12345678]
    names = [sae.name for sae in catalogue(check(config)) if sae.group == "jumprelu"]
    assert names[0] == "jumprelu-w256-c1000000-s0" and len(set(names)) == 3


def test_mistakes_at_random_are_named(tmp_path):
    _, failures = campaign(25, 1, tmp_path)
    assert not failures
