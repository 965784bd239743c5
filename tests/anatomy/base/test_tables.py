"""Tables are read as they were written, whatever characters a token has."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import read_table, write_table

# What an empty field says is that nothing is there, so a text has a character.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
ODD = ["\r", "a\rb", "\r\n", "\n", "\x00", "a\x00b", '"', '""', "'", "a,b", "\u2028", "\x85"]
ODD += ["\x1a", "\ufeff", " ", "\t", "None", "nan", "NA", "#", "\\", '\\"', '"\r', "\U0001f600"]


@given(st.lists(st.tuples(TEXT, TEXT, st.floats(allow_infinity=False, allow_nan=False))))
@example([(text, text, 0.1) for text in ODD])
@example([(text, "x", 0.1) for text in ODD if "\r" not in text])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_comes_back(tmp_path, rows):
    # A word in each column: a column of nothing but digits is one of numbers.
    rows = [("word", "word", 1.5), *rows, ("word", "word", 2.5)]
    table = pd.DataFrame(rows, columns=["token", "other", "value"])
    write_table(tmp_path / "t.csv", table)
    again = read_table(tmp_path / "t.csv")
    assert list(again.columns) == list(table.columns)
    for column in table:
        assert list(again[column]) == list(table[column])


def test_what_is_missing_stays_missing_beside_a_carriage_return(tmp_path):
    table = pd.DataFrame({"token": ["\r", None, "x"], "value": [1.0, float("nan"), 3.0]})
    write_table(tmp_path / "t.csv", table)
    again = read_table(tmp_path / "t.csv")
    assert list(again.isna().sum(axis=1)) == [0, 2, 0] and again["token"][0] == "\r"
    assert list(again["value"].dropna()) == [1.0, 3.0]


def test_other_tables_are_the_bytes_that_pandas_writes(tmp_path):
    table = pd.DataFrame({"token": ["a", 'b"', "\n", None], "value": [1, 2, 3, 4]})
    write_table(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_bytes() == table.to_csv(index=False).encode()


def test_half_of_a_surrogate_pair_is_refused(tmp_path):
    table = pd.DataFrame({"token": pd.Series(["\ud800"], dtype=object)})
    with pytest.raises(AnatomyError, match=r"t\.csv: text that cannot be written"):
        write_table(tmp_path / "t.csv", table)
    assert not list(tmp_path.iterdir())
