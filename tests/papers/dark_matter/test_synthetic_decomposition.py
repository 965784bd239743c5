import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.bootstrap import data_and_resamples
from workflow_scripts.papers.dark_matter.measures.power_law import fit_power_law
from workflow_scripts.papers.dark_matter.synthetic.codes import (
    independent_codes,
    power_law_probabilities,
    random_directions,
    tree_codes,
    tree_directions,
    tree_parents,
)
from workflow_scripts.papers.dark_matter.synthetic.decomposition import (
    decompose,
    fit_asymptote,
    solve,
)
from workflow_scripts.papers.dark_matter.synthetic.masked_reconstruction import (
    ablation_masks,
    masked_reconstruction_sweep,
)
from workflow_scripts.papers.dark_matter.synthetic.noise_sweep import (
    noise_correlations,
    sweep_table,
)
from workflow_scripts.papers.dark_matter.synthetic.random_directions import random_directions_table


def noisy_data(seed: int = 0, tokens: int = 400, d: int = 6) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((tokens, d)) @ generator.standard_normal((d, d)) + 5
    reconstruction = x @ generator.standard_normal((d, d)) * 0.3 + np.maximum(x, 0)
    return x, reconstruction, generator.random(tokens) < 0.6


def test_decompose_agrees_with_sklearn():
    x, reconstruction, train = noisy_data()
    error = x - reconstruction
    predicted = LinearRegression().fit(x[train], error[train]).predict(x[~train])
    held_out = x[~train]
    total = ((held_out - held_out.mean(axis=0)) ** 2).sum()
    found = decompose(x, reconstruction, train)
    assert found.fvu == pytest.approx((error[~train] ** 2).sum() / total, rel=1e-12)
    unexplained = ((error[~train] - predicted) ** 2).sum()
    assert found.fvu_nonlinear == pytest.approx(unexplained / total, rel=1e-9)
    assert found.error_r2 == pytest.approx(r2_score(error[~train], predicted), rel=1e-9)


def test_resampled_fvu_is_that_of_the_drawn_tokens():
    x, reconstruction, train = noisy_data(1)
    found = decompose(x, reconstruction, train)
    weights = data_and_resamples(len(found.x), 3, seed=0)
    fvu, nonlinear = found.resampled(weights)
    assert fvu[0] == pytest.approx(found.fvu)
    assert nonlinear[0] == pytest.approx(found.fvu_nonlinear)
    for draw in range(1, 4):
        chosen = np.repeat(np.arange(len(found.x)), weights[draw].astype(int))
        total = ((found.x[chosen] - found.x[chosen].mean(axis=0)) ** 2).sum()
        assert fvu[draw] == pytest.approx(found.residual[chosen].sum() / total)
        assert nonlinear[draw] == pytest.approx(found.residual_nonlinear[chosen].sum() / total)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_in_sample_the_linear_map_never_hurts(seed, d):
    x, reconstruction, _ = noisy_data(seed, tokens=30, d=d)
    twice, again = np.concatenate([x, x]), np.concatenate([reconstruction, reconstruction])
    found = decompose(twice, again, np.arange(60) < 30)
    assert found.fvu_nonlinear <= found.fvu * (1 + 1e-9) + 1e-12
    assert found.fvu_nonlinear >= 0
    assert found.error_r2 >= -1e-9


def test_a_linear_error_leaves_nothing_nonlinear():
    x, _, train = noisy_data(2)
    found = decompose(x, 0.7 * x - 1, train)
    assert found.fvu_nonlinear < 1e-20
    assert found.error_r2 == pytest.approx(1)


def test_rank_deficient_activations_are_solved():
    x, reconstruction, train = noisy_data(3)
    flat = np.concatenate([x, x @ np.ones((x.shape[1], 2))], axis=1)
    wide = np.concatenate([reconstruction, reconstruction[:, :2]], axis=1)
    error = flat - wide
    predicted = LinearRegression().fit(x[train], error[train]).predict(x[~train])
    expected = ((error[~train] - predicted) ** 2).sum(axis=1)
    np.testing.assert_allclose(decompose(flat, wide, train).residual_nonlinear, expected, rtol=1e-6)


def test_solve_is_least_squares():
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((50, 4)), generator.standard_normal((50, 3))
    expected = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(solve(x.T @ x, x.T @ y), expected, rtol=1e-10)


def test_too_few_tokens_are_refused():
    x, reconstruction, _ = noisy_data(4)
    with pytest.raises(AnatomyError, match="too few"):
        decompose(x, reconstruction, np.arange(len(x)) < 5)
    with pytest.raises(AnatomyError, match="too few"):
        decompose(x, reconstruction, np.ones(len(x), dtype=bool))


