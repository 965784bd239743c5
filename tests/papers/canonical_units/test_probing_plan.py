"""Which SAEs are probed on which labelled sets, and why a run has no such figures."""

import copy
from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.papers.canonical_units.plan import plan
from workflow_scripts.papers.canonical_units.probing_plan import PROBED
from workflow_scripts.papers.registry import check

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def planned(**changes):
    """The default run, with other things in `canonical_units.probing`, or none."""
    config = copy.deepcopy(DEFAULT)
    block = config["canonical_units"]
    if changes.get("probing", True) is None:
        del block["probing"]
    else:
        block["probing"] |= changes
    config["labelled"] |= {"reviews": {"kind": "hf", "path": "somebody/reviews"}}
    config["labelled"] |= {"comment": {"kind": "hf", "path": "somebody/comments"}}
    checked = check(config)
    return plan(checked, catalogue(checked))


def test_the_default_run_probes_its_relu_saes_at_every_width():
    found = planned()
    assert [(sae.group, sae.width, name) for sae, name in found.probed] == [
        ("relu", width, "python") for width in (256, 512, 1024)
    ]
    assert not found.missing.keys() & set(PROBED)


def test_every_set_is_of_every_width_that_is_wanted():
    found = planned(sets=["reviews", "python"], widths=[1024, 256])
    assert [(name, sae.width) for sae, name in found.probed] == [
        (name, width) for name in ("reviews", "python") for width in (256, 1024)
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"probing": None}, "canonical_units.probing is not given"),
        ({"widths": [7]}, "canonical_units.probing has no SAE at blocks.2.hook_resid_post"),
        ({"site": "blocks.1.hook_resid_post"}, "has no SAE at blocks.1.hook_resid_post of stdlib"),
    ],
)
def test_what_cannot_be_probed_has_no_figures(changes, reason):
    found = planned(**changes)
    assert not found.probed
    assert all(reason in found.missing[exhibit] for exhibit in PROBED)


def test_a_name_that_is_not_there_is_an_error_at_once():
    with pytest.raises(AnatomyError, match=r"probing.sets names 'pyton', not in labelled; did you"):
        planned(sets=["pyton"])
    with pytest.raises(AnatomyError, match=r"probing.saes names 'rel', not in saes"):
        planned(saes=["rel"])


def test_two_data_sets_of_one_name_are_an_error():
    with pytest.raises(AnatomyError, match="two data sets comment, of labelled"):
        planned(sets=["python", "comment"])
