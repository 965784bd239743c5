"""Tables in which the claims about interpretable features are true, and tables in which they are not."""

import pandas as pd

from tests.papers.dark_matter.worlds import with_ends

SAE = {"model": "pythia-70m", "site": "blocks.2.hook_resid_post", "sae": "relu-w2048"}
SAE |= {"width": 2048, "l0": 60.0, "seed": 0}
RIVALS = {"ica": 0.04, "pca": 0.05, "basis": 0.06, "random": 0.08}
WAYS = {"leace": -1.0, "mean_difference": -1.2, "pca": -2.0, "random": -2.5}
LEVELS = (0.25, 0.5, 0.75, 0.9)


def means(sign: float) -> pd.DataFrame:
    """sign: of the latents' advantage."""
    rows = [SAE | {"method": "sae", "directions": 150, "score": 0.7}]
    rows += [
        SAE
        | {"method": method, "directions": 150, "score": 0.7 - sign * by, "advantage": sign * by}
        for method, by in RIVALS.items()
    ]
    return with_ends(pd.DataFrame(rows), "score", "advantage")


def removals(most: float, random: float) -> pd.DataFrame:
    """most: share of the capability that the SAE's latents carry; random: that random directions do.

    The other ways remove as much as the latents.
    """
    carried = {"sae": most, "leace": most, "mean_difference": most, "pca": most, "random": random}
    rows = [
        SAE
        | {"selection": "attribution", "method": method, "n_ablated": n, "strength": 1.0}
        | {"chance": 0.02, "capability_clean": 0.4, "positions": 400, "elsewhere": 25000}
        | {"capability": 0.4 - 0.38 * lost, "capability_lost": lost, "kl_elsewhere": 0.003 * by * n}
        for method, by in (
            ("sae", 1),
            ("leace", 3),
            ("mean_difference", 4),
            ("pca", 8),
            ("random", 9),
        )
        for n, lost in ((1, carried[method] / 4), (4, carried[method] / 2), (16, carried[method]))
    ]
    return with_ends(pd.DataFrame(rows), "capability", "capability_lost", "kl_elsewhere")


def ratios(sign: float) -> pd.DataFrame:
    """sign: negative where the latents disturb less."""
    rows = [
        SAE
        | {"selection": "attribution", "method": method, "level": level}
        | {"kl": 0.01, "kl_sae": 0.005, "log_ratio": -sign * ratio}
        for method, ratio in WAYS.items()
        for level in LEVELS
    ]
    return with_ends(pd.DataFrame(rows), "kl", "kl_sae", "log_ratio")


def paper_world() -> dict[str, pd.DataFrame]:
    """Every claim holds."""
    return {
        "autointerp_means": means(1.0),
        "erasure": removals(0.95, 0.4),
        "erasure_matched": ratios(-1.0),
    }


def opposite_world() -> dict[str, pd.DataFrame]:
    """Every claim fails."""
    return {
        "autointerp_means": means(-1.0),
        "erasure": removals(0.6, 0.9),
        "erasure_matched": ratios(1.0),
    }


def excessive_world() -> dict[str, pd.DataFrame]:
    """No claim has an upper limit."""
    return opposite_world()
