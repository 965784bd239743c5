"""A table shown as Markdown says what is in it, whatever the text: by another parser of Markdown."""

from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.running import run_script
from workflow_scripts.anatomy.base.tables import write_table

TEXTS = [
    *(
        'fires on: "|" or "||" (20%)',
        '"__init__" or "_"',
        '"*" or " **"',
        "a_b_c",
        "relu_seeds-w256",
    ),
    *(
        '"\\\\n   " or "\\\\\\"\\\\\\"\\\\\\""',
        '"`" or "``x``"',
        "<b>&lt;</b> [a](b) <|endoftext|>",
        '"\\\\|"',
    ),
]


def cells(rendered: str) -> list[list[str]]:
    """The texts of the cells of the one table, row by row."""
    found: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(rendered):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found:
            inside = token.children or []
            assert {child.type for child in inside} <= {"text", "text_special"}, inside
            found[-1].append("".join(child.content for child in inside))
    return found


def rendered(table: pd.DataFrame, folder: Path) -> str:
    write_table(folder / "table.csv", table)
    run_script(
        "render_table",
        folder / "render.log",
        input={"table": folder / "table.csv"},
        output={"rendered": folder / "table.md"},
        params={"columns": {"text": "Text", "number": "Number"}, "caption": "A table."},
    )
    return (folder / "table.md").read_text()


def test_what_is_shown_is_what_is_in_the_table(tmp_path):
    table = pd.DataFrame({"number": 0.25, "text": TEXTS, "other": 1})
    head, *rows = cells(rendered(table, tmp_path))
    assert head == ["Text", "Number"]
    assert rows == [[text, "0.25"] for text in TEXTS]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text('ab_*|`<>"\\n ()[]&;~lt', min_size=1, max_size=12), min_size=1, max_size=4))
def test_any_text_is_shown_as_it_is(tmp_path_factory, texts):
    table = pd.DataFrame({"number": 1.5, "text": [f"x{text}x" for text in texts]})
    _, *rows = cells(rendered(table, tmp_path_factory.mktemp("table")))
    assert [row[0] for row in rows] == table["text"].tolist()
