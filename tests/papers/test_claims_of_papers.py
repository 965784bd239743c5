"""What every claim of every paper must do, on tables that say what the paper says and on others."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

from tests.papers.canonical_units import worlds as canonical_units
from tests.papers.canonical_units.contradictions import CONTRADICTIONS as OF_CANONICAL_UNITS
from tests.papers.dark_matter import worlds as dark_matter
from tests.papers.dark_matter.contradictions import CONTRADICTIONS as OF_DARK_MATTER
from tests.papers.dark_matter.worlds import widened
from tests.papers.interpretable_features import worlds as interpretable_features
from tests.papers.interpretable_features.contradictions import CONTRADICTIONS as OF_FEATURES
from tests.papers.pathological_errors import worlds as pathological_errors
from tests.papers.pathological_errors.contradictions import CONTRADICTIONS as OF_ERRORS
from tests.running import run_script
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, evaluate
from workflow_scripts.anatomy.claims.page import page
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED
from workflow_scripts.anatomy.claims.verdicts import verdicts as verdicts_of
from workflow_scripts.papers.canonical_units.claims import CLAIMS as CANONICAL_UNITS
from workflow_scripts.papers.dark_matter.claims import CLAIMS as DARK_MATTER
from workflow_scripts.papers.interpretable_features.claims import CLAIMS as FEATURES
from workflow_scripts.papers.pathological_errors.claims import CLAIMS as ERRORS

CLAIMS = {"dark_matter": DARK_MATTER, "canonical_units": CANONICAL_UNITS}
WORLDS = {"dark_matter": dark_matter, "canonical_units": canonical_units}
CONTRADICTIONS = {"dark_matter": OF_DARK_MATTER, "canonical_units": OF_CANONICAL_UNITS}
CLAIMS["interpretable_features"] = FEATURES
WORLDS["interpretable_features"] = interpretable_features
CONTRADICTIONS["interpretable_features"] = OF_FEATURES
CLAIMS["pathological_errors"] = ERRORS
WORLDS["pathological_errors"] = pathological_errors
CONTRADICTIONS["pathological_errors"] = OF_ERRORS
# The paper's own formula denies it.
DENIED = ("dark_matter", "poisson_norm_at_one")
# Intervals that come from the spread of rows and not from columns of the tables.
MADE_HERE = {
    "dark_matter": ("", "SAEs", "seeds", "blocks of ten tokens", "latents, as if independent"),
    "canonical_units": (
        "",
        "seeds",
        *(f"{of}, as if independent" for of in ("latents", "swaps", "components")),
    ),
}
MADE_HERE["interpretable_features"] = ("",)
MADE_HERE["pathological_errors"] = ("", "tokens, as if independent", "documents of the tokens")
# Measures over several contour figures make do with those that there are.
CONTOURS = {("dark_matter", name) for name in ("fig2", "fig3", "fig10", "fig11")}

every_paper = pytest.mark.parametrize("paper", CLAIMS)
every_claim = pytest.mark.parametrize(
    ("paper", "claim"), [(paper, claim.id) for paper in CLAIMS for claim in CLAIMS[paper]]
)


def verdicts(paper, tables, seed):
    return verdicts_of(paper, CLAIMS[paper], tables, seed)


def tables_of(paper, world="paper"):
    if world == "wide":
        return widened(tables_of(paper))
    return getattr(WORLDS[paper], f"{world}_world")()


@cache
def judged(paper, world="paper"):
    return verdicts(paper, tables_of(paper, world), seed=0).set_index("claim")


def readers(paper, table):
    """The claims that read a table."""
    read = judged(paper)["tables"]
    return [claim for claim in CLAIMS[paper] if table in read[claim.id].split()]


@pytest.mark.parametrize(
    ("paper", "least"),
    [
        *(("dark_matter", 40), ("canonical_units", 80)),
        *(("interpretable_features", 10), ("pathological_errors", 40)),
    ],
)
def test_claims_are_many_and_complete(paper, least):
    claims = CLAIMS[paper]
    assert len(claims) >= least
    assert len({claim.id for claim in claims}) == len(claims)
    for claim in claims:
        assert re.search(r"Section|Abstract|Appendix|Introduction", claim.where), claim.id
        assert claim.statement.endswith("."), claim.id
        assert claim.paper_value, claim.id
        assert re.fullmatch(r"[a-z0-9_]+", claim.id)


@every_claim
def test_every_claim_holds_where_the_tables_say_what_the_paper_says(paper, claim):
    row = judged(paper).loc[claim]
    assert row["verdict"] == (FAILS if (paper, claim) == DENIED else HOLDS), row.to_dict()


@every_claim
def test_every_claim_fails_where_the_tables_say_otherwise(paper, claim):
    rows = [judged(paper, world).loc[claim] for world in ("opposite", "excessive")]
    assert FAILS in [row["verdict"] for row in rows], [row.to_dict() for row in rows]


@every_paper
def test_every_claim_has_a_world_that_contradicts_it(paper):
    assert set(CONTRADICTIONS[paper]) == {claim.id for claim in CLAIMS[paper]}


@pytest.mark.parametrize(
    ("paper", "claim"), [(paper, claim) for paper in CLAIMS for claim in CONTRADICTIONS[paper]]
)
def test_a_claim_fails_where_nothing_but_what_it_says_is_otherwise(paper, claim):
    """Everything else is as the paper says, and what is otherwise is so by little."""
    world = tables_of(paper)
    judge = next(known for known in CLAIMS[paper] if known.id == claim)
    changes = CONTRADICTIONS[paper][claim]
    for change in changes if isinstance(changes, tuple) else (changes,):
        tables = change(world)
        changed = {name for name, table in tables.items() if table is not world[name]}
        assert changed and changed <= set(judged(paper).loc[claim, "tables"].split())
        found = evaluate(judge, tables, seed=0)
        assert found["verdict"] == FAILS, found


@every_claim
def test_a_verdict_comes_from_tables_that_its_rule_names(paper, claim):
    row = judged(paper).loc[claim]
    assert row["tables"]
    for table in row["tables"].split():
        assert re.search(rf"\b{table}(_fit)?\b", row["rule"]), table


@every_paper
def test_every_table_of_the_paper_has_its_claims(paper):
    read = set(" ".join(judged(paper)["tables"]).split())
    assert read == set(tables_of(paper))


@every_claim
def test_wide_intervals_leave_a_claim_undecided(paper, claim):
    """Where a measure has an interval, it is used: blown up, it takes the decision away."""
    before, after = judged(paper).loc[claim], judged(paper, "wide").loc[claim]
    expected = before["verdict"] if before["interval"] in MADE_HERE[paper] else UNDECIDED
    assert after["verdict"] == expected


@every_paper
def test_without_tables_nothing_is_testable(paper):
    found = verdicts(paper, {}, seed=0)
    assert found["verdict"].str.startswith(NOT_TESTABLE).all()
    assert found["measured"].isna().all()
    directional = found[~found["verdict"].str.contains("(needs ", regex=False)]
    assert directional["verdict"].str.contains("is not in this run").all()


@pytest.mark.parametrize(
    ("paper", "name"), [(paper, name) for paper in CLAIMS for name in sorted(tables_of(paper))]
)
def test_a_missing_table_is_named(paper, name):
    tables = tables_of(paper)
    del tables[name]
    found = {evaluate(claim, tables, seed=0)["verdict"] for claim in readers(paper, name)}
    missing = f"{NOT_TESTABLE} (table {name} is not in this run)"
    assert found == {missing} or (paper, name) in CONTOURS
    assert missing in found or ((paper, name) in CONTOURS and name in ("fig10", "fig11"))


@every_paper
def test_claims_about_other_models_need_their_preset(paper):
    tables = {
        name: table.assign(model="stdlib-gpt2") if "model" in table else table
        for name, table in tables_of(paper).items()
    }
    found = verdicts(paper, tables, seed=0).set_index("claim")["verdict"]
    for claim in CLAIMS[paper]:
        expected = judged(paper).loc[claim.id, "verdict"]
        if claim.models:
            needed = f"needs {' or '.join(claim.models)}"
            presets = f"preset{'s' * (len(claim.models) > 1)} {', '.join(claim.models)}"
            expected = f"{NOT_TESTABLE} ({needed}; {presets})"
        assert found[claim.id] == expected, claim.id


@pytest.mark.parametrize(
    ("paper", "table", "column", "claim"),
    [
        ("dark_matter", "fig4", "c", "larger_errors_smaller"),
        ("canonical_units", "fig17", "delta_l0", ""),
    ],
)
def test_a_column_that_is_not_there_is_an_error_that_names_it(paper, table, column, claim):
    tables = tables_of(paper)
    tables[table] = tables[table].drop(columns=column)
    with pytest.raises(AnatomyError, match=f"{claim}: no column '{column}' in table {table}"):
        verdicts(paper, tables, seed=0)


@every_paper
@pytest.mark.parametrize("rows", [1, 2, 3, 5])
@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:invalid value", "ignore:divide by")
def test_a_run_with_very_little_in_it_still_gets_its_verdicts(paper, rows):
    generator = np.random.default_rng(rows)
    tables = {
        name: table.sample(min(rows, len(table)), random_state=generator).sort_index()
        for name, table in tables_of(paper).items()
    }
    found = verdicts(paper, tables, seed=0)["verdict"]
    decided = found.isin([HOLDS, FAILS, UNDECIDED])
    assert found[~decided].str.startswith(NOT_TESTABLE).all()
    assert not decided.all()


@every_paper
def test_the_same_tables_give_the_same_verdicts(paper):
    again = verdicts(paper, tables_of(paper), seed=0).set_index("claim")
    pd.testing.assert_frame_equal(again, judged(paper))


@every_paper
def test_the_page_shows_every_claim(paper):
    text = page(verdicts(paper, tables_of(paper), seed=0))
    assert all(f"| {paper}: {claim.id} |" in text for claim in CLAIMS[paper])


@pytest.mark.parametrize(
    ("paper", "papers"), [("dark_matter", ["dark_matter"]), ("canonical_units", list(CLAIMS))]
)
def test_the_script_writes_the_table_and_the_page(tmp_path, paper, papers):
    """And a paper of which the run has no tables has its claims listed all the same."""
    inputs = [tmp_path / "tables" / paper / f"{name}.csv" for name in tables_of(paper)]
    for path, table in zip(inputs, tables_of(paper).values(), strict=True):
        write_table(path, table)
    output = {"table": tmp_path / "claims.csv", "page": tmp_path / "claims.md"}
    run_script(
        "check_claims",
        tmp_path / "claims.log",
        input={"tables": [str(path) for path in inputs], "draws": []},
        output=output,
        params={"papers": papers, "seed": 0},
    )
    found = read_table(output["table"])
    wanted = ["claim", "paper", "where", "statement", "paper_value", "measured"]
    wanted += ["measured_lo", "measured_hi", "rule", "verdict", "note"]
    assert list(found)[: len(wanted)] == wanted
    assert found["claim"].tolist() == [claim.id for each in papers for claim in CLAIMS[each]]
    for each, rows in found.groupby("paper"):
        verdict = rows.set_index("claim")["verdict"]
        assert len(verdict) == len(CLAIMS[each])
        if each == paper:
            assert verdict.equals(judged(paper)["verdict"])
        else:
            assert verdict.str.startswith(NOT_TESTABLE).all()
    assert output["page"].read_text().startswith("# Claims")
