"""For each claim of the canonical-units paper: what has to be otherwise for that claim alone to be false.

Some claims can be false in several ways and have a tuple of changes.
"""

import pandas as pd

from tests.papers.canonical_units.dashboard_worlds import CONTRADICTIONS as OF_DASHBOARDS
from tests.papers.canonical_units.explanations_worlds import CONTRADICTIONS as OF_EXPLANATIONS
from tests.papers.canonical_units.meta_worlds import CONTRADICTIONS as OF_META_SAES
from tests.papers.canonical_units.probing_worlds import CONTRADICTIONS as OF_PROBES
from tests.papers.canonical_units.worlds import (
    MAIN,
    SECOND,
    comparison,
    components,
    distributions,
    histogram,
    novel_latents,
    pair,
    path,
    shares,
)
from tests.papers.changes import (
    Change,
    World,
    all_of,
    below_zero,
    curve,
    every,
    moved,
    replaced,
    row,
    scaled,
)

FIRING = {"activation_frequency": 0.01}
NOVEL = (2.703, 3.292), (2.225, 2.518)


def paths(insert=(-0.1, 0.2), swap=(-0.05, -0.1), bump=0.0) -> dict[str, Change]:
    """The paths of Fig. 5 and of Fig. 22, by the beginning of the names of their claims."""
    return {
        "": replaced(fig5=path(insert, swap, bump, MAIN)),
        "second_": replaced(fig22=path(insert, swap, bump, SECOND, (16384, 32768))),
    }


def mostly_other_way(figure: str, novel: bool) -> Change:
    """Three fifths of these latents do to the MSE what most should not do."""
    share = 0.4 if novel else 0.6
    return below_zero(figure, "delta_mse_latent", share, novel=novel, **FIRING)


def largest_elsewhere(rows: pd.DataFrame) -> pd.Series:
    return rows["max_cosine"].mask(rows["delta_mse_latent"].abs() > 1, 0.85)


def one_size_for_most(column: str) -> Change:
    """Much better at one of three sizes, somewhat worse at two."""
    table = comparison(lambda *_: -0.05, 1.01, widths=(768, 3072, 12288))
    at = {"comparison": "size", "architecture": "topk", "width": 768}
    return all_of(replaced(fig7=table), scaled("fig7", column, 3, **at))


def worse_at(wrong_column: str, wrong_other: str, wrong_k: int, by: float = -0.02):
    """BatchTopK's advantage at one k over one other architecture is this one."""

    def on_gpt2(column, other, k):
        return by if (column, other, k) == (wrong_column, wrong_other, wrong_k) else 0.1

    def on_gemma(column, other, k):
        worse = column == "ce_degradation" and other == "jumprelu" and k > 16
        here = (column, other, k) == (wrong_column, wrong_other, wrong_k)
        return by if here else -0.1 if worse else 0.1

    return {
        "": replaced(fig7=comparison(on_gpt2, 1.01)),
        "second_": replaced(fig8=comparison(on_gemma, 1.01, SECOND, widths=(16384,), width=16384)),
    }


def as_many_swaps(world: World) -> World:
    table = world["fig17"]
    first = int((table["width_large"] == 1536).sum())
    return world | {"fig17": table.groupby("width_large").head(first).reset_index(drop=True)}


def more_swaps_and_then_fewer(world: World) -> World:
    """The largest pair has more than the smallest, and fewer than the one between."""
    table = world["fig17"]
    last = table[table["width_large"] == 3072].head(100).assign(**pair(3072, 6144))
    return world | {"fig17": pd.concat([table, last], ignore_index=True)}


def active(batchtopk=range(1, 95), topk=(32,), bos=2, bos_count=100) -> Change:
    return replaced(fig9=distributions(batchtopk, topk, bos, bos_count))


def printed(model: str, column: str, by: float, width: int) -> Change:
    """One SAE has not what is printed for it."""
    site = (MAIN if model == "gpt2" else SECOND)["site"]
    if column.startswith("celr"):
        return moved("table2", column, by, site=site, width=width)
    return scaled("table2", column, by, site=site, width=width)


