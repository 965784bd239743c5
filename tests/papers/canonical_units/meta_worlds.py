"""Tables about meta-SAEs in which what the paper claims is true, and tables in which it is not."""

from itertools import product

import numpy as np
import pandas as pd

from tests.papers.changes import Change, all_of, every, moved, scaled
from tests.papers.dark_matter.worlds import with_ends
from workflow_scripts.papers.canonical_units.claims.paper import GPT2

GPT2_MAIN = {"model": GPT2[0], "site": "blocks.8.hook_resid_pre"}
SEEDS = (0, 1)
COMPARED = ("share_lost", "over_floor", "over_random_latents")


def final(main, gains, architectures, by_width, gain_by_width, l0, varies):
    """main: variance explained; gains: over the two controls; architectures: name -> how much BatchTopK is
    ahead; by_width, gain_by_width: per doubling of the width; l0: of the main one; varies: by how much more its
    number of active meta-latents does than those of both controls. All L0s are set on other directions."""
    rows = []
    for seed in SEEDS:

        def add(part, explained, seed=seed, **about):
            about = {
                "rows": "decoder",
                "architecture": "batchtopk",
                "width": 49152,
                "l0": 4.0,
            } | about
            name = f"{part}-{about['rows']}-{about['architecture']}-{about['width']}-s{seed}"
            rows.append(
                GPT2_MAIN
                | {"part": part, "meta_sae": name, "sae": f"w{about['width']}", "seed": seed}
                | {"meta_width": 2304, "k": 4.0, "l0_set_on": "other directions"}
                | {"active_sd": 1.0, "active_sd_gap": np.nan}
                | {"variance_explained": explained + 1e-4 * seed, "gap": np.nan}
                | about
            )

        add("main", main, l0=l0)
        for kind, gain in zip(("same_covariance", "isotropic"), gains, strict=True):
            less = {"active_sd": 1.0 - varies, "active_sd_gap": varies}
            add("control", main - gain, rows=kind, gap=gain, **less)
        add("architecture", main)
        for name, ahead in architectures.items():
            add("architecture", main - ahead, architecture=name, gap=ahead)
        for at, width in enumerate((768, 1536, 3072)):
            explained, gain = main + at * by_width, 0.1 + at * gain_by_width
            add("width", explained, width=width)
            add("width", explained - gain, width=width, rows="same_covariance", gap=gain)
    return with_ends(pd.DataFrame(rows), "variance_explained", "gap", "l0", "active_sd_gap")


def cosines(own, control, drawn, share):
    """Median largest cosines of meta-latents, of the two controls, and the share that is high, at 3072."""
    rows = [
        GPT2_MAIN
        | {"sae": f"w{width}", "width": width, "meta_width": 2304, "seed": seed, "directions": kind}
        | {"median_max_cosine": median if width == 3072 else 0.5, "threshold": 0.7}
        | {"share_above": share if width == 3072 else 0.3}
        for width, seed, (kind, median) in product(
            (768, 3072, 49152),
            SEEDS,
            (("meta_latents", own), ("same_covariance", control), ("random", drawn)),
        )
    ]
    return with_ends(pd.DataFrame(rows), "median_max_cosine", "share_above")


def replacements(none, nearest, others, floor):
    """Variance explained with a meta-SAE's own directions, with the nearest of 3072 latents and with as many
    others, and with random directions of the same covariance."""
    explained = {
        "none": none,
        "nearest_3072": nearest,
        "random_latents_3072": others,
        "nearest_1536": nearest - 0.3,
        "random_latents_1536": others - 0.3,
        "same_covariance": floor,
        "random": floor - 0.3,
    }
    rows = [
        GPT2_MAIN
        | {"sae": "w49152", "width": 49152, "meta_width": 2304, "seed": seed, "replaced": replaced}
        | {"variance_explained": value, "share_lost": (none - value) / (none - floor)}
        | {"over_floor": value - floor, "over_random_latents": _over_others(explained, replaced)}
        for seed, (replaced, value) in product(SEEDS, explained.items())
    ]
    nothing = dict.fromkeys(COMPARED, np.nan)
    rows.append(rows[0] | nothing | {"replaced": "pursuit_3072", "meta_width": 3000})
    return with_ends(pd.DataFrame(rows), "variance_explained", *COMPARED)


def _over_others(explained, replaced):
    others = replaced.replace("nearest", "random_latents")
    return explained[replaced] - explained[others] if others != replaced else np.nan