def test_asymptote_is_that_of_the_free_fit():
    widths = np.array([256, 512, 1024, 2048, 4096])
    curve = 0.08 + 3.0 * widths**-0.6
    assert fit_asymptote(widths, curve[None])[0] == pytest.approx(0.08, abs=2e-3)
    noisy = curve * (1 + 0.01 * np.random.default_rng(0).standard_normal(5))
    expected = fit_power_law(widths, noisy).c
    assert fit_asymptote(widths, noisy[None])[0] == pytest.approx(expected, abs=2e-3)
    assert fit_asymptote(widths, (3.0 * widths**-0.6 - 0.02)[None])[0] == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 500), st.floats(0.01, 0.99), st.floats(0.2, 2))
def test_power_law_probabilities_sum_to_l0(features, share, exponent):
    probabilities = power_law_probabilities(features, share * features, exponent)
    assert probabilities.sum() == pytest.approx(share * features, rel=1e-6)
    assert (probabilities > 0).all() and (probabilities <= 1).all()
    assert (np.diff(probabilities) <= 0).all()


def test_impossible_l0_is_refused():
    with pytest.raises(AnatomyError, match="l0"):
        power_law_probabilities(10, 10)


@pytest.mark.parametrize("maker", ["independent", "tree"])
def test_codes_fire_as_often_as_asked_and_children_only_with_parents(maker):
    generator = np.random.default_rng(0)
    probabilities = power_law_probabilities(40, 4)
    if maker == "independent":
        codes = independent_codes(20_000, probabilities, generator, "gamma")
    else:
        codes = tree_codes(20_000, probabilities, 3, generator, "gamma")
        fires = codes.toarray() > 0
        for feature, parent in enumerate(tree_parents(40, 3)):
            assert parent < feature
            assert parent < 0 or not (fires[:, feature] & ~fires[:, parent]).any()
    rates = np.asarray((codes > 0).mean(axis=0)).ravel()
    np.testing.assert_allclose(rates, probabilities, atol=0.015)
    assert codes.data.min() > 0
    assert codes.data.mean() == pytest.approx(1, abs=0.02)


def test_children_point_where_their_parents_do():
    generator = np.random.default_rng(0)
    directions = tree_directions(500, 200, 4, 0.6, generator)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    parents = tree_parents(500, 4)
    cosines = (directions[4:] * directions[parents[4:]]).sum(axis=1)
    assert cosines.mean() == pytest.approx(0.6, abs=0.02)


def sweep_data(seed: int = 0, tokens: int = 900, features: int = 40, d: int = 8):
    generator = np.random.default_rng(seed)
    codes = independent_codes(tokens, power_law_probabilities(features, 5), generator, "gamma")
    contexts = np.arange(tokens) // 10
    return codes, random_directions(features, d, generator), contexts, contexts % 5 < 3


def test_without_noise_the_sweep_is_decompose_on_masked_reconstructions():
    codes, directions, contexts, train = sweep_data()
    fractions = [0.0, 0.4, 0.9]
    sweep = masked_reconstruction_sweep(
        codes, directions, contexts, train, ablated_fractions=fractions, seed=0, resamples=5
    )
    x = codes @ directions
    masks = ablation_masks(codes, directions, fractions)
    for index, mask in enumerate(masks):
        expected = decompose(x, codes.multiply(mask).tocsr() @ directions, train)
        assert sweep.fvu[0, 0, 0, index] == pytest.approx(expected.fvu, abs=1e-12)
        found = sweep.fvu_nonlinear[0, 0, 0, index]
        assert found == pytest.approx(expected.fvu_nonlinear, abs=1e-9)
    assert sweep.introduced.shape == (6, 1, 1)


def test_the_sweep_with_noise_and_an_encoder_is_decompose_on_what_was_encoded():
    codes, directions, contexts, train = sweep_data(1)
    seen = []

    def encode(x):
        seen.append(x)
        return sparse.csr_matrix(np.maximum(x @ directions.T - 0.5, 0))

    noise_sae = [0.0, 0.2]
    sweep = masked_reconstruction_sweep(
        codes,
        directions,
        contexts,
        train,
        noise_x=[0.1],
        noise_sae=noise_sae,
        ablated_fractions=[0.0, 0.5],
        seed=7,
        resamples=5,
        encode=encode,
    )
    # 900 tokens are one block, whose generator draws the noise of x' first.
    generator = np.random.default_rng([7, 0])
    clean = codes @ directions
    # The noise put in and FVUs are shares of the variance of x' before noise, where it is held out.
    held_out = clean[~train]
    total = ((held_out - held_out.mean(axis=0)) ** 2).sum()
    unit = np.sqrt(total / held_out.size)
    x = clean + np.sqrt(0.1) * unit * generator.standard_normal(clean.shape)
    np.testing.assert_allclose(seen[0], x)
    noise = unit * generator.standard_normal(clean.shape)
    latents = encode(x)
    for f, mask in enumerate(ablation_masks(codes, directions, [0.0, 0.5])):
        for t, level in enumerate(noise_sae):
            reconstruction = latents.multiply(mask).tocsr() @ directions + np.sqrt(level) * noise
            expected = decompose(x, reconstruction, train)
            share = expected.total / total
            assert share > 1.05
            assert sweep.fvu[0, 0, t, f] == pytest.approx(expected.fvu * share, rel=1e-9)
            found = sweep.fvu_nonlinear[0, 0, t, f]
            assert found == pytest.approx(expected.fvu_nonlinear * share, rel=1e-9)


