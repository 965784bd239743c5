"""Claims about single tokens whose errors were drawn many times: their intervals are over documents."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.papers.pathological_errors.worlds import paper_world, where
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, evaluate
from workflow_scripts.anatomy.claims.rule import HOLDS, UNDECIDED
from workflow_scripts.papers.pathological_errors.claims import CLAIMS

SHARES = {
    "many_around_the_expectation": lambda z: np.abs(z) <= 2,
    "many_very_bad": lambda z: z > 5,
    "comment_always_on_the_tail": lambda z: z > 2,
}
SPREAD = "comment_random_errors_alike"
OVER = "documents of the tokens"


def judged(claim, table):
    judge = next(each for each in CLAIMS if each.id == claim)
    return evaluate(judge, paper_world() | {"pathology": table}, seed=0)


def tokens(documents=12, seed=0, alike=3.0):
    """Tokens of documents of several lengths, with what those of a document have in common `alike` times as large."""
    generator = np.random.default_rng(seed)
    unit = np.repeat(np.arange(documents), generator.integers(1, 14, documents))
    own = generator.normal(size=documents)[unit] * alike
    z = 3 + own + generator.normal(size=len(unit))
    spread = 0.4 + 0.05 * (own + generator.normal(size=len(unit)))
    columns = {"unit": unit, "z": z, "kl_mean": 0.01, "kl_sd": 0.01 * spread.clip(0.05)}
    return pd.DataFrame(where(8) | columns)


def by_hand(values, unit, draws=4000):
    """Ends of the mean over tokens when documents are drawn with replacement, one by one."""
    generator = np.random.default_rng(7)
    of = [values[unit == each] for each in np.unique(unit)]
    found = [
        np.concatenate([of[at] for at in generator.integers(len(of), size=len(of))]).mean()
        for _ in range(draws)
    ]
    return np.quantile(found, (0.025, 0.975))


def quantities(table):
    z = table["z"].to_numpy()
    found = {claim: of(z).astype(float) for claim, of in SHARES.items()}
    return found | {SPREAD: (table["kl_sd"] / table["kl_mean"]).to_numpy()}


@pytest.mark.parametrize("claim", [*SHARES, SPREAD])
def test_intervals_are_over_the_documents_of_the_tokens(claim):
    table = tokens()
    values = quantities(table)[claim]
    found = judged(claim, table)
    assert found["measured"] == pytest.approx(values.mean())
    assert found["interval"] == OVER
    low, high = by_hand(values, table["unit"].to_numpy())
    ends = found["measured_lo"], found["measured_hi"]
    np.testing.assert_allclose(ends, (low, high), atol=0.1 * (high - low))
    # As tokens of a document are alike, they leave more open than as many independent ones.
    independent = 2 * 1.96 * values.std() / len(values) ** 0.5
    assert high - low > 1.3 * independent


def test_many_tokens_of_few_documents_do_not_decide():
    """Three fifths of 120 tokens of five documents, each on one side as a whole."""
    table = tokens().iloc[[0] * 120].assign(unit=np.arange(120) % 5)
    apart = table.assign(z=np.where(np.arange(120) % 5 < 3, 9.0, 0.0), unit=np.arange(120))
    assert judged("comment_always_on_the_tail", apart)["verdict"] == HOLDS
    together = apart.assign(unit=np.arange(120) % 5)
    assert judged("comment_always_on_the_tail", together)["verdict"] == UNDECIDED


@pytest.mark.parametrize("z", [9.0, 0.0])
def test_a_share_of_none_or_all_has_the_exact_interval_of_its_tokens(z):
    table = tokens().assign(z=z)
    found = judged("many_very_bad", table)
    n, hits = len(table), int(z > 5) * len(table)
    exact = stats.binomtest(hits, n).proportion_ci(0.95)
    np.testing.assert_allclose([found["measured_lo"], found["measured_hi"]], exact)


def test_tokens_without_a_z_do_not_count():
    table = tokens()
    table.loc[::3, "z"] = np.nan
    kept = table.dropna(subset=["z"])
    for claim in SHARES:
        of_all, of_kept = judged(claim, table), judged(claim, kept)
        ends = ("measured", "measured_lo", "measured_hi")
        assert [of_all[end] for end in ends] == [of_kept[end] for end in ends]


@pytest.mark.parametrize("claim", [*SHARES, SPREAD])
def test_one_document_tells_nothing_about_others(claim):
    verdict = judged(claim, tokens().assign(unit=3))["verdict"]
    assert verdict == f"{NOT_TESTABLE} (tokens of a single document tell nothing about others)"
