"""For each claim of the dark-matter paper: what has to be otherwise for that claim alone to be false.

Some claims can be false in several ways and have a tuple of changes.
"""

import numpy as np
import pandas as pd

from tests.papers.changes import (
    Change,
    World,
    all_of,
    curve,
    every,
    grown,
    moved,
    replaced,
    row,
    scaled,
    tilted,
)
from tests.papers.dark_matter.worlds import random_directions, with_ends

CONTOURS = "fig2 fig10 fig11"
OTHERS = "fig10 fig11"
LINEAR, NONLINEAR = "linear_error", "nonlinear_error"
IDEAL = {"structure": "orthogonal", "dense_span": "outside", "introduced_kind": "noise"}
IDEAL |= {"asymptote": "complete"}
WITH_NOISE = {"noise_x": 0.1, "noise_sae": 0.1, "ablated_fraction": 0.8}


def by_width(table: str, column: str, factors: tuple[float, ...]) -> Change:
    """A column times a factor for each width, that of the smallest width at all of them."""

    def numbers(rows: pd.DataFrame) -> np.ndarray:
        first = rows.loc[rows["width"] == rows["width"].min(), column].to_numpy(float)
        return np.concatenate([factor * first for factor in factors])

    return curve(table, column, numbers)


def unlike(rows: pd.DataFrame) -> pd.Series:
    """Error norms of which a part of a half is that of the token."""
    return np.random.default_rng(2).uniform(1, 3, len(rows)) + 0.5 * rows["error_norm"]


def alternating(low: float, high: float):
    return lambda rows: np.where(np.arange(len(rows)) % 2 == 0, low, high)


def known_latents(dots, n: int, others: float) -> Change:
    """Of n latents the probe's weight is known well, and is `dots` of their average activation; of the
    others it is hardly known, and is that activation times a factor."""

    def change(world: World) -> World:
        table = world["fig14"].copy()
        known = np.arange(len(table)) % len(table) < n
        average = table["average_activation"]
        table["probe_dot"] = np.where(known, dots(average), others * average)
        table = with_ends(table, "probe_dot")
        reach = np.where(known, 0.1, 50.0)
        table["probe_dot_lo"] = table["probe_dot"] - reach
        table["probe_dot_hi"] = table["probe_dot"] + reach
        table["firing_count"] = np.where(known, 1000, 2)
        return world | {"fig14": table}

    return change


def recovered(component: str) -> Change:
    """Far too much or far too little of the loss, which cancel in the mean."""
    return curve("fig8", "ce_recovered", alternating(20, 80), component=component)