def paper_world() -> dict[str, pd.DataFrame]:
    """Every claim holds."""
    ahead = {"topk": 0.01, "jumprelu": 0.05, "standard": 0.1}
    return {
        "meta_sae_final": final(0.5547, (0.1, 0.4), ahead, 0.02, 0.02, 4.0, 0.2),
        "fig6_summary": cosines(0.8, 0.5, 0.2, 0.7),
        "fig23": replacements(0.55, 0.5, 0.4, 0.2),
    }


def opposite_world() -> dict[str, pd.DataFrame]:
    """Every claim fails."""
    behind = {"topk": -0.01, "jumprelu": -0.05, "standard": -0.1}
    return {
        "meta_sae_final": final(0.4, (-0.1, 0.1), behind, -0.02, -0.02, 8.0, -0.2),
        "fig6_summary": cosines(0.4, 0.5, 0.2, 0.2),
        "fig23": replacements(0.55, 0.15, 0.16, 0.2),
    }


FINAL = "meta_sae_final"
MAIN, WIDTH = {"part": "main"}, {"part": "width"}


def behind(architecture: str) -> Change:
    """BatchTopK explains a little less than another architecture."""
    return every(FINAL, "gap", -0.004, part="architecture", architecture=architecture)


def flat(column: str, rows: str, by: float) -> Change:
    """The two larger SAEs have about what the smallest has."""
    return all_of(
        *(moved(FINAL, column, by * at, width=width, rows=rows, **WIDTH)
          for at, width in ((1, 1536), (2, 3072)))
    )  # fmt: skip


CONTRADICTIONS: dict[str, Change | tuple[Change, ...]] = {
    "meta_sae_explains_by": every(FINAL, "variance_explained", 0.53, **MAIN),
    # Better than isotropic directions, which is no structure beyond the covariance.
    "latents_decompose": every(FINAL, "gap", -0.01, part="control", rows="same_covariance"),
    "few_meta_latents_a_latent": (
        scaled(FINAL, "l0", 1.2, **MAIN),
        scaled(FINAL, "l0", 0.8, **MAIN),
    ),
    "larger_saes_less_atomic": flat("variance_explained", "decoder", -0.03),
    # More is explained of larger SAEs, and as much more of random directions of their covariance.
    "larger_saes_less_atomic_than_random": flat("gap", "same_covariance", -0.03),
    "meta_batchtopk_better_than_jumprelu": behind("jumprelu"),
    "meta_batchtopk_better_than_standard": behind("standard"),
    "meta_batchtopk_no_worse_than_topk": behind("topk"),
    "meta_latents_vary_in_number": every(
        # As much as on random directions, isotropic ones left aside.
        FINAL,
        "active_sd_gap",
        -0.01,
        part="control",
        rows="same_covariance",
    ),
    "meta_latents_like_latents_of_their_size": (
        every("fig6_summary", "median_max_cosine", 0.45, width=3072, directions="meta_latents"),
        every("fig6_summary", "median_max_cosine", 0.85, width=3072, directions="same_covariance"),
        every("fig6_summary", "median_max_cosine", 0.85, width=3072, directions="random"),
    ),
    "meta_latents_have_counterparts": every(
        "fig6_summary", "share_above", 0.4, width=3072, directions="meta_latents"
    ),
    "replaced_directions_lose_little": every("fig23", "share_lost", 0.4, replaced="nearest_3072"),
    # Better than isotropic directions, which need not even have the covariance.
    "larger_saes_composed_of_smaller": every("fig23", "over_floor", -0.01, replaced="nearest_3072"),
    # Much better than any random direction, but any other latents of that SAE are, too.
    "resemblance_matters": every("fig23", "over_random_latents", -0.01, replaced="nearest_3072"),
}


def tables_of_figures() -> dict[str, pd.DataFrame]:
    """What figures read and claims do not: the training curves, and a row for each meta-latent."""
    own = paper_world()[FINAL]
    epochs = pd.DataFrame({"epoch": np.arange(0, 2001, 100)})
    curves = own[["part", "rows", "meta_sae", "variance_explained", "l0"]].merge(
        epochs, how="cross"
    )
    curves["variance_explained"] *= 1 - np.exp(-(curves["epoch"] + 10) / 300)
    summary = paper_world()["fig6_summary"]
    latents = pd.DataFrame({"meta_latent": range(40), "off": np.linspace(-0.3, 0.2, 40)})
    table = summary.merge(latents, how="cross")
    table["max_cosine"] = (table["median_max_cosine"] + table["off"]).clip(upper=1)
    return {"meta_sae": curves, "fig6": table}
