"""Draws stay with their rows, in memory and on disk."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.anatomy.base.draws import DRAWS, Estimate, drawn, save_draws
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import (
    concatenate,
    read_table,
    select_columns,
    with_draws,
    write_table,
)


def table_of(values, name="y", **columns):
    """A table with a row for each of `values` (rows, draws); None for a row without draws."""
    rows = []
    for at, each in enumerate(values):
        found = Estimate(float(at), at - 1.0, at + 1.0, np.array([] if each is None else each))
        rows.append({"sae": f"s{at}"} | columns | with_draws(name, found))
    return pd.DataFrame(rows)


def test_an_estimate_is_its_value_and_interval_and_knows_its_draws():
    value, low, high = found = Estimate(1.0, 0.5, 2.0, np.arange(3.0))
    assert (value, low, high) == (1.0, 0.5, 2.0) == found
    assert found.draws.tolist() == [0, 1, 2]


def test_draws_follow_their_rows():
    table = table_of([[1.0, 2.0], [3.0, 4.0], None])
    table = table.sort_values("sae", ascending=False, ignore_index=True)
    assert drawn(table, "y")[1:].tolist() == [[3, 4], [1, 2]]
    assert np.isnan(drawn(table, "y")[0]).all()
    stacked = pd.concat([table[1:], table.drop(columns=f"y{DRAWS}")], ignore_index=True)
    assert np.isnan(drawn(stacked, "y")).any(1).tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("values", [[None, None], [[1.0, 2.0], [1.0]]])
def test_without_draws_of_one_length_there_are_none(values):
    assert drawn(table_of(values), "y").shape == (2, 0)
    assert drawn(table_of(values), "z").shape == (2, 0)


def test_csv_and_draws_bring_a_table_back(tmp_path):
    table = table_of([[1.0, 0.1], None, [2.0, 0.2]], name="y")
    write_table(tmp_path / "t.csv", table)
    save_draws(tmp_path / "t.draws.npz", table)
    assert list(read_table(tmp_path / "t.csv")) == ["sae", "y", "y_lo", "y_hi"]
    found = read_table(tmp_path / "t.csv", tmp_path / "t.draws.npz")
    assert list(found) == list(table)
    np.testing.assert_array_equal(drawn(found, "y"), drawn(table, "y"))
    save_draws(tmp_path / "again.npz", table)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "t.draws.npz").read_bytes()
    write_table(tmp_path / "t.csv", table[1:])
    with pytest.raises(AnatomyError, match="3 rows, and the table has 2"):
        read_table(tmp_path / "t.csv", tmp_path / "t.draws.npz")


def test_a_table_without_draws_has_an_empty_file_of_them(tmp_path):
    table = pd.DataFrame({"y": [1.0]})
    save_draws(tmp_path / "t.npz", table)
    write_table(tmp_path / "t.csv", table)
    assert list(read_table(tmp_path / "t.csv", tmp_path / "t.npz")) == ["y"]


def test_selected_scores_keep_their_draws(tmp_path):
    about = {"model": "m", "site": "blocks.3.hook_resid_post", "architecture": "topk", "width": 8}
    about |= {"l0": 2.0, "seed": 0, "split": "document", "n_train": 9, "n_test": 3}
    paths, draws = [], []
    for at in range(2):
        paths.append(tmp_path / f"{at}.csv")
        draws.append(tmp_path / f"{at}.npz")
        table = table_of([[at, at + 0.5]], **about)
        write_table(paths[-1], table)
        save_draws(draws[-1], table)
    table = select_columns(paths, {"shown": "y"}, draws)
    assert drawn(table, "shown").tolist() == [[0, 0.5], [1, 1.5]]
    assert f"shown{DRAWS}" not in select_columns(paths, {"shown": "y"})
    assert drawn(concatenate(paths, draws), "y").tolist() == [[0, 0.5], [1, 1.5]]
