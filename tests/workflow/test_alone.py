"""A model, a text and an SAE: no paper is needed for what a run says of them."""

import json

import pandas as pd
import pytest

from tests.workflow.conftest import SITE

pytestmark = pytest.mark.workflow

PAPERS = ("dark_matter", "canonical_units", "pathological_errors", "interpretable_features")
OWN = ("summary", "densities", "decomposition", "losses", "effects", "loss_curves")
# What its card says of the model's predictions.
EFFECTS = ("celr_zero", "celr_mean", "ce_sae", "kl", "pathology", "pathology_errors")


def test_an_sae_alone_gives_the_tables_of_the_run(workflow):
    """A local SAE, and no block of any paper."""
    config = workflow.config
    sae = workflow.folder / "results/store/tiny" / SITE / "topk-w48-k3-s0/sae_lens"
    mine = {"kind": "local", "model": "tiny", "site": SITE, "path": str(sae)}
    config |= {"run": "alone", "saes": {"mine": mine}}
    for paper in PAPERS:
        del config[paper]
    workflow.configure(config)
    done = workflow.run()
    run = workflow.folder / "results/alone"
    tables = sorted(str(path.relative_to(run)) for path in run.glob("tables/**/*.csv"))
    assert tables == sorted(f"tables/overview/{name}.csv" for name in OWN)
    assert all((run / f"figures/overview/{name}.png").stat().st_size > 100 for name in OWN)
    assert not (run / "claims.csv").exists(), "no paper, no claims"
    assert "training_curves is left out: no SAE is trained" in done.stdout + done.stderr
    decomposition = pd.read_csv(run / "tables/overview/decomposition.csv")
    assert decomposition["sae"].tolist() == ["mine"]
    assert decomposition["fvu_nonlinear"][0] < decomposition["fvu"][0]
    (card,) = (run / "report/cards").glob("*.json")
    quantities = json.loads(card.read_text())["quantities"]
    assert all(quantities[key]["value"] is not None for key in EFFECTS)
    losses, effects = (pd.read_csv(run / f"tables/overview/{n}.csv") for n in ("losses", "effects"))
    assert quantities["celr_mean"]["value"] == losses["celr_mean"][0]
    assert quantities["pathology"]["value"] == effects["ratio"][0] > 0
    # What is stated of its L0 is corrected: nothing is computed anew but what tells of it.
    config["saes"]["mine"] = mine | {"l0": 40}
    workflow.configure(config)
    would = workflow.would_run()
    assert would["tabulate_overview_summary"] == would["write_cards"] == 1
    computed = ("import_sae", "reconstruct_activations", "decompose_error", "measure_losses")
    assert not {*computed, "measure_effects", "describe_latents"} & set(would)


@pytest.mark.parametrize("paper", ["dark_matter", "canonical_units"])
def test_one_paper_alone(workflow, paper):
    config = workflow.config
    others = set(PAPERS) - {paper}
    for other in others:
        del config[other]
    workflow.configure(config)
    rules = workflow.would_run()
    assert not any(rule.startswith(f"tabulate_{other}") for rule in rules for other in others)
    workflow.run("results/tiny/claims.csv")
    claims = pd.read_csv(workflow.folder / "results/tiny/claims.csv")
    assert set(claims["paper"]) == {paper}
