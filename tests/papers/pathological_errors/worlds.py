"""Tables in which the claims of the post and of its comments are true, and tables in which they are not."""

from itertools import product

import numpy as np
import pandas as pd

from tests.papers.dark_matter.worlds import with_ends
from workflow_scripts.papers.pathological_errors.claims.paper import GPT2
from workflow_scripts.papers.pathological_errors.interventions import CONTRASTS, INTERVENTIONS
from workflow_scripts.papers.pathological_errors.tables.kl_histogram import QUANTILES

LAYERS = (0, 4, 8, 11)
SEED = {"seed": 0, "width": 24576, "architecture": "standard", "l0": 60.0}
ABOUT = {"distance": 10.0, "cosine": 0.95, "norm": 60.0}


def where(layer: int, site: str = "hook_resid_pre") -> dict:
    return {"model": GPT2[0], "site": f"blocks.{layer}.{site}", "sae": f"jb-{layer}"} | SEED


def effects(numbers: dict, random: float, ratios, ce_ratios, site="hook_resid_pre") -> pd.DataFrame:
    """numbers: KL of each intervention over that of random errors, or over that of the SAE."""
    rows = []
    for layer, ratio, ce_ratio in zip(LAYERS, ratios, ce_ratios, strict=True):
        for name in INTERVENTIONS:
            of_sae = name.startswith("sae")
            times = numbers.get(name, 1.0) * (ratio if of_sae else 1.0)
            ce_times = numbers.get(name, 1.0) * (ce_ratio if of_sae else 1.0)
            rows.append(
                where(layer, site)
                | {"layer": layer, "intervention": name}
                | {"kl": times * random, "ratio": times}
                | {"ce_increase": ce_times * random, "ce_ratio": ce_times}
                | ABOUT
            )
    return with_ends(pd.DataFrame(rows), "kl", "ratio", "ce_increase", "ce_ratio")


def controls(numbers: dict) -> pd.DataFrame:
    """numbers: ratio of each pair; pairs that are not there have 2.5 beside random errors, else 1.5."""
    rows = [
        where(layer)
        | {"layer": layer, "intervention": name, "baseline": baseline}
        | {"ratio": numbers.get((name, baseline), 2.5 if baseline == "epsilon_random" else 1.5)}
        for layer, (name, baseline) in product(LAYERS, CONTRASTS)
    ]
    return with_ends(pd.DataFrame(rows), "ratio")


def quantiles(ratio: float) -> pd.DataFrame:
    rows = [
        where(layer) | {"layer": layer, "quantile": quantile, "ratio": ratio + quantile}
        for layer, quantile in product(LAYERS, QUANTILES)
    ]
    return with_ends(pd.DataFrame(rows), "ratio")


def positions(ratio: float) -> pd.DataFrame:
    rows = [
        where(layer)
        | {"layer": layer, "first": at, "last": at + 1, "position": at + 0.5}
        | {"intervention": name, "kl": 0.01 * times * (1 + at / 20), "ratio": times}
        for layer, at, (name, times) in product(
            LAYERS,
            range(1, 33, 2),
            (("sae", ratio), ("epsilon_random", 1.0), ("epsilon_errors", 1.5)),
        )
    ]
    return with_ends(pd.DataFrame(rows), "kl", "ratio")


def single_token(at: float, following: float, last: float, kl: float) -> pd.DataFrame:
    """Ratios at the position and after it, and after it at the last layer; KL of random errors at it."""
    rows = []
    for layer, offset in product(LAYERS, range(17)):
        of_sae = at if offset == 0 else last if layer == LAYERS[-1] else following
        for name, times in (("sae", of_sae), ("epsilon_random", 1.0), ("cosine_random", 1.1)):
            rows.append(
                where(layer)
                | {"position": 32, "layer": layer, "offset": offset, "intervention": name}
                | {"kl": times * kl / (1 + offset) ** 2, "ratio": times}
            )
    return with_ends(pd.DataFrame(rows), "kl", "ratio")


def pathology(near: float, far: float, spread: float, n: int = 200) -> pd.DataFrame:
    """Shares of tokens with a z of 0 and of 9, the others have 3; sd over mean of the draws."""
    z = np.repeat([0.0, 9.0, 3.0], [round(near * n), round(far * n), n - round((near + far) * n)])
    mean = 0.01 * (1 + np.arange(n) % 5)
    columns = {"layer": 8, "position": 48, "context": np.arange(n), "unit": np.arange(n)}
    columns |= {"token": " the", "kl": mean * (1 + spread * z), "kl_mean": mean}
    columns |= {"kl_sd": spread * mean * np.where(np.arange(n) % 2, 0.9, 1.1), "z": z}
    return pd.DataFrame(where(8) | columns | {"beyond": 0.9})


