"""Numbers as they are written, and how a claim becomes a finding."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable
from workflow_scripts.anatomy.claims.measures import lowest
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED, positive
from workflow_scripts.anatomy.report.page.findings import (
    TOO_LITTLE,
    Finding,
    Said,
    as_rows,
    claim_of,
    estimate_in,
    extreme,
    judged,
    measurement_of,
    of_run,
    written,
)

CLAIM = Claim("it", "", "It is above 0.", "", lowest(["t"], "x"), positive())


def say(found):
    return Said(f"Yes {found.value:g}.", "No.", "Perhaps.", "And more.")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((0.03891, 0.0381, 0.0397), "0.03891 [0.03810, 0.03970]"),
        ((0.39, 0.31, 0.47), "0.390 [0.310, 0.470]"),
        ((0.39, 0.1, 0.7), "0.39 [0.10, 0.70]"),
        ((-0.05, -0.06, -0.04), "−0.050 [−0.060, −0.040]"),
        ((12345.6, 12000, 13000), "12,346 [12,000, 13,000]"),
        ((2.0,), "2.00"),
        ((0.0,), "0.00"),
        ((math.nan,), "–"),
        ((1.0, -math.inf, 3.0), "1.00 [−∞, 3.00]"),
        ((-0.0001, -1.0, 1.0), "0.0 [−1.0, 1.0]"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_allows(parts, text):
    assert written(Measurement(*parts)) == text


def test_a_unit_stands_beside_the_number_and_ends_are_in_order():
    assert written(Measurement(0.5, 0.25, 0.75), 100, "%") == "50 % [25, 75]"
    assert written(Measurement(0.5, 0.25, 0.75), -100, "%") == "−50 % [−75, −25]"


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6))
def test_what_is_written_lies_near_what_was_measured(value, half):
    text = written(Measurement(value, value - half, value + half))
    number = float(text.partition(" [")[0].replace(",", "").replace("−", "-"))
    assert abs(number - value) <= max(0.06 * half, 0.0006 * abs(value), 0.5 * (half >= 5))


@pytest.mark.parametrize(
    ("x", "verdict", "sentence"),
    [
        ((0.5, 0.4, 0.6), HOLDS, "Yes 0.5."),
        ((-0.5, -0.6, -0.4), FAILS, "No."),
        ((0.1, -0.1, 0.3), UNDECIDED, "Perhaps."),
    ],
)
def test_the_sentence_is_that_of_the_verdict(x, verdict, sentence):
    table = pd.DataFrame([dict(zip(("x", "x_lo", "x_hi"), x, strict=True))])
    found = judged(CLAIM, {"t": table}, say)
    assert (found.verdict, found.sentence) == (verdict, sentence)
    assert found.text == f"{sentence} And more." and found.point == CLAIM.statement


@pytest.mark.parametrize(
    "tables",
    [{}, {"t": pd.DataFrame({"x": []})}, {"t": pd.DataFrame({"x": [math.nan]})}],
    ids=["no table", "no rows", "no number"],
)
def test_too_little_data_is_a_verdict(tables):
    found = judged(CLAIM, tables, say)
    assert found.verdict == TOO_LITTLE and "too little" in found.sentence and found.more == ""
    assert math.isnan(measurement_of(CLAIM, tables).value)


def test_sentences_may_find_that_there_is_too_little():
    def none(found):
        raise NotTestable("why")

    found = judged(CLAIM, {"t": pd.DataFrame({"x": [1.0]})}, none)
    assert found.verdict == TOO_LITTLE and "why" in found.sentence


def test_a_finding_is_of_whatever_models_there_are():
    claim = Claim(
        "it", "", "It is.", "", Measure("x", lowest(["t"], "x").function), positive(), ("gpt2",)
    )
    table = pd.DataFrame({"x": [1.0], "model": ["another"]})
    assert judged(claim, {"t": table}, say).verdict == HOLDS


def test_an_unknown_claim_is_an_error():
    assert claim_of([CLAIM], "it") is CLAIM
    with pytest.raises(AnatomyError, match="no claim other"):
        claim_of([CLAIM], "other")


def test_cells_and_rows_of_tables():
    table = pd.DataFrame({"x": [2.0, math.nan, 1.0], "x_lo": [1.5, 0, 0], "x_hi": [2.5, 0, 0]})
    assert estimate_in(extreme(table, "x", True), "x") == Measurement(2.0, 1.5, 2.5)
    assert extreme(table, "x", False)["x"] == 1.0
    with pytest.raises(NotTestable):
        extreme(table.iloc[[1]], "x", True)
    assert math.isnan(estimate_in(pd.Series({"y": 1.0}), "y").lo)


def finding(sentence, verdict):
    return Finding("P.", verdict, sentence)


def test_the_run_has_three_sentences_one_of_each_paper_the_decided_first():
    found = [
        ("a", finding("a1.", HOLDS)),
        ("a", finding("a2.", FAILS)),
        ("b", finding("b1.", UNDECIDED)),
        ("c", finding("c1.", TOO_LITTLE)),
        ("d", finding("d1.", FAILS)),
        ("e", finding("e1.", HOLDS)),
    ]
    assert of_run(found) == ["a1.", "d1.", "e1."]
    assert of_run(found[:4]) == ["a1.", "a2.", "b1."]
    assert of_run(found[:2]) == ["a1.", "a2."]
    assert of_run([]) == []


def test_a_sentence_of_the_run_says_where_its_claim_has_another_verdict():
    headline = [("a", finding("a1.", HOLDS))]

    def beside(*every):
        return of_run(headline, [("a", "fig1", headline[0][1]), *every])

    assert beside(("a", "fig2", finding("a2.", HOLDS))) == ["a1."]
    assert beside(("a", "fig2", finding("a2.", TOO_LITTLE))) == ["a1."]
    assert beside(("b", "fig2", finding("b1.", FAILS))) == ["a1."]
    assert beside(("a", "fig2", Finding("Q.", FAILS, "a2."))) == ["a1."]
    (found,) = beside(
        ("a", "fig2", finding("a2.", UNDECIDED)),
        ("a", "fig3", finding("a3.", FAILS)),
        ("a", "fig4", finding("a4.", FAILS)),
    )
    assert found == (
        "a1; the claim it tests is undecided for the SAEs of fig2; the claim it tests does not hold "
        "for the SAEs of fig3 and fig4."
    )


def test_rows_of_json_name_their_exhibit():
    (row,) = as_rows([({"paper": "a", "name": "fig1"}, finding("It is.", HOLDS))])
    assert row == {
        **{"paper": "a", "exhibit": "fig1", "text": "It is.", "sentence": "It is."},
        **{"point": "P.", "verdict": HOLDS, "more": ""},
    }
