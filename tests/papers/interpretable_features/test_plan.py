"""Which SAE is compared with other directions, and what a configuration cannot have."""

import pandas as pd
import pytest
import yaml

from tests.papers.test_configuration import DEFAULT, ROOT
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.papers.interpretable_features.tables import autointerp
from workflow_scripts.papers.registry import check, plans

BLOCK = {
    "main": {"model": "stdlib-gpt2", "site": "blocks.2.hook_resid_post"},
    "saes": ["batchtopk"],
    "width": 500,
    "target_l0": 10,
}


def planned(**changes):
    config = check(DEFAULT | {"interpretable_features": BLOCK | changes})
    return plans(config, catalogue(config))["interpretable_features"]


def test_the_nearest_sae_is_compared_and_all_of_its_site_are_shown():
    plan = planned()
    assert plan.main.name == "batchtopk-w512-k12-s0"
    assert {sae.site for sae in plan.family} == {BLOCK["main"]["site"]}
    assert {"topk", "jumprelu", "batchtopk"} <= {sae.group for sae in plan.family}
    assert plan.missing == {"erasure": "interpretable_features.erasure is not given"}
    assert planned(erasure={"groups": [["self"]]}).missing == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"saes": ["batchtop"]}, r"interpretable_features\.saes names 'batchtop'.* did you mean"),
        ({"saes": ["layer0"]}, r"no SAE of a known width .* interpretable_features\.saes"),
        (
            {"main": {"model": "stdlib-gpt2", "site": "blocks.2.hook_resid_pre"}},
            r"interpretable_features\.main\.site is at .*hook_points lacks",
        ),
        ({"erasure": {"group": []}}, r"erasure\.group; did you mean groups\?"),
        ({"erasure": {}}, r"erasure\.groups is missing"),
    ],
)
def test_what_is_not_there_is_an_error(changes, message):
    with pytest.raises(AnatomyError, match=message):
        planned(**changes)


def test_the_paper_is_optional():
    config = check(
        {name: part for name, part in DEFAULT.items() if name != "interpretable_features"}
    )
    assert "interpretable_features" not in plans(config, catalogue(config))


def test_the_default_run_has_every_exhibit():
    config = check(yaml.safe_load((ROOT / "config.yaml").read_text()))
    plan = plans(config, catalogue(config))["interpretable_features"]
    assert plan.missing == {} and plan.main.architecture == "standard"


def test_means_of_scores_leave_out_what_could_not_be_judged(tmp_path, monkeypatch):
    from types import SimpleNamespace

    about = {"model": "m", "site": "s", "name": "a", "architecture": "topk", "width": 4}
    about |= {"nominal_l0": 2, "seed": 0}
    monkeypatch.setattr(autointerp, "description", lambda _: {"metadata": about})
    summary = {"l0": 2.0, "dead_latents": 0}
    monkeypatch.setattr(autointerp, "open_codes", lambda _: SimpleNamespace(summary=summary))
    scores = {"sae": [0.9, 0.7, None, 0.8], "pca": [0.6, 0.5, 0.7, 0.6]}
    paths = []
    for method, values in scores.items():
        paths.append(tmp_path / f"{method}.csv")
        rows = {"method": method, "direction": range(4), "score": values, "n": 9, "misses": ""}
        write_table(paths[-1], pd.DataFrame(rows))
    tables = autointerp.tabulate(
        SimpleNamespace(scores=paths, sae="", codes=""), SimpleNamespace(bootstrap=400, seed=0)
    )
    means = tables["means"].set_index("method")
    assert len(tables["table"]) == 8 and tables["table"]["sae"].unique().tolist() == ["a"]
    assert means["directions"].to_dict() == {"sae": 3, "pca": 4}
    assert means.loc["sae", "score"] == pytest.approx(0.8)
    assert means.loc["pca", "advantage"] == pytest.approx(0.2)
    assert pd.isna(means.loc["sae", "advantage"])
    # The standard errors of both means, by hand: 0.047 and 0.035, of resamples of 3 and of 4.
    half = (means.loc["pca", "advantage_hi"] - means.loc["pca", "advantage_lo"]) / 2
    assert half == pytest.approx(1.96 * (0.0471**2 + 0.0354**2) ** 0.5, rel=0.2)
