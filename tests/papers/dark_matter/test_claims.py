"""What claims of the dark-matter paper measure, beside what those of every paper must do."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from tests.papers.dark_matter.worlds import MODEL, paper_world, printed_world
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE
from workflow_scripts.anatomy.claims.page import page
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS
from workflow_scripts.anatomy.claims.verdicts import verdicts
from workflow_scripts.papers.dark_matter.claims import CLAIMS
from workflow_scripts.papers.dark_matter.measures.norm_theory import norm_prediction_table


def judged(tables):
    return verdicts("dark_matter", CLAIMS, tables, seed=0).set_index("claim")


def test_the_correlation_at_rate_one_holds_where_it_is_as_printed():
    assert judged(printed_world()).loc["poisson_norm_at_one", "verdict"] == HOLDS


def test_rows_of_other_models_do_not_count_for_claims_about_one():
    tables = paper_world()
    other = tables["fig2"].assign(model="stdlib-gpt2", norm_r2=0.1, norm_r2_lo=0.1, norm_r2_hi=0.1)
    tables["fig2"] = pd.concat([tables["fig2"], other])
    claims = judged(tables)
    assert claims.loc["norm_r2_lowest", "measured"] > 0.69
    assert claims.loc["norm_predictable", "measured"] == 0.1
    assert f"measured on {MODEL}" in claims.loc["norm_r2_lowest", "note"]
    # fig7 names no model, so with two models in the run it may be about either.
    reason = claims.loc["linear_latents_more_interpretable_by", "verdict"]
    assert "does not say which model" in reason


def test_numbers_that_are_not_there_decide_nothing():
    tables = paper_world()
    tables["fig4"]["r2"] = np.nan
    claims = judged(tables)
    assert claims.loc["error_norms_predict_larger", "verdict"].startswith(NOT_TESTABLE)


def test_the_papers_own_arithmetic_is_judged_and_put_right():
    table = norm_prediction_table([0.1, 0.3, 1.0, 3.0], features=16, samples=20_000, seed=0)
    claims = judged({"appendix_c1": table})
    assert claims.loc["bernoulli_norm_exact", "verdict"] == HOLDS
    wrong = (
        "poisson_norm_at_one",
        "poisson_norm_formula",
        "probe_is_least_squares",
        "mean_weight_probe",
    )
    assert (claims.loc[list(wrong), "verdict"] == FAILS).all()
    assert claims.loc["poisson_norm_at_one", "measured"] == pytest.approx(
        6 / math.sqrt(44), abs=0.01
    )
    note = claims.loc["poisson_norm_at_one", "note"]
    for number in (6 / math.sqrt(66), 6 / math.sqrt(44)):
        assert f"{number:.4f}" in note
    assert "1.0690" in claims.loc["poisson_norm_formula", "note"]
    assert "gives 2.5, the squared norm is 3" in claims.loc["bernoulli_norm_exact", "note"]


def test_the_page_shows_every_claim_under_its_verdict():
    tables = paper_world()
    del tables["fig8"]
    text = page(verdicts("dark_matter", CLAIMS, tables, seed=0))
    assert text.index("## Holds") < text.index("## Does not hold") < text.index("## Not testable")
    assert "## Undecided" not in text
    assert all(f"| dark_matter: {claim.id} |" in text for claim in CLAIMS)
    sections = re.split("^## ", text, flags=re.MULTILINE)
    assert "poisson_norm_at_one" in next(s for s in sections if s.startswith("Does not hold"))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {8}
