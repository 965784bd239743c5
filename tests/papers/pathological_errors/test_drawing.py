"""What the figures of the post say of themselves: legends that are right, labels and numbers that can be read."""

import re
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from tests.papers.dark_matter.worlds import with_ends
from tests.papers.pathological_errors.figures import tables_of_figures
from tests.papers.pathological_errors.worlds import where
from workflow_scripts.anatomy.figures.style import styled
from workflow_scripts.anatomy.setup.architectures import KNOWN
from workflow_scripts.papers.pathological_errors.figures import (
    by_width,
    correlates,
    kl_histogram,
    position,
    single_token,
)

TABLES = tables_of_figures()
# SAEs of the default run: k is built in, or the L0 drifts as the dictionary grows.
BUILT_IN = [("topk", width, k) for width in (128, 256, 512, 1024) for k in (2.0, 4.0, 8.0)]
BETWEEN = [("topk", 768, 4.0), ("jumprelu", 256, 2.03), ("jumprelu", 256, 4.09)]
BETWEEN += [("jumprelu", 512, 4.06)]
DRIFTING = [("standard", width, l0) for width, l0 in ((256, 12.6), (512, 14.0), (1024, 16.9))]


def drawn(module, *tables):
    with styled():
        figure = module.draw(*tables)
        figure.draw_without_rendering()
    return figure


def sizes(saes):
    rows = [
        where(2) | {"architecture": architecture, "width": width, "l0": l0, "sae": f"{at}"}
        for at, (architecture, width, l0) in enumerate(saes)
    ]
    table = pd.DataFrame(rows).assign(ratio=2.0 + 0.1 * np.arange(len(rows)), ratio_errors=1.4)
    return with_ends(table, "ratio", "ratio_errors")


def joined(figure):
    """The lines through several SAEs of the left panel."""
    lines = [line for line in figure.axes[0].lines if line.get_linestyle() != "None"]
    return [
        line for line in lines if len(set(line.get_xdata())) > 1 and line.get_color() != "black"
    ]


def l0s_of(line, table):
    """The L0s of the SAEs that a line goes through, by its ratios."""
    at = {(row.width, round(row.ratio, 9)): row.l0 for row in table.itertuples()}
    return [at[x, round(y, 9)] for x, y in zip(*line.get_data(), strict=True)]


def shown(figure):
    """L0s from and to of each entry of the legend that has any, with its dashes."""
    (legend,) = figure.legends
    for handle, text in zip(legend.get_lines(), legend.get_texts(), strict=True):
        numbers = [float(each) for each in re.findall(r"\d+\.?\d*", text.get_text()[2:])]
        if text.get_text().startswith("L0"):
            yield min(numbers), max(numbers), str(handle._dash_pattern)


@pytest.mark.parametrize("saes", [BUILT_IN + BETWEEN + DRIFTING, BUILT_IN, DRIFTING])
def test_the_legend_says_what_l0s_every_line_goes_through(saes):
    table = sizes(saes)
    figure = drawn(by_width, table)
    entries = list(shown(figure))
    dashes = [each[2] for each in entries]
    assert len(set(dashes)) == len(entries) > 0
    for line in joined(figure):
        (entry,) = [each for each in entries if each[2] == str(line._dash_pattern)]
        for l0 in l0s_of(line, table):
            assert 0.94 * entry[0] <= l0 <= 1.06 * entry[1]


def test_a_line_joins_saes_whose_l0_drifts_as_they_grow():
    figure = drawn(by_width, sizes(BUILT_IN + BETWEEN + DRIFTING))
    colour = KNOWN["standard"].colour
    (line,) = [each for each in joined(figure) if same_color(each.get_color(), colour)]
    assert line.get_xdata().tolist() == [256, 512, 1024]
    of_topk = [
        each for each in joined(figure) if same_color(each.get_color(), KNOWN["topk"].colour)
    ]
    assert [len(each.get_xdata()) for each in of_topk] == [4, 5, 4]


def test_coefficients_have_lines_of_their_own():
    """Although each L0 grows with the size, by up to two fifths."""
    saes = [
        ("standard", width, l0 * 1.35**at)
        for at, width in enumerate((256, 512, 1024))
        for l0 in (5.0, 12.0, 30.0)
    ]
    table = sizes(saes)
    found = sorted(l0s_of(line, table) for line in joined(drawn(by_width, table)))
    expected = [[l0 * 1.35**at for at in range(3)] for l0 in (5.0, 12.0, 30.0)]
    np.testing.assert_allclose(found, expected)


def test_more_l0s_than_styles_are_not_told_apart_by_them():
    saes = [("topk", width, 2.0**power) for width in (256, 512) for power in range(8)]
    figure = drawn(by_width, sizes(saes))
    assert not list(shown(figure))
    assert {line.get_linestyle() for line in joined(figure)} == {"-"}


def test_filled_and_open_circles_are_in_the_legend():
    figure = drawn(correlates, TABLES["correlates"])
    (legend,) = figure.legends
    fills = {
        text.get_text(): line.get_fillstyle()
        for line, text in zip(legend.legend_handles, legend.get_texts(), strict=True)
        if hasattr(line, "get_fillstyle")
    }
    assert (fills["Pearson"], fills["Spearman"]) == ("full", "none")
    table = TABLES["correlates"]
    (legend,) = drawn(correlates, table[table["method"] == "pearson"]).legends
    assert "Spearman" not in [text.get_text() for text in legend.get_texts()]


def apart(axes, layers):
    """Whether the panel has the name of every layer, and no two touch."""
    texts = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert set(texts) == {f"{layer}" for layer in layers}
    for one, other in combinations(texts.values(), 2):
        assert not one.overlaps(other)


def test_layers_whose_quantiles_end_together_have_names_that_can_be_read():
    quantiles = TABLES["kl_quantiles"].copy()
    # From the same ratios: all layers of the world are alike.
    assert quantiles.groupby("quantile")["ratio"].nunique().eq(1).all()
    figure = drawn(kl_histogram, TABLES["kl_histogram"], quantiles)
    layers = sorted(quantiles["layer"].unique())
    apart(figure.axes[len(layers)], layers)
    assert figure.axes[len(layers)].get_ylabel() == "Ratio of percentiles"


def test_layers_whose_lines_end_together_have_names_that_can_be_read():
    table = TABLES["single_token"].copy()
    # As after the last layer, which nothing but the position itself has.
    last = table["layer"].max()
    table.loc[(table["layer"] == last) & (table["offset"] > 0), "kl"] = 0.0
    apart(drawn(single_token, table).axes[0], sorted(table["layer"].unique()))


def test_every_panel_has_numbers_on_its_positions():
    """Four panels in two rows: the first one has another below it."""
    figure = drawn(position, TABLES["position"])
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert len(panels) == 4
    for axes in panels:
        labels = [tick.label1 for tick in axes.xaxis.get_major_ticks()]
        assert any(label.get_visible() and label.get_text() for label in labels), axes.get_title()