LATENTS = {
    "novel_latents_help": mostly_other_way("fig4", True),
    "reconstruction_latents_hurt": mostly_other_way("fig4", False),
    "largest_effects_at_high_cosine": curve("fig4", "max_cosine", largest_elsewhere, **FIRING),
    "smaller_saes_miss_information": below_zero("fig4", "delta_mse_latent", 0, novel=True),
    "second_novel_latents_help": mostly_other_way("fig21", True),
    "second_reconstruction_latents_hurt": mostly_other_way("fig21", False),
    "gpt2_threshold_novel": mostly_other_way("fig4", True),
    "gpt2_threshold_reconstruction": mostly_other_way("fig4", False),
    "gemma_threshold_novel": mostly_other_way("fig21", True),
    "gemma_threshold_reconstruction": mostly_other_way("fig21", False),
    "cosine_predicts_effect": every("fig16", "auc", 0.48),
    "all_novel_latents_lower_mse": every("fig18", "mse_change", 0.5, n_added=657),
    "all_novel_latents_lower_mse_by": every("fig18", "mse_change", -5, n_added=657),
    "both_kinds_of_latents": replaced(
        fig10=histogram(((-0.1, 0.7, 15), (0.7, 0.9, 600), (0.9, 1.0, 921)))
    ),
    "many_latents_have_a_counterpart": replaced(
        fig10=histogram(((-0.1, 0.7, 1300), (0.7, 0.9, 50), (0.9, 1.0, 186)))
    ),
    "cluster_of_high_cosines": replaced(
        fig10=histogram(((-0.1, 0.7, 657), (0.7, 0.9, 700), (0.9, 1.0, 179)))
    ),
    "long_tail_of_novel_latents": replaced(
        fig10=histogram(((0.5, 0.7, 657), (0.7, 0.8, 700), (0.8, 1.0, 179)))
    ),
    "number_of_novel_latents": replaced(
        fig10=histogram(((-0.1, 0.7, 700), (0.7, 0.9, 200), (0.9, 1.0, 636)))
    ),
    "similarities_agree": row("fig11", "r2", 0.4),
    "similarities_agree_by": every("fig11", "r2", 0.8),
    "smaller_sae_worse_where_novel": replaced(fig14=novel_latents((2.703, 2.6), NOVEL[1])),
    "larger_sae_worse_where_novel": replaced(fig14=novel_latents(NOVEL[0], (2.225, 2.15))),
    "smaller_sae_more_worse_where_novel": replaced(fig14=novel_latents((2.703, 2.9), NOVEL[1])),
    "example_of_a_novel_latent": replaced(fig14=novel_latents((2.703, 3.5), NOVEL[1])),
    "latents_split": replaced(fig15=components((1, 1, 30), (2, 1, 3), (2, 3, 3))),
    "latents_split_in_two": replaced(fig15=components((1, 1, 30), (1, 3, 20), (2, 3, 3))),
    "latents_compose": replaced(fig15=components((1, 1, 30), (1, 2, 20), (1, 4, 5))),
    "larger_sae_needs_more_latents": replaced(fig15=components((1, 1, 30), (1, 2, 2), (2, 1, 20))),
    "seeds_share_latents": replaced(fig19=shares(0.4, 0.3)),
    "seeds_share_latents_by": replaced(fig19=shares(0.9, 0.6)),
    "same_size_more_alike_than_sizes": replaced(fig19=shares(0.94, 0.97)),
}

PATHS = {
    **{f"{at}insertions_raise_l0": to for at, to in paths(insert=(-0.1, -0.02)).items()},
    **{f"{at}insertions_lower_mse": to for at, to in paths(insert=(0.02, 0.2)).items()},
    **{f"{at}swaps_lower_l0": to for at, to in paths(swap=(-0.05, 0.02)).items()},
    **{f"{at}swaps_lower_mse": to for at, to in paths(swap=(0.02, -0.1)).items()},
    **{f"{at}path_interpolates": to for at, to in paths(bump=0.3).items()},
    "swaps_keep_what_is_represented": (
        paths(swap=(-0.2, -0.1))[""],
        paths(insert=(1.0, 0.2), swap=(-0.08, -0.1))[""],
    ),
    "swaps_generally_raise_mse": below_zero("fig17", "delta_mse", 0.6),
    "swaps_almost_always_lower_l0": below_zero("fig17", "delta_l0", 0.75),
    **{
        f"swap_effect_on_{name}_shrinks": scaled(
            "fig17", f"delta_{name}_percent", 3, width_large=3072
        )
        for name in ("mse", "l0")
    },
    "larger_saes_have_more_swaps": (as_many_swaps, more_swaps_and_then_fewer),
}

