"""Tables of the dashboards: for claims, that are true or not, and for figures."""

from itertools import product

import numpy as np
import pandas as pd

from tests.papers.changes import Change, every, replaced
from tests.papers.dark_matter.worlds import with_ends
from workflow_scripts.papers.canonical_units.claims.paper import GPT2

WHERE = {"model": GPT2[0], "site": "blocks.8.hook_resid_pre"}
PAIR = WHERE | {"sae_small": "w768", "sae_large": "w1536", "width_small": 768, "width_large": 1536}
LATENTS = 20
TOKENS = (" make", "sure", "\n        ", "$x$", "None", " ", "\t", "\u05d0\u0301中", None, "a" * 40)


def pairs(cosine, activation, overlap, logit) -> pd.DataFrame:
    """Each argument: of matched and of random pairs."""
    wiggle = np.linspace(-0.004, 0.004, LATENTS)
    parts = []
    for at, kind in enumerate(("matched", "random")):
        columns = {
            "latent_small": range(LATENTS),
            "latent_large": np.roll(range(LATENTS), at),
            "decoder_cosine": cosine[at] + wiggle,
            "activation_cosine": activation[at] + wiggle,
            "top_overlap": overlap[at] + wiggle,
            "logit_correlation": logit[at] + wiggle,
        }
        parts.append(pd.DataFrame(columns).assign(kind=kind, **PAIR))
    return with_ends(pd.concat(parts, ignore_index=True), "activation_cosine")


def shown(*roles: tuple[str, str, float]) -> pd.DataFrame:
    """Latents 0, 1, … with role, SAE and cosine."""
    rows = [
        {"role": role, "sae": sae, "width": int(sae[1:]), "l0": 40.0, "seed": np.nan}
        | {"latent": latent, "firings": 900, "frequency": 0.01, "activation_max": 20.0}
        | {"cosine": cosine}
        for latent, (role, sae, cosine) in enumerate(roles)
    ]
    return with_ends(pd.DataFrame(rows).assign(**WHERE), "frequency")


def nearest(cosine: float) -> pd.DataFrame:
    """A novel latent and the three nearest to it."""
    cosines = cosine + 0.01 * np.array([1, 0, -1])
    return shown(("novel", "w1536", cosines[0]), *(("nearest", "w768", each) for each in cosines))


def paper_world() -> dict[str, pd.DataFrame]:
    return {
        "fig12_pairs": pairs((0.986, 0.1), (0.95, 0.05), (0.7, 0.0), (0.97, 0.0)),
        "fig13_latents": nearest(0.3),
    }


def opposite_world() -> dict[str, pd.DataFrame]:
    return {
        "fig12_pairs": pairs((0.6, 0.1), (0.3, 0.2), (0.1, 0.05), (0.3, 0.2)),
        "fig13_latents": nearest(0.6),
    }


def high_anyway(column: str, value: float) -> tuple[Change, Change]:
    """Like pairs have little of it, or random pairs have nearly as much of it."""
    return (
        every("fig12_pairs", column, 0.4, kind="matched"),
        every("fig12_pairs", column, value, kind="random"),
    )


CONTRADICTIONS: dict[str, Change | tuple[Change, ...]] = {
    "pair_of_nearly_equal_latents": every("fig12_pairs", "decoder_cosine", 0.97, kind="matched"),
    "like_latents_fire_on_the_same_inputs": high_anyway("top_overlap", 0.3),
    "like_latents_fire_alike": high_anyway("activation_cosine", 0.6),
    "like_latents_boost_the_same_tokens": high_anyway("logit_correlation", 0.6),
    "nearest_to_a_novel_latent": (
        replaced(fig13_latents=nearest(0.4)),
        replaced(fig13_latents=nearest(0.2)),
    ),
}


def tables_of_figures() -> dict[str, pd.DataFrame]:
    """All tables of figures 12 and 13."""
    pair = shown(("pair", "w768", 0.99), ("pair", "w1536", 0.99))
    four = nearest(0.3)
    return {
        **paper_world(),
        "fig12_latents": pair,
        **{f"fig12{end}": table for end, table in _dashboards(pair).items()},
        **{f"fig13{end}": table for end, table in _dashboards(four).items()},
    }


def _dashboards(latents: pd.DataFrame) -> dict[str, pd.DataFrame]:
    who = latents[["role", "model", "site", "sae", "width", "l0", "seed", "latent"]]
    places = pd.DataFrame(
        [
            {"rank": rank, "context": 3 * rank, "position": 40 + at}
            | {"token": TOKENS[(at + rank) % len(TOKENS)], "peak": at == 11 + rank}
            | {"activation": max(0.0, (20 - rank) * (1 - abs(at - 11 - rank) / 3))}
            for rank, at in product(range(6), range(18))
        ]
    )
    sides = pd.DataFrame(
        [
            {
                "side": side,
                "rank": rank,
                "token": TOKENS[rank],
                "logit_weight": sign * (2 - rank / 9),
            }
            for (side, sign), rank in product((("promoted", 1), ("suppressed", -0.5)), range(10))
        ]
    )
    edges = np.linspace(0, 20, 9)
    bins = pd.DataFrame(
        {"activation": edges[:-1], "activation_end": edges[1:], "count": 200 - 20 * np.arange(8)}
    )
    tables = {"": places, "_tokens": sides, "_histogram": bins}
    return {end: who.merge(table, how="cross") for end, table in tables.items()}