CONTRADICTIONS: dict[str, Change | tuple[Change, ...]] = {
    "norm_r2_lowest": row("fig2", "norm_r2", 0.6),
    "norm_r2_highest": row("fig2", "norm_r2", 0.99),
    "norm_r2_ninety": moved(CONTOURS, "norm_r2", -0.06),
    "norm_predictable": row("fig2", "norm_r2", 0.3),
    "norm_less_predictable_wider": tilted("fig2", "norm_r2", "width", 0.005),
    "norm_less_predictable_sparser": tilted("fig2", "norm_r2", "l0", -0.005),
    # A fall all the way, and a rise all the way.
    "norm_less_predictable_densest": (
        tilted(OTHERS, "norm_r2", "l0", -0.01),
        tilted(OTHERS, "norm_r2", "l0", 0.03),
    ),
    "norm_other_layers_wider": tilted(OTHERS, "norm_r2", "width", 0.012),
    "layers_first_low": row("fig3", "norm_r2", 0.9),
    "layers_last_drop": row("fig3", "norm_r2", 0.9, at=-1),
    # No dip, and a fall without recovery.
    "layers_mid_late_dip": (
        curve("fig3", "norm_r2", lambda t: t["norm_r2"].replace(0.90, 0.94)),
        curve("fig3", "norm_r2", lambda t: t["norm_r2"].where(~t["layer"].isin([9, 10]), 0.88)),
    ),
    "layers_plateau": (row("fig3", "norm_r2", 0.7, at=5), row("fig3", "norm_r2", 0.99, at=5)),
    **{
        f"activation_beats_{name}": every("fig13", "r2", 0.91, regressor=name)
        for name in ("token", "l0", "activation_norm", "loss")
    },
    "token_beats_activation_first": every("fig13", "r2", 0.59, regressor="token", layer=0),
    "vector_r2_lowest": row("fig2", "error_r2", 0.1),
    "vector_r2_highest": row("fig2", "error_r2", 0.8),
    "vector_r2_half": moved(CONTOURS, "error_r2", -0.15),
    "vector_predictable": row("fig2", "error_r2", 0.02),
    "vector_less_than_norm": moved(CONTOURS, "error_r2", 0.5),
    "vector_falls_with_width": tilted("fig2", "error_r2", "width", 0.03),
    "vector_falls_with_l0": tilted("fig2", "error_r2", "l0", 0.03),
    "vector_other_layers_width": tilted(OTHERS, "error_r2", "width", 0.03),
    # Both fall or both rise, and still the norm gains on the vector.
    "l0_trends_differ": (
        tilted("fig2", "norm_r2", "l0", -0.005),
        all_of(tilted("fig2", "error_r2", "l0", 0.021), tilted("fig2", "norm_r2", "l0", 0.01)),
    ),
    "reconstructions_tenth_smaller": every("appendix_a1", "norm_ratio", 0.98),
    "reconstructions_shrink": every("appendix_a1", "norm_ratio", 1.01),
    "linear_error_cosine_half": every("appendix_a1", "cosine", 0.7),
    "linear_error_not_shrinkage": row("appendix_a1", "cosine", 0.95),
    "fvu_falls_with_width": grown("fig2", "fvu", "width", 1.12),
    "nonlinear_constant_with_width": (
        grown("fig2", "fvu_nonlinear", "width", 1.1),
        grown("fig2", "fvu_nonlinear", "width", 0.9),
    ),
    # The total stays as it is and the nonlinear part grows.
    "nonlinear_flatter_than_total": all_of(
        grown("fig2", "fvu", "width", 1.12), grown("fig2", "fvu_nonlinear", "width", 1.2)
    ),
    "nonlinear_falls_with_l0": grown("fig2", "fvu_nonlinear", "l0", 1.19),
    "nonlinear_other_layers_width": grown(OTHERS, "fvu_nonlinear", "width", 1.15),
    "nonlinear_flat_at_target": grown("fig1", "fvu_nonlinear", "width", 1.1),
    "linear_part_falls": curve("fig1", "fvu", lambda t: 0.25 + 0.001 * np.arange(len(t))),
    "asymptote_above_horizontal": every("fig1_fit", "c", 0.09),
    "power_law_has_a_floor": every("fig1_fit", "c", -0.01),
    "linear_error_remains": row("fig1", "fvu", 0.099, at=-1),
    "error_norms_predict_larger": row("fig4", "r2", 0.4),
    "prediction_falls_with_distance": curve("fig4", "r2", lambda t: 0.9 + 0.005 * t["octaves"]),
    "larger_errors_smaller": (row("fig4", "c", 1.05), row("fig4", "c", 0.3)),
    "nonlinear_norm_helps": every("fig16", "fvu_decrease", -0.1),
    "nonlinear_norm_helps_up_to": every("fig16", "fvu_decrease", 3),
    "same_tokens_are_hard": curve("fig5", "error_norm", unlike),
    # The largest width has less than the smallest, and those between have more.
    "token_linear_norm_falls": by_width("fig12", "linear_norm", (1, 1.3, 1.6, 0.98)),
    # The largest width has what the smallest has, and those between have not.
    "token_nonlinear_norm_stays": by_width("fig12", "nonlinear_norm", (1, 1.2, 1.2, 1)),
    # The linear part stays as it is and the nonlinear one grows.
    "token_linear_falls_more": all_of(
        by_width("fig12", "linear_norm", (1, 1.001, 1.002, 1.003)),
        grown("fig12", "nonlinear_norm", "width", 1.1),
    ),
    "norm_of_x": every("fig6", "r2", 0.9, vector="x"),
    "linear_norm_above_nonlinear": every("fig6", "r2", 0.91, vector=NONLINEAR),
    "linear_norm_above_error": every("fig6", "r2", 0.91, vector="error"),
    "sae_norm_above_nonlinear": every("fig6", "r2", 0.59, vector="sae"),
    "error_norm_above_nonlinear": every("fig6", "r2", 0.59, vector="error"),
    "no_failed_regressions": (row("fig6", "r2", -0.1), row("fig6", "r2", np.nan)),
    "components_of_equal_size": every("fig8", "norm_share", 70, component=LINEAR),
    **{
        f"{name}_recovers_loss": every("fig8", "ce_recovered", -1, component=name)
        for name in (LINEAR, NONLINEAR)
    },
    **{
        f"{name}_recovers_its_{share}": recovered(name)
        for name in (LINEAR, NONLINEAR)
        for share in ("norm_share", "variance_share")
    },
    "linear_recovers_more_than_its_share": (
        every("fig8", "ce_recovered", 49, component=LINEAR),
        every("fig8", "ce_recovered", 80, component=LINEAR),
    ),
    "nonlinear_sae_converges_higher": every(
        "sec5_2_final", "fvu_held_out", 0.53, component=NONLINEAR
    ),
    "nonlinear_sae_higher_by": every("sec5_2_final", "fvu_held_out", 0.56, component=NONLINEAR),
    "nonlinear_sae_fvu": every("sec5_2_final", "fvu_held_out", 0.65, component=NONLINEAR),
    "linear_sae_fvu": every("sec5_2_final", "fvu_held_out", 0.5, component=LINEAR),
    "error_saes_converged": curve("sec5_2", "fvu", lambda t: 0.9 * 0.98 ** t["step"], seed=1),
    "linear_latents_more_interpretable": every("fig7", "accuracy", 0.69, component=LINEAR),
    "linear_latents_more_interpretable_by": every("fig7", "accuracy", 0.72, component=LINEAR),
    "linear_latents_every_decile": every("fig7", "accuracy", 0.69, component=LINEAR, quantile="Q3"),
    "pursuit_lowers_fvu": scaled("fig9a", "fvu_pursuit", 1.05),
    "pursuit_lowers_fvu_by": scaled("fig9a", "fvu_pursuit", 0.95),
    "pursuit_leaves_nonlinear": scaled("fig9a", "fvu_nonlinear_pursuit", 0.9),
    "pursuit_lowers_nonlinear_slightly": (
        scaled("fig9a", "fvu_nonlinear_pursuit", 1.02),
        scaled("fig9a", "fvu_nonlinear_pursuit", 0.9),
    ),
    "pursuit_nonlinear_flat": grown("fig9a", "fvu_nonlinear_pursuit", "width", 1.1),
    # Nonlinear error is what it takes away, and it takes nothing away.
    "pursuit_lowers_linear_more": (
        scaled("fig9a", "fvu_nonlinear_pursuit", 0.9),
        all_of(scaled("fig9a", "fvu_pursuit", 1.1), scaled("fig9a", "fvu_nonlinear_pursuit", 1.4)),
    ),
    "encoder_error_narrow": (
        scaled("fig1", "fvu_nonlinear_pursuit", 0.8),
        scaled("fig1", "fvu_nonlinear_pursuit", 1.3),
    ),
    "own_reconstruction_half_of_nonlinear": every("fig9b", "r2", 0.3, source="resid"),
    "own_reconstruction_predicts_best": every("fig9b", "r2", 0.12, source="resid"),
    **{
        f"previous_predict_{target}_{end}": every("fig9b", "r2", r2, source=source, target=target)
        for target in ("error", NONLINEAR)
        for end, source, r2 in (("lowest", "resid_previous", 0.01), ("highest", "attn_out", 0.3))
    },
    "previous_predict_some_error": every("fig9b", "r2", -0.01, target="error"),
    **{
        f"previous_leave_most_of_{target}": every(
            "fig9b", "r2", 0.6, source="attn_out", target=target
        )
        for target in ("error", LINEAR, NONLINEAR)
    },
    # They take away less, and nothing where pursuit adds something.
    "previous_reduce_more_than_pursuit": (
        every("fig9b", "r2", 0.005, target=NONLINEAR),
        all_of(
            every("fig9b", "r2", -0.05, target=NONLINEAR),
            scaled("fig9a", "fvu_nonlinear_pursuit", 1.2),
        ),
    ),
    "bernoulli_norm_exact": every("appendix_c1", "rho_closed_form", 0.99, distribution="bernoulli"),
    "poisson_norm_at_one": every("appendix_c1", "rho_monte_carlo", 0.8, rate=1),
    "poisson_norm_formula": moved("appendix_c1", "rho_monte_carlo", -0.05, rate=3),
    "probe_is_least_squares": moved("appendix_c1", "rho_best_linear", 0.01),
    "mean_weight_probe": every("appendix_c1", "rho_mean_weight", 0.9, distribution="bernoulli"),
    # Most latents, of which little is known, would have it.
    "probe_tracks_activation": known_latents(lambda a: 2 + np.sin(9 * np.arange(60)), 40, 1.0),
    "probe_equals_activation": known_latents(lambda a: 1.5 * a, 20, 1.0),
    **{
        f"{noise}_against_{estimate}": every(
            "table1",
            "correlation",
            value,
            noise=noise,
            estimate=estimate,
            reconstruction="masked",
        )
        for noise, estimate, value in (
            ("noise_x", "dense", 0.7),
            ("noise_sae", "introduced", 0.6),
            ("noise_x", "introduced", 0.5),
            ("noise_sae", "dense", 0.5),
        )
    },
    "noise_correlations_as_printed": every(
        "table1", "correlation", 0.85, noise="noise_sae", estimate="introduced"
    ),
    # One curve of several is not horizontal.
    "noise_nonlinear_horizontal": every("fig15", "fvu_nonlinear", 0.26, **WITH_NOISE),
    # A rise all the way, bent downwards.
    "random_directions_middle": curve(
        "appendix_d", "fvu_nonlinear", lambda t: 0.1 + 0.2 * t["ablated_fraction"] ** 0.5
    ),
    "random_directions_peak": (
        replaced(appendix_d=random_directions(1.0, 0.9)),
        replaced(appendix_d=random_directions(-1.0, 0.5)),
    ),
    "introduced_upper_bound": every(
        *("planted_truth", "bias", -0.05),
        **{"structure": "tree", "component": "introduced", "introduced_kind": "noise"},
    ),
    "introduced_exact_in_the_ideal_case": every(
        "planted_truth", "bias", 0.03, component="introduced", **IDEAL
    ),
    "dense_recovered_in_the_ideal_case": every(
        "planted_truth", "bias", -0.03, component="dense", **IDEAL
    ),
    "linear_introduced_underestimated": moved(
        "planted_truth", "bias", 0.06, component="introduced", introduced_kind="shrinkage"
    ),
    "linear_introduced_counts_as_dense": moved(
        "planted_truth", "bias", -0.06, component="dense", introduced_kind="shrinkage"
    ),
}
