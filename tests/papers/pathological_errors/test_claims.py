"""What is particular to the claims about the post: factors between rows, clusters, shares of a gap."""

import numpy as np
import pandas as pd
import pytest

from tests.papers.dark_matter.worlds import widened, with_ends
from tests.papers.pathological_errors.worlds import LAYERS, NORMS, effects, paper_world
from workflow_scripts.anatomy.base.draws import DRAWS
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, NotTestable, Tables, evaluate
from workflow_scripts.papers.pathological_errors.claims import CLAIMS
from workflow_scripts.papers.pathological_errors.claims.clusters import apart
from workflow_scripts.papers.pathological_errors.claims.factors import factor, rows
from workflow_scripts.papers.pathological_errors.claims.shares import share_of_gap

RATIOS = (2.0, 3.0, 4.0, 5.0)


def tables(**given):
    return Tables(given, (), 0)


def with_draws(table, column, draws):
    """draws: (rows, n)."""
    return table.assign(**{f"{column}{DRAWS}": list(draws.astype(np.float32))})


@pytest.fixture
def world():
    return effects(NORMS, 0.02, RATIOS, RATIOS)


def test_a_factor_is_a_geometric_mean_over_layers(world):
    measure = factor(
        "kl", [rows("t", intervention="sae")], [rows("t", intervention="epsilon_random")]
    )
    found = measure(tables(t=world))
    assert found.value == pytest.approx(np.prod(RATIOS) ** 0.25)
    assert found.lo < found.value < found.hi


def test_a_factor_is_about_layers_that_both_sides_have(world):
    measure = factor("kl", [rows("one", intervention="sae")], [rows("other", intervention="sae")])
    other = world[world["layer"] > 0].assign(kl=world["kl"] * 4)
    assert measure(tables(one=world, other=other)).value == pytest.approx(1 / 4)
    with pytest.raises(NotTestable, match="no model and layer has all of these rows"):
        measure(tables(one=world[world["layer"] == 0], other=other))


def test_a_factor_of_several_rows_multiplies_them(world):
    pair = [rows("t", intervention="sae"), rows("t", intervention="mean")]
    found = factor("kl", pair, [rows("t", intervention="zero")] * 2)(tables(t=world))
    expected = np.prod([0.02 * 0.02 * r * 30 / (0.02 * 50) ** 2 for r in RATIOS]) ** 0.25
    assert found.value == pytest.approx(expected)


def test_a_factor_is_paired_where_the_table_has_draws(world):
    """What all rows have in common cancels."""
    shared = np.random.default_rng(0).uniform(0.5, 2, 100)
    drawn = with_draws(world, "kl", world["kl"].to_numpy()[:, None] * shared)
    measure = factor("kl", [rows("t", intervention="sae")], [rows("t", intervention="zero")])
    found = measure(tables(t=drawn))
    assert found.over == "paired documents"
    assert found.hi - found.lo < 1e-6 * found.value


def test_a_factor_of_what_is_0_is_not_testable(world):
    world.loc[world["intervention"] == "sae", "kl"] = 0.0
    measure = factor("kl", [rows("t", intervention="sae")], [rows("t", intervention="zero")])
    with pytest.raises(NotTestable, match="kl is not above 0"):
        measure(tables(t=world))


def test_clusters_are_as_far_apart_as_their_nearest_members(world):
    found = apart("t")(tables(t=world))
    # At the first layer: Sae(x) at the norm of x over cosine-random, and within random errors.
    assert found.value == pytest.approx((2 * 0.97 / 1.05) / (1.05 / 0.98))
    numbers = NORMS | {"x_norm_of_sae": 0.9}
    found = apart("t")(tables(t=effects(numbers, 0.02, RATIOS, RATIOS)))
    assert found.value == pytest.approx((0.98 / 0.9) / (1.05 / 0.98))
    with pytest.raises(NotTestable, match="no intervention cosine_random at a layer"):
        apart("t")(tables(t=world[world["intervention"] != "cosine_random"]))


def test_the_share_of_the_gap_is_that_of_the_logarithms():
    table = paper_world()["controls"]
    measure = share_of_gap("epsilon_errors")
    found = measure(tables(controls=table))
    assert found.value == pytest.approx(np.log(2.9) / np.log(3.0))
    wide = measure(tables(**widened({"controls": table})))
    assert wide.lo == -np.inf and wide.hi > 1
    random = table["baseline"] == "epsilon_random"
    none = table.assign(ratio=table["ratio"].mask(random & (table["intervention"] == "sae"), 0.9))
    with pytest.raises(NotTestable, match="there is no gap"):
        measure(tables(controls=none))


def test_the_share_of_the_gap_is_resampled_as_a_whole():
    table = paper_world()["controls"]
    noise = np.random.default_rng(3).normal(0, 0.1, 200)
    drawn = with_draws(table, "ratio", table["ratio"].to_numpy()[:, None] * np.exp(noise))
    found = share_of_gap("epsilon_errors")(tables(controls=drawn))
    shares = (np.log(2.9) + noise) / (np.log(3.0) + noise)
    np.testing.assert_allclose([found.lo, found.hi], np.quantile(shares, (0.025, 0.975)), rtol=1e-4)


def judged(claim, **given):
    judge = next(each for each in CLAIMS if each.id == claim)
    return evaluate(judge, paper_world() | given, seed=0)


