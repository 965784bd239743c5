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
    interval over documents, `rank_sure`, where rare tokens do not lead by noise, nor those of a single
    document, of whose place in others nothing is known. listed: by which of the two, ``mean`` or
    ``lower end`` alone. sd_gap: spread of a token's gaps. quoted: the token as it is shown.
    """
    from workflow_scripts.anatomy.text.tokenization import token_strings

    (path,) = [input.effects] if isinstance(input.effects, str) else input.effects
    store = open_effects(path)
    table = gaps_by_token(store)
    table["token"] = np.array(token_strings(Path(input.tokenizer)), object)[table["token_id"]]
    named = who(store, means_of(store, [], params.bootstrap, params.seed))
    sure = (table["rank_sure"] <= SHOWN) & np.isfinite(table["mean_gap_lo"])
    shown = table[(table["rank"] <= SHOWN) | sure]
    shown = shown.sort_values("rank", ignore_index=True)
    # In quotes, as most tokens differ from another one by a space alone.
    shown["quoted"] = [json.dumps(token, ensure_ascii=False) for token in shown["token"]]
    shown["listed"] = np.where(shown["rank"] <= SHOWN, "mean", "lower end")
    return {"table": pd.DataFrame(named | {name: shown[name] for name in shown})}


def gaps_by_token(store: EffectsStore) -> pd.DataFrame:
    """Every token with `LEAST` occurrences: occurrences, documents, mean_gap with its interval, sd_gap, ranks.

    The interval is over documents, since occurrences of one document are not independent: see `half_widths`.
    """
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
    tokens["residual"] = tokens["gap"] - by_token["gap"].transform("mean")
    table = by_token["gap"].agg(occurrences="size", mean_gap="mean", sd_gap="std")
    of_documents = tokens.groupby(["token_id", "unit"])["residual"].sum()
    table["documents"] = of_documents.groupby("token_id").size()
    table["squares"] = (of_documents**2).groupby("token_id").sum()
    table = table[table["occurrences"] >= LEAST].reset_index()
    half = half_widths(table.pop("squares"), table["occurrences"], table["documents"])
    table["mean_gap_lo"], table["mean_gap_hi"] = table["mean_gap"] - half, table["mean_gap"] + half
    for rank, column in (("rank", "mean_gap"), ("rank_sure", "mean_gap_lo")):
        table[rank] = table[column].rank(ascending=False, method="first").astype(int)
    return table


def half_widths(squares: pd.Series, occurrences: pd.Series, documents: pd.Series) -> np.ndarray:
    """Half of the 95 % interval of each mean over occurrences, infinite where they are of one document.

    The standard error is robust to whatever occurrences of a document have in common, with the factor for
    few documents (CR1): the mean's residuals are summed in each document, and `squares` is the sum of the
    squares of these. Student's t has one degree of freedom less than there are documents. With one
    occurrence in each document the interval is Student's of independent numbers.
    """
    from scipy.stats import t

    freedom = (documents - 1).clip(lower=1)
    error = (documents / freedom * squares) ** 0.5 / occurrences
    return np.where(documents > 1, t.ppf(LEVEL, freedom) * error, np.inf)
