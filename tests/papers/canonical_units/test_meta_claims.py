"""Claims about meta-SAEs where what they claim is false, and what their intervals cover."""

import numpy as np
import pytest
from scipy import stats

from tests.papers.canonical_units import explanations_worlds, meta_worlds
from tests.papers.changes import all_of, curve, every, moved, replaced
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, Measurement, evaluate
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED
from workflow_scripts.papers.canonical_units.claims import CLAIMS
from workflow_scripts.papers.canonical_units.claims.over_seeds import over_seeds
from workflow_scripts.papers.canonical_units.meta.plan import SAME_DIRECTIONS

FINAL = "meta_sae_final"
GIVEN = f"{NOT_TESTABLE} (the L0 of these meta-SAEs is set on the very directions"


def judged(claim, change=None, world=meta_worlds):
    tables = world.paper_world() if change is None else change(world.paper_world())
    return evaluate(next(known for known in CLAIMS if known.id == claim), tables, seed=0)


def by_seed(table, column, off, **where):
    """The second seed has something more in these rows."""
    return curve(
        table, column, lambda rows: rows[column] + off * (rows["seed"] == 1).to_numpy(), **where
    )


def test_any_latents_of_a_smaller_sae_do_not_pass_for_the_nearest_ones():
    """They beat random directions of any kind, isotropic ones by far, without any resemblance."""
    tables = meta_worlds.paper_world() | {"fig23": meta_worlds.replacements(0.55, 0.5, 0.52, 0.2)}
    assert judged("larger_saes_composed_of_smaller", lambda _: tables)["verdict"] == HOLDS
    assert judged("replaced_directions_lose_little", lambda _: tables)["verdict"] == HOLDS
    assert judged("resemblance_matters", lambda _: tables)["verdict"] == FAILS


def test_isotropic_directions_are_not_the_floor():
    """Directions with the covariance of the latents and nothing else are no decomposition."""
    tables = meta_worlds.paper_world() | {"fig23": meta_worlds.replacements(0.55, 0.4, 0.3, 0.42)}
    isotropic = tables["fig23"].set_index("replaced").loc["random", "variance_explained"]
    assert (isotropic < 0.3).all()
    for claim in ("larger_saes_composed_of_smaller", "replaced_directions_lose_little"):
        assert judged(claim, lambda _: tables)["verdict"] == FAILS


def test_a_table_without_the_controls_is_not_tested():
    def without(world):
        table = world["fig23"]
        return world | {"fig23": table[~table["replaced"].str.startswith("random_latents")]}

    for claim in ("resemblance_matters", "larger_saes_composed_of_smaller"):
        verdict = judged(claim, without)["verdict"]
        assert verdict == f"{NOT_TESTABLE} (no rows with replaced random_latents_3072)"


@pytest.mark.parametrize(
    ("claim", "column", "rows"),
    [
        ("larger_saes_less_atomic", "variance_explained", "decoder"),
        ("larger_saes_less_atomic_than_random", "gap", "same_covariance"),
    ],
)
def test_seeds_of_one_sae_are_not_several_saes(claim, column, rows):
    """Three SAEs of which the widest has no more than the middle one: two more seeds tell nothing new."""
    where = {"part": "width", "rows": rows}
    change = all_of(
        *(
            every(FINAL, column, number, width=width, **where)
            for width, number in ((768, 0.50), (1536, 0.52), (3072, 0.523))
        )
    )
    found = judged(claim, change)
    assert found["verdict"] == UNDECIDED
    x, y = np.log2([768, 1536, 3072]), np.array([0.50, 0.52, 0.523])
    line = stats.linregress(x, y)
    assert found["measured"] == pytest.approx(line.slope)
    half = stats.t.ppf(0.975, 1) * line.stderr
    assert found["measured"] - found["measured_lo"] == pytest.approx(half, rel=1e-3)