def test_the_next_token_leaves_out_the_last_layer_of_a_model():
    table = paper_world()["single_token"]
    last = table["layer"] == LAYERS[-1]
    found = judged(
        "gap_at_the_next_token", single_token=table.assign(ratio=table["ratio"] * (1 - last))
    )
    assert found["measured"] == pytest.approx(2.4)
    found = judged("gap_at_the_next_token", single_token=table[last])
    assert found["verdict"].startswith(
        f"{NOT_TESTABLE} (table single_token has no layer but the last"
    )


def test_what_nothing_reaches_does_not_count_among_what_follows():
    table = paper_world()["single_token"]
    after_last = (table["layer"] == LAYERS[-1]) & (table["offset"] > 0)
    columns = ["ratio", "ratio_lo", "ratio_hi"]
    table.loc[after_last, columns] = np.nan
    found = judged("gap_persists", single_token=table)
    assert found["measured"] == pytest.approx(2.4) and found["verdict"] == "holds"


def test_a_number_of_active_latents_that_is_always_the_same_has_no_correlation():
    table = paper_world()["correlates"]
    columns = ["correlation", "correlation_lo", "correlation_hi"]
    table.loc[table["variable"] == "l0", columns] = np.nan
    found = judged("gap_hardly_with_active_latents", correlates=table)
    assert found["verdict"] == f"{NOT_TESTABLE} (l0 is the same at all tokens)"
    # And is none of those that the gaps of other layers are compared with.
    assert judged("other_layers_strongest", correlates=table)["verdict"] == "holds"


def test_the_strongest_property_is_compared_by_its_size_at_its_own_layers():
    table = paper_world()["correlates"]
    at = (table["variable"] == "position") & (table["method"] == "pearson")
    columns = ["correlation", "correlation_lo", "correlation_hi"]
    table.loc[at, columns] = -0.45
    found = judged("other_layers_strongest", correlates=table)
    assert found["measured"] == pytest.approx(0.5 - 0.45)


def test_every_table_with_draws_is_paired():
    """Claims that compare rows of these tables say that their documents are paired."""
    generator = np.random.default_rng(0)
    world = paper_world()
    for name in ("interventions", "attention", "controls", "correlates", "by_component"):
        table = world[name]
        for column in ("kl", "ratio", "correlation"):
            if column in table:
                noise = 1 + 1e-4 * generator.normal(size=(len(table), 50))
                table = with_draws(table, column, table[column].to_numpy()[:, None] * noise)
        world[name] = table
    claims = ("three_clusters", "attention_gap_smaller", "other_layers_strongest")
    claims += ("anisotropy_is_most_of_the_gap", "latents_of_a_larger_sae_help")
    for claim in claims:
        found = judged(claim, **world)
        assert (found["interval"], found["verdict"]) == ("paired documents", "holds"), claim


def test_an_sae_without_a_penalty_is_needed_beside_those_with_one():
    table = paper_world()["by_architecture"]
    found = judged("l1_is_worse", by_architecture=table[table["architecture"] == "topk"])
    assert "no SAEs with an L1 penalty beside others" in found["verdict"]


def beside_curved(l0s, penalty):
    """SAEs whose ratio is curved in the logarithm of their L0, and SAEs with an L1 penalty at some L0s."""
    others = [(width, l0, "topk") for width in (128, 256, 512) for l0 in (2.0, 4.0, 8.0, 16.0)]
    rows = [*others, *((256, l0, "standard") for l0 in l0s)]
    table = pd.DataFrame(rows, columns=["width", "l0", "architecture"])
    depth = np.log2(table["l0"].to_numpy())
    table["ratio"] = 4.5 - 1.2 * depth + 0.15 * depth**2 + 0.05 * np.log2(table["width"])
    table["ratio"] += penalty * (table["architecture"] == "standard")
    table["ratio"] += 1e-3 * np.cos(np.arange(len(table)))
    return with_ends(table.assign(model="m"), "ratio")


@pytest.mark.parametrize(("penalty", "verdict"), [(0.0, "undecided"), (0.3, "holds")])
def test_a_curve_in_the_l0_is_not_laid_to_the_penalty(penalty, verdict):
    found = judged("l1_is_worse", by_architecture=beside_curved([12.0, 14.0, 18.0], penalty))
    assert found["verdict"] == verdict
    assert found["measured"] == pytest.approx(penalty, abs=0.01)


def test_what_the_l0_does_is_not_carried_beyond_that_of_other_saes():
    beyond = beside_curved([24.0, 30.0], 0.3)
    assert "no SAE with an L1 penalty" in judged("l1_is_worse", by_architecture=beyond)["verdict"]
    found = judged("l1_is_worse", by_architecture=beside_curved([14.0, 16.0, 30.0], 0.3))
    assert found["measured"] == pytest.approx(0.3, abs=0.01)


def test_the_last_layer_that_reaches_the_next_token_is_left_out():
    """After the last block nothing reaches it, so that layer is not the one that the post excepts."""
    world = paper_world()["single_token"]
    next_one = (world["intervention"] == "sae") & (world["offset"] == 1)
    layers = sorted(world["layer"].unique())
    world.loc[next_one & (world["layer"] == layers[-1]), "ratio"] = np.nan
    world.loc[next_one & (world["layer"] == layers[-2]), "ratio"] = 1.1
    assert judged("gap_at_the_next_token", single_token=world)["verdict"] == "holds"
    world.loc[next_one & (world["layer"] == layers[-3]), ["ratio", "ratio_lo", "ratio_hi"]] = 1.1
    assert judged("gap_at_the_next_token", single_token=world)["verdict"] == "does not hold"
