"""Parts of the index that no whole explorer shows."""

import numpy as np
import pandas as pd

from tests.anatomy.report.synthetic_run import HOSTILE, claims_table, table_of
from workflow_scripts.anatomy.report.shards.facts import claims_of, largest_error, main_site
from workflow_scripts.anatomy.report.shards.index import index_of


def tables():
    generator = np.random.default_rng(0)
    return [table_of(generator, width, HOSTILE, False) for width in (4, 0, 3)]


def shards_of(*given):
    columns, shards = index_of(*given)
    return columns, {shard.key: shard.columns for shard in shards}


def test_scores_stand_in_the_rows_of_their_latents():
    explained = {0: {3: {"score": 0.75}, 1: {"score": None}}, 2: {0: {"score": 0.5}}}
    _, shards = shards_of(tables(), explained)
    expected = [np.nan, np.nan, np.nan, 0.75, 0.5, np.nan, np.nan]
    assert np.array_equal(shards["index-core"]["score"], np.float32(expected), equal_nan=True)


def test_what_was_not_measured_has_no_column_but_in_the_core():
    bare = [
        table[["latent", "firings", "density", "name"]].assign(error_lift=np.nan)
        for table in tables()
    ]
    columns, shards = shards_of(bare)
    assert [column["key"] for column in columns] == [
        "density",
        "error",
        "score",
        "cosine",
        "firings",
    ]
    assert set(shards) == {"index-core", "index-firings", "names"}
    assert np.isnan(shards["index-core"]["error"]).all()


def test_columns_of_some_saes_alone_are_empty_for_others():
    first, empty, last = tables()
    columns, shards = shards_of([first, empty, last.drop(columns=["error_lift"])])
    assert "error_lift" in [column["key"] for column in columns]
    assert np.isnan(shards["index-error_lift"]["value"][4:]).all()


def test_dead_latents_have_no_part_of_the_error():
    table = tables()[0]
    table["firings"], table["density"] = [0, 1, 1, 1], [0.0, 0.1, 0.1, 0.1]
    table["error_contribution"] = [0.9, 0.2, 0.3, 0.1]
    _, shards = shards_of([table])
    assert np.isnan(shards["index-core"]["error"]).tolist() == [True, False, False, False]
    assert largest_error([{"slug": "a"}], [table])["latent"] == 2
    other = table.assign(error_contribution=0.99)
    saes = [{"slug": "a", "decomposed": True}, {"slug": "b", "decomposed": False}]
    assert largest_error(saes, [table, other])["sae"] == "a"
    assert largest_error([{"slug": "a"}], [table.assign(error_contribution=np.nan)]) is None


def test_the_main_site_has_most_saes():
    sites = [("m", "b"), ("m", "a"), ("m", "a"), ("m", "b")]
    assert main_site([{"model": m, "site": s} for m, s in sites]) == {"model": "m", "site": "b"}
    assert main_site([]) is None


def test_claims_without_a_table_are_none():
    assert claims_of(None).header == {"claims": []}
    (*_, last) = claims_of(claims_table(False).replace({"note": {"": np.nan}})).header["claims"]
    assert last["measured"] is None and last["reason"] is None
    assert pd.isna(claims_table(False)["measured"].iloc[-1])
