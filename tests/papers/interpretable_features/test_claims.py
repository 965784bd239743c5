"""What is particular to the claims about erasure: latents beside as many random directions."""

import numpy as np
import pandas as pd
import pytest

from tests.papers.interpretable_features.worlds import paper_world, ratios
from workflow_scripts.anatomy.base.draws import DRAWS
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, evaluate
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS
from workflow_scripts.papers.interpretable_features.claims import CLAIMS
from workflow_scripts.papers.interpretable_features.claims.erasure import fewest_latents
from workflow_scripts.papers.interpretable_features.figures import erasure

COUNTS = (1, 2, 4, 8)
# Half is reached with four.
SAE, RANDOM = (0.2, 0.4, 0.6, 0.9), (0.05, 0.1, 0.3, 1.0)


def removed(of_sae, of_random, counts=COUNTS, half=0.03):
    """What either removes at each number of directions, with an interval of `half` to either side."""
    rows = [
        {"method": method, "n_ablated": n, "strength": 1.0, "capability_lost": lost}
        | {"capability_lost_lo": lost - half, "capability_lost_hi": lost + half}
        for method, shares in (("sae", of_sae), ("random", of_random))
        for n, lost in zip(counts, shares, strict=False)
    ]
    return pd.DataFrame(rows)


def judged(table):
    claim = next(each for each in CLAIMS if each.id == "latents_carry_a_capability")
    return evaluate(claim, paper_world() | {"erasure": table}, seed=0)


def test_latents_are_compared_where_half_is_gone_first():
    found = judged(removed(SAE, RANDOM))
    assert fewest_latents(removed(SAE, RANDOM)) == 4
    assert found["measured"] == pytest.approx(0.6 - 0.3)
    # Of two numbers whose errors are taken for independent.
    reach = found["measured_hi"] - found["measured"], found["measured"] - found["measured_lo"]
    np.testing.assert_allclose(reach, np.hypot(0.03, 0.03))
    assert (found["verdict"], found["interval"]) == (HOLDS, "documents")
    assert "4 latents remove 0.6, as many random directions 0.3" in found["note"]


def test_latents_that_remove_no_more_than_random_directions_carry_nothing():
    """However much they remove, and although their largest number removes it all."""
    assert judged(removed((0.2, 0.4, 0.6, 1.0), (0.3, 0.5, 0.8, 1.0)))["verdict"] == FAILS
    assert judged(removed(SAE, SAE))["verdict"] == "undecided"


def test_other_numbers_of_directions_do_not_count():
    found = judged(removed(SAE, (0.9, 0.9, 0.3, 0.1)))
    assert found["measured"] == pytest.approx(0.3)


def test_errors_that_both_share_cancel_where_the_table_has_draws():
    table = removed(SAE, RANDOM)
    shared = np.random.default_rng(0).normal(0, 0.3, 100)
    draws = table["capability_lost"].to_numpy()[:, None] + shared
    found = judged(table.assign(**{f"capability_lost{DRAWS}": list(draws.astype(np.float32))}))
    assert found["measured_hi"] - found["measured_lo"] < 1e-6
    assert found["interval"] == "paired documents"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (removed((0.1, 0.2, 0.3, 0.45), RANDOM), "no number of latents removes half"),
        (removed(SAE, RANDOM[:2]), "table erasure has no row of 4 random directions"),
    ],
)
def test_without_half_or_random_directions_it_is_not_testable(table, reason):
    assert judged(table)["verdict"].startswith(f"{NOT_TESTABLE} ({reason}")


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            removed(SAE, RANDOM),
            "half of it takes 4 latents, which remove 30.0 points [25.8, 34.2] more than as many "
            "random directions.",
        ),
        (removed(SAE, RANDOM[:2]), "half of it takes 4 latents."),
        (removed((0.6,), (0.1,)), "half of it takes 1 latent, which"),
        (removed((0.1,), (0.1,)), "is removed, by no number of latents half of it."),
    ],
)
def test_the_finding_says_how_few_latents_are_enough(table, text):
    assert text in erasure.finding(table, ratios(-1.0)).more