ARCHITECTURES = {
    "pareto_improvement_over_topk": worse_at("nmse", "topk", 64)[""],
    **{
        f"batchtopk_{column}_at_sizes": (
            worse_at(column, "topk", 32)[""],
            one_size_for_most(column),
        )
        for column in ("nmse", "ce_degradation")
    },
    **{
        f"{at}batchtopk_{column}_than_{other}": to
        for column in ("nmse", "ce_degradation")
        for other in ("topk", "jumprelu")
        for at, to in worse_at(column, other, 64).items()
        if (at, column, other) != ("second_", "ce_degradation", "jumprelu")
    },
    "second_batchtopk_ce_than_jumprelu_sparsest": worse_at("ce_degradation", "jumprelu", 16)[
        "second_"
    ],
    "second_batchtopk_ce_than_jumprelu_denser": worse_at("ce_degradation", "jumprelu", 64, 0.02)[
        "second_"
    ],
    "batchtopk_average_l0": scaled("fig7", "l0", 1.2, architecture="batchtopk", k=64),
    "jumprelu_l0_matched": scaled("fig7", "l0", 0.8, architecture="jumprelu", k=64),
    "topk_is_rigid": active(topk=[*[32] * 19, 31]),
    "batchtopk_is_flexible": active(range(25, 41), bos_count=1),
    # Two latents, and none or five.
    "batchtopk_fewest_active": (active(range(2, 95)), active([0, *range(5, 95)], bos=5)),
    "batchtopk_most_active": active(range(1, 80)),
    "bos_has_few_active": active(bos=60),
    # A peak of BOS tokens on the right, and one on the left that is of others.
    "left_peak_is_bos": (active(bos=60), active(bos_count=5)),
}

SAES = {
    "toy_small_learns_atoms": every("fig2", "atoms_recovered", 5, dictionary_size=6),
    "toy_small_uses_two": every("fig2", "l0", 1.7, dictionary_size=6),
    "toy_large_learns_compositions": every("fig2", "compositions_recovered", 8, dictionary_size=9),
    "toy_large_uses_one": every("fig2", "l0", 1.2, dictionary_size=9),
    "toy_larger_is_sparser": every("fig2", "l0", 2.1, dictionary_size=9),
    # One step of several goes the other way, and the last SAE is still better than the first.
    "mse_falls_with_size": every("table2", "mse", 2.3, width=3072),
    "celr_zero_rises_with_size": every("table2", "celr_zero", 0.94, width=3072),
    "celr_mean_rises_with_size": every("table2", "celr_mean", 0.91, width=3072),
    "zero_ablation_is_worse_than_mean": every("table2", "celr_zero", 0.936, width=3072),
    **{
        f"{model}_{claim}_as_printed{how}": printed(model, claim, by, width)
        for model, width in (("gpt2", 3072), ("gemma", 32768))
        for claim, how, by in (
            ("l0", "", 1.2),
            ("mse", "", 1.2),
            ("mse", "_relatively", 1.1),
            ("celr_zero", "", -0.02),
            ("celr_mean", "", 0.015),
        )
    },
    "biases_alike": (row("fig20", "cosine", 0.8), row("fig20", "mse_change", 74)),
    "biases_of_one_length": (row("fig20", "norm_ratio", 1.2), row("fig20", "norm_ratio", 0.8)),
    "biases_alike_by": row("fig20", "cosine", 0.995),
    "biases_of_one_length_by": row("fig20", "norm_ratio", 1.002),
    "biases_exchangeable": row("fig20", "mse_change", 7),
}

CONTRADICTIONS: dict[str, Change | tuple[Change, ...]] = {
    **LATENTS,
    **OF_DASHBOARDS,
    **OF_EXPLANATIONS,
    **OF_META_SAES,
    **PATHS,
    **ARCHITECTURES,
    **SAES,
    **OF_PROBES,
}