def test_masks_drop_the_least_important_of_the_latents_that_fire():
    codes = sparse.csr_matrix(np.array([[1.0, 0, 2, 1, 0], [1, 0, 2, 0, 0]]))
    directions = np.array([[1.0], [9], [1], [3], [9]])
    masks = ablation_masks(codes, directions, [0, 1 / 3, 2 / 3, 1])
    expected = [[1, 1, 1, 1, 1], [0, 0, 1, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(masks, np.array(expected, dtype=bool))
    reverse = ablation_masks(codes, directions, [1 / 3], order=np.arange(4, -1, -1))
    np.testing.assert_array_equal(reverse, [[True, False, True, False, False]])


def test_nothing_ablated_and_no_noise_introduces_nothing():
    codes, directions, contexts, train = sweep_data(2)
    sweep = masked_reconstruction_sweep(
        codes, directions, contexts, train, ablated_fractions=[0.0], seed=0, resamples=5
    )
    np.testing.assert_allclose(sweep.fvu, 0, atol=1e-12)
    np.testing.assert_allclose(sweep.introduced, 0, atol=1e-12)
    np.testing.assert_allclose(sweep.dense, 0, atol=1e-12)


def test_each_noise_correlates_with_its_own_estimate():
    # Fewer features than dimensions, so that a linear map can tell most noise from features.
    codes, directions, contexts, train = sweep_data(3, tokens=3000, features=15, d=30)
    sweep = masked_reconstruction_sweep(
        codes,
        directions,
        contexts,
        train,
        noise_x=[0, 0.05, 0.1],
        noise_sae=[0, 0.05, 0.1],
        ablated_fractions=[0.0, 0.1, 0.2],
        seed=0,
        resamples=50,
    )
    table = noise_correlations(sweep).set_index(["noise", "estimate"])
    own = [("noise_x", "dense"), ("noise_sae", "introduced")]
    crossed = [("noise_x", "introduced"), ("noise_sae", "dense")]
    assert table.loc[own].correlation.min() > 0.9
    assert table.loc[crossed].correlation.abs().max() < table.loc[own].correlation.min()
    assert (table.correlation_lo <= table.correlation).all()
    assert (table.correlation_hi >= table.correlation).all()
    assert table.loc[own].paper.tolist() == [0.9842, 0.9036]
    cells = sweep_table(sweep).query("ablated_fraction == 0")
    for noise, estimate in own:
        expected = np.corrcoef(cells[noise], cells[estimate])[0, 1]
        assert table.loc[(noise, estimate)].correlation == pytest.approx(expected)


def test_the_noise_put_in_is_what_the_estimates_are_measured_by():
    """Where nothing is ablated FVU is the noise put in, whatever is unlike in the training tokens."""
    codes, directions, contexts, train = sweep_data(4, tokens=4000)
    codes = sparse.diags(np.where(train, 3.0, 1.0)) @ codes
    noise = [0.0, 0.1, 0.4]
    sweep = masked_reconstruction_sweep(
        codes.tocsr(),
        directions,
        contexts,
        train,
        noise_x=noise,
        noise_sae=noise,
        ablated_fractions=[0.0],
        seed=0,
        resamples=5,
    )
    expected = np.add.outer(noise, noise)
    np.testing.assert_allclose(sweep.fvu[0, :, :, 0], expected, rtol=0.03, atol=1e-12)


def test_a_sweep_without_its_asymptote_is_refused():
    codes, directions, contexts, train = sweep_data()
    with pytest.raises(AnatomyError, match="0 is missing"):
        masked_reconstruction_sweep(
            codes, directions, contexts, train, ablated_fractions=[0.5], seed=0
        )
    silent = sparse.csr_matrix(codes.shape)
    with pytest.raises(AnatomyError, match="no latent"):
        masked_reconstruction_sweep(
            silent, directions, contexts, train, ablated_fractions=[0.0], seed=0
        )


def test_random_directions_give_a_parabola_below_its_bound():
    table = random_directions_table(
        features=1000,
        d=40,
        l0=6,
        exponent=0.5,
        tokens=4000,
        train_fraction=0.6,
        ablated_fractions=[0, 0.2, 0.5, 0.8, 1],
        seeds=[0],
        resamples=10,
    )
    for _, rows in table.groupby("order"):
        nonlinear = rows.fvu_nonlinear.to_numpy()
        assert nonlinear[[0, -1]] == pytest.approx(0, abs=1e-9)
        assert nonlinear[1:-1].min() > 0.05
        assert (nonlinear <= rows.parabola + 0.02).all()
    # Many directions of similar frequency are nearly isotropic, where the bound is the value.
    middle = table[(table.order == "random") & (table.ablated_fraction == 0.5)]
    assert middle.fvu_nonlinear.item() == pytest.approx(0.25, abs=0.03)