def correlates(numbers: dict, between: float) -> pd.DataFrame:
    rows = []
    for layer, method in product(LAYERS, ("pearson", "spearman")):
        row = where(layer) | {"layer": layer, "method": method}
        for name, value in numbers.items():
            rows.append(row | {"variable": name, "other_layer": np.nan, "correlation": value})
        rows += [
            row | {"variable": "gap_of_layer", "other_layer": other, "correlation": between}
            for other in LAYERS
            if other != layer
        ]
    return with_ends(pd.DataFrame(rows), "correlation")


def top_tokens(spread: float) -> pd.DataFrame:
    """spread: standard deviation of a token's gaps over their mean."""
    rank = np.arange(1, 23)
    mean = 3.0 / rank
    columns = {"layer": 8, "token_id": rank, "token": [f" t{at}" for at in rank], "rank": rank}
    columns |= {"occurrences": 5 + rank, "documents": rank, "rank_sure": rank, "mean_gap": mean}
    columns |= {"sd_gap": spread * mean * np.where(rank % 2, 0.95, 1.05)}
    columns |= {"listed": np.where(rank <= 20, "mean", "lower end")}
    return with_ends(pd.DataFrame(where(8) | columns), "mean_gap")


def sweep(low: float, high: float) -> pd.DataFrame:
    """Ratios on the tokens of the lowest cosine and of the highest."""
    rows = []
    for layer in LAYERS:
        row = where(layer) | ABOUT | {"layer": layer, "part": np.nan, "kl_sae": 0.03}
        for level in (0.5, 1.0, 2.0, 4.0):
            own = {"axis": "distance", "level": level, "kl": 0.01 * level**2}
            rows.append(row | own | {"ratio": 3 / level**2})
        for level in (0.5, 0.8, 0.95, 0.99):
            own = {"axis": "cosine", "level": level, "kl": 0.2 * (1 - level)}
            rows.append(row | own | {"ratio": 0.03 / own["kl"]})
        for part in range(5):
            own = {"axis": "cosine_of_tokens", "part": part, "level": 0.8 + 0.04 * part, "kl": 0.01}
            rows.append(row | own | {"ratio": low + (high - low) * part / 4})
    return with_ends(pd.DataFrame(rows), "kl", "kl_sae", "ratio")


def of_sizes(per_octave: float, penalty: float) -> pd.DataFrame:
    """per_octave: what is added to the ratio per doubling of width; penalty: for SAEs with an L1 penalty."""
    rows = []
    for architecture, at, l0 in product(("topk", "standard"), range(3), (16.0, 64.0)):
        ratio = 3 + per_octave * at + penalty * (architecture == "standard")
        named = where(8) | {"architecture": architecture, "width": 768 * 2**at, "l0": l0}
        named |= {"sae": f"{architecture}-{at}-{l0:g}", "layer": 8, "subject": "sae"} | ABOUT
        rows.append(named | {"kl": ratio * 0.01, "kl_random": 0.01, "ratio": ratio})
    table = pd.DataFrame(rows)
    table["ratio"] += 1e-4 * np.cos(np.arange(len(table)))
    table["ratio_errors"], table["ce_ratio"], table["ce_increase"] = 1.5, 2.0, 0.02
    return with_ends(table, "kl", "kl_random", "ratio", "ratio_errors", "ce_ratio", "ce_increase")


def parts(numbers: dict) -> pd.DataFrame:
    """Ratios of what is made of one SAE."""
    rows = [
        where(8) | ABOUT | {"layer": 8, "subject": subject, "kl": 0.01 * ratio, "ratio": ratio}
        for subject, ratio in numbers.items()
    ]
    table = pd.DataFrame(rows).assign(kl_random=0.01, ratio_errors=1.4)
    return with_ends(table, "kl", "kl_random", "ratio", "ratio_errors")


RATIOS, CE_RATIOS = (2.2, 3.0, 4.5, 2.5), (2.0, 3.0, 3.9, 2.5)
NORMS = {
    **{"sae_norm_of_x": 0.97, "x_norm_of_sae": 0.1, "epsilon_random_norm": 0.98},
    **{"cosine_random": 1.05, "real_difference": 1.8, "mean": 30.0, "zero": 50.0},
}


