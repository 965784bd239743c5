"""What stitching says, as the explorer has it: the tables' rows, by the numbers of SAEs that are shown."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.report.shards.stitched import (
    GROUPS,
    NOBODY,
    novel_below,
    read_stitched,
    stitched_shard,
    with_stitched,
)

SAES = [{"model": "m", "site": "s", "sae": name} for name in ("wide", "narrow", "other")]


@pytest.fixture
def stitched(tmp_path):
    rows = {"model": "m", "site": "s", "sae": ["wide"] * 3 + ["narrow"] * 2, "threshold": 0.6}
    rows |= {"other": ["narrow"] * 3 + ["wide"] * 2, "larger": [True] * 3 + [False] * 2}
    rows |= {"latent": [0, 1, 2, 0, 1], "group": ["1-1", "alone", "silent", "1-1", "alone"]}
    rows |= {"n_small": [1, 0, 0, 1, 0], "n_large": [1, 0, 0, 1, 0], "nearest": [0, 1, -1, 0, 1]}
    rows |= {"cosine": [0.9, 0.5, np.nan, 0.9, 0.5], "mse_small": [8.0] * 3 + [np.nan] * 2}
    change = [-1.5, 0.5, 0.0, np.nan, np.nan]
    rows |= {name: change for name in ("delta_mse", "delta_mse_lo", "delta_mse_hi")}
    table = pd.DataFrame(rows)
    write_table(tmp_path / "one.csv", table)
    write_table(tmp_path / "two.csv", table.assign(model="not shown", threshold=0.1))
    return read_stitched([tmp_path / "two.csv", tmp_path / "one.csv"], SAES)


def test_rows_of_saes_that_are_not_shown_are_left_out(stitched):
    assert stitched["sae_number"].tolist() == [0, 0, 0, 1, 1]
    assert stitched["other_number"].tolist() == [1, 1, 1, 0, 0]
    assert novel_below(stitched) == 0.6


def test_the_file_has_every_row(stitched):
    columns = stitched_shard(stitched).columns
    assert [GROUPS[group] for group in columns["group"]] == stitched["group"].tolist()
    assert columns["nearest"].tolist() == [0, 1, NOBODY, 0, 1]
    assert columns["delta_mse"][:3].tolist() == [-1.5, 0.5, 0]
    assert np.isnan(columns["delta_mse"][3:]).all()
    assert columns["larger"].tolist() == [1, 1, 1, 0, 0]


def test_the_index_has_what_a_latent_changes_when_it_is_added(stitched):
    tables = [pd.DataFrame({"latent": range(n)}) for n in (3, 2, 4)]
    wide, narrow, other = with_stitched(tables, stitched)
    assert wide["delta_mse"].tolist() == [-1.5, 0.5, 0]
    assert wide["novel"].fillna(-1).tolist() == [0, 1, -1]
    assert "delta_mse" not in narrow and "delta_mse" not in other


def test_a_run_that_stitches_nothing_has_an_empty_file():
    nothing = read_stitched([], SAES)
    assert novel_below(nothing) is None
    assert not stitched_shard(nothing).columns
    tables = [pd.DataFrame({"latent": [0]})]
    assert with_stitched(tables, nothing)[0].columns.tolist() == ["latent"]
