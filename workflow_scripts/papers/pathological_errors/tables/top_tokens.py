"""The tokens whose KL gap is largest on average, of those that occur often enough."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.interventions.effect_means import means_of, who
from workflow_scripts.anatomy.interventions.effects_store import EffectsStore, open_effects
from workflow_scripts.papers.pathological_errors.interventions import BASELINE

# As in the post.
LEAST, SHOWN = 5, 20
LEVEL = 0.975


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, of the main SAE; tokenizer. params: bootstrap, seed.

    The first `SHOWN` tokens by the mean of their gaps, `rank`, and the first by the lower end of its
    interval, `rank_sure`, where rare tokens do not lead by noise. listed: by which of the two, ``mean`` or
    ``lower end`` alone. sd_gap: spread of a token's gaps. quoted: the token as it is shown.
    """
    from workflow_scripts.anatomy.text.tokenization import token_strings

    (path,) = [input.effects] if isinstance(input.effects, str) else input.effects
    store = open_effects(path)
    table = gaps_by_token(store)
    table["token"] = np.array(token_strings(Path(input.tokenizer)), object)[table["token_id"]]
    named = who(store, means_of(store, [], params.bootstrap, params.seed))
    shown = table[(table["rank"] <= SHOWN) | (table["rank_sure"] <= SHOWN)]
    shown = shown.sort_values("rank", ignore_index=True)
    # In quotes, as most tokens differ from another one by a space alone.
    shown["quoted"] = [json.dumps(token, ensure_ascii=False) for token in shown["token"]]
    shown["listed"] = np.where(shown["rank"] <= SHOWN, "mean", "lower end")
    return {"table": pd.DataFrame(named | {name: shown[name] for name in shown})}


def gaps_by_token(store: EffectsStore) -> pd.DataFrame:
    """Every token with `LEAST` occurrences: occurrences, documents, mean_gap with Student's interval, sd_gap, ranks.

    The interval takes occurrences for independent; of one document they are not.
    """
    from scipy.stats import t

    ids, gaps, units = [], [], []
    for block in store.blocks():
        gap = store.values("kl/sae", block) - store.values(f"kl/{BASELINE}", block)
        known = ~np.isnan(gap)
        ids.append(store.group["tokens"][block][known])
        gaps.append(gap[known])
        units.append(store.units.places(block)[known])
    columns = zip(("token_id", "gap", "unit"), (ids, gaps, units), strict=True)
    tokens = pd.DataFrame({name: np.concatenate(parts) for name, parts in columns})
    by_token = tokens.groupby("token_id")
    table = by_token["gap"].agg(occurrences="size", mean_gap="mean", sd_gap="std")
    table["documents"] = by_token["unit"].nunique()
    table = table[table["occurrences"] >= LEAST].reset_index()
    half = t.ppf(LEVEL, table["occurrences"] - 1) * table["sd_gap"] / table["occurrences"] ** 0.5
    table["mean_gap_lo"], table["mean_gap_hi"] = table["mean_gap"] - half, table["mean_gap"] + half
    for rank, column in (("rank", "mean_gap"), ("rank_sure", "mean_gap_lo")):
        table[rank] = table[column].rank(ascending=False, method="first").astype(int)
    return table