@pytest.mark.parametrize(
    ("claim", "change"),
    [
        (
            "meta_batchtopk_no_worse_than_topk",
            by_seed(FINAL, "variance_explained", 0.02, part="architecture", architecture="topk"),
        ),
        (
            "latents_decompose",
            by_seed(
                FINAL, "variance_explained", 0.2, part="control", rows="same_covariance"
            ),
        ),
        (
            "meta_latents_vary_in_number",
            by_seed(FINAL, "active_sd", 0.4, part="control", rows="same_covariance"),
        ),
        (
            "meta_latents_like_latents_of_their_size",
            by_seed("fig6_summary", "median_max_cosine", 0.4, directions="same_covariance"),
        ),
        (
            "replaced_directions_lose_little",
            by_seed("fig23", "variance_explained", 0.1, replaced="nearest_3072"),
        ),
        (
            "larger_saes_composed_of_smaller",
            by_seed("fig23", "variance_explained", 0.4, replaced="same_covariance"),
        ),
        (
            "resemblance_matters",
            by_seed("fig23", "variance_explained", 0.15, replaced="random_latents_3072"),
        ),
    ],
)  # fmt: skip
def test_seeds_that_differ_much_leave_a_claim_open(claim, change):
    """The narrow intervals over latents of each are no evidence about another training."""
    assert judged(claim)["verdict"] == HOLDS
    found = judged(claim, change)
    assert found["verdict"] == UNDECIDED and found["interval"] == "latents and seeds"


def test_the_interval_over_seeds_is_that_of_two_samples():
    """Of a difference without error over latents it is Student's, with a variance that both sides share."""
    one, other = np.array([0.8, 0.83, 0.81]), np.array([0.7, 0.72])
    found = over_seeds(Measurement(one.mean() - other.mean()), [(1, one), (-1, other)])
    expected = stats.ttest_ind(one, other).confidence_interval(0.95)
    assert (found.lo, found.hi) == pytest.approx((expected.low, expected.high))
    # With an error over latents, both are added in quadrature.
    wide = over_seeds(Measurement(0.1, 0.09, 0.12, "latents"), [(1, one), (-1, other)])
    half = found.hi - found.value
    assert wide.lo == pytest.approx(0.1 - np.hypot(0.01, half))
    assert wide.hi == pytest.approx(0.1 + np.hypot(0.02, half))
    alone = over_seeds(Measurement(0.1, 0.09, 0.12, "latents"), [(1, one[:1]), (-1, other[:1])])
    assert (alone.lo, alone.hi, alone.over) == (0.09, 0.12, "latents, of one training each")


def test_the_error_of_a_share_is_that_of_what_it_is_made_of():
    """The share of what is lost, and its spread over seeds, against a simulation of the three sides."""
    generator, spread = np.random.default_rng(0), 0.002
    means = np.array([0.55, 0.5, 0.2])
    none, near, floor = means[:, None] + spread * generator.normal(size=(3, 40_000))
    tables = meta_worlds.paper_world()
    for name, at in (("none", 0), ("nearest_3072", 1), ("same_covariance", 2)):
        off = spread * (2 * (tables["fig23"]["seed"] == 1) - 1) / np.sqrt(2)
        rows = tables["fig23"]["replaced"] == name
        tables["fig23"].loc[rows, "variance_explained"] = means[at] + off[rows]
    found = judged("replaced_directions_lose_little", lambda _: tables)
    # Two seeds of each side, three degrees of freedom, the spread as it was put in.
    half = stats.t.ppf(0.975, 3) * ((none - near) / (none - floor)).std() / np.sqrt(2)
    assert found["measured_hi"] - found["measured"] == pytest.approx(half, rel=0.02)


def test_a_number_that_was_asked_for_is_no_finding():
    """BatchTopK's threshold is set on the directions that are counted: any directions have k on average."""
    for claim, world, name, column in (
        ("few_meta_latents_a_latent", meta_worlds, FINAL, "l0_set_on"),
        ("latents_are_few_meta_latents", explanations_worlds, "mcq", "n_active_set_on"),
    ):
        table = world.paper_world()[name].assign(**{column: SAME_DIRECTIONS})
        assert judged(claim, replaced(**{name: table}), world)["verdict"].startswith(GIVEN)


def test_random_directions_that_vary_as_much_are_no_variable_number():
    """An ample spread by itself is BatchTopK's, whatever is taken apart."""
    ample = every(FINAL, "active_sd", 5)
    level = every(FINAL, "active_sd_gap", -1e-3, part="control", rows="same_covariance")
    assert judged("meta_latents_vary_in_number", all_of(ample, level))["verdict"] == FAILS


def test_explanations_no_better_than_those_of_random_latents_are_no_interpretation():
    """Far better than a guess, as random groups of latents are."""
    alike = moved("mcq_scores", "score", 0.25, kind="shuffled")
    found = judged("meta_latents_are_interpretable", alike, explanations_worlds)
    assert found["verdict"] == FAILS
    assert "mean score of kind meta_latent (mcq_scores): 0.8" in found["note"]