def paper_world() -> dict[str, pd.DataFrame]:
    """Every claim and every prediction holds."""
    of_pairs = {
        ("sae", "epsilon_random"): 3.0,
        ("sae_scaled", "epsilon_random"): 2.4,
        ("epsilon_errors", "epsilon_random"): 2.9,
        ("sae", "epsilon_errors"): 3 / 2.9,
        ("sae", "epsilon_activations"): 1.0,
        ("sae_scaled", "sae"): 0.8,
        ("sae_scaled", "scaled_random"): 2.6,
        ("sae_norm_of_x", "sae"): 0.97,
    }
    numbers = {"cosine": -0.3, "distance": 0.3, "norm": 0.05, "l0": 0.1, "loss": 0.02}
    numbers |= {"position": 0.15, "log_frequency": 0.02}
    subjects = {"sae": 3.0, "linear_error": 2.0, "nonlinear_error": 2.6, "pursuit": 2.0}
    return {
        "interventions": effects(NORMS, 0.02, RATIOS, CE_RATIOS),
        "attention": effects(
            NORMS | {"x_norm_of_sae": 0.5}, 0.001, (0.95, 1.2, 1.65, 1.1), CE_RATIOS, "attn.hook_z"
        ),
        "controls": controls(of_pairs),
        "kl_quantiles": quantiles(2.0),
        "position": positions(2.8),
        "single_token": single_token(2.6, 2.4, 1.4, 0.005),
        "pathology": pathology(0.2, 0.7, 0.3),
        "correlates": correlates(numbers, 0.5),
        "top_tokens": top_tokens(0.8),
        "sweep": sweep(0.7, 3.0),
        "by_width": of_sizes(-0.2, 0.0),
        "by_architecture": of_sizes(0.0, 0.5),
        "by_component": parts(subjects | {"stitched": 2.5}),
    }


def opposite_world() -> dict[str, pd.DataFrame]:
    """Every claim fails, but for those that fail in `excessive_world`."""
    of_pairs = dict.fromkeys(CONTRASTS, 0.7) | {
        ("sae", "epsilon_random"): 3.0,
        ("epsilon_errors", "epsilon_random"): 0.9,
        ("sae", "epsilon_errors"): 2.0,
        ("sae", "epsilon_activations"): 2.0,
        ("sae_scaled", "sae"): 1.3,
    }
    numbers = {"cosine": 0.3, "distance": 0.3, "norm": 0.05, "l0": 0.6, "loss": 0.02}
    numbers |= {"position": 0.01, "log_frequency": 0.4}
    subjects = {"sae": 3.0, "linear_error": 2.0, "nonlinear_error": 2.6, "pursuit": 4.0}
    spread = {"epsilon_random_norm": 3.0, "x_norm_of_sae": 1.5}
    return {
        "interventions": effects(NORMS | spread, 0.0001, (0.5,) * 4, (0.6,) * 4),
        "attention": effects(
            NORMS | {"x_norm_of_sae": 0.01}, 0.02, (0.8, 2.5, 2.5, 2.5), CE_RATIOS, "attn.hook_z"
        ),
        "controls": controls(of_pairs),
        "kl_quantiles": quantiles(0.5),
        "position": positions(0.8),
        "single_token": single_token(1.5, 0.8, 0.7, 0.02),
        "pathology": pathology(0.0, 0.0, 0.9),
        "correlates": correlates(numbers, -0.2),
        "top_tokens": top_tokens(0.2),
        "sweep": sweep(2.0, 1.0),
        "by_width": of_sizes(0.2, 0.0),
        "by_architecture": of_sizes(0.0, -0.5),
        "by_component": parts(subjects | {"stitched": 3.5}),
    }


def excessive_world() -> dict[str, pd.DataFrame]:
    """What was claimed to be within bounds is beyond them."""
    world = opposite_world()
    ce_ratios = (5.0, 6.0, 7.0, 5.0)
    world["interventions"] = effects(NORMS, 0.02, (6.0, 7.0, 9.0, 6.0), ce_ratios)
    world["pathology"] = pathology(0.9, 0.0, 0.9)
    # Smaller, and for their size worse than before.
    pairs = {("sae_scaled", "sae"): 0.9, ("sae_scaled", "scaled_random"): 3.5}
    world["controls"] = controls({("sae", "epsilon_random"): 3.0} | pairs)
    return world
