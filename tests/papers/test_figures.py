"""Every figure from small tables: the same bytes each time, nothing upon the data, no empty panel."""

import subprocess
import sys
import warnings
from functools import cache
from importlib import import_module
from io import BytesIO
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import yaml
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.text import Text

from tests.papers.tables_of_figures import tables_of
from workflow_scripts.anatomy.figures.style import styled

PAPERS = Path(__file__).resolve().parents[2] / "workflow_scripts" / "papers"
NAMES = (
    *("overview", "dark_matter", "canonical_units", "interpretable_features"),
    "pathological_errors",
)
SMALLEST = 5  # points
# What rows of tables differ in, of which a run may lack one.
PARTS = (
    *("axis", "comparison", "component", "regressor", "source", "vector", "active", "bos"),
    *("kind", "order", "distribution", "rate_profile", "asymptote", "phase", "architecture"),
    *("structure", "quantile", "novel", "split", "site", "width_large"),
)


def exhibits(paper):
    """Figure -> module and names of tables; one figure for each module."""
    found = {}
    for name, exhibit in yaml.safe_load((PAPERS / paper / "exhibits.yaml").read_text()).items():
        if not exhibit.get("rendered"):
            found.setdefault(exhibit.get("drawn_by", name), exhibit["tables"])
    return found


FIGURES = [(paper, module) for paper in NAMES for module in exhibits(paper)]
every_figure = pytest.mark.parametrize(("paper", "module"), FIGURES)
cached_tables = cache(tables_of)


def tables_for(paper, module):
    return [cached_tables(paper)[name].copy() for name in exhibits(paper)[module]]


def drawn(paper, module, *tables, layout=True):
    """The figure, laid out unless told otherwise; a warning is an error."""
    draw = import_module(f"workflow_scripts.papers.{paper}.figures.{module}").draw
    with warnings.catch_warnings(), styled():
        warnings.simplefilter("error")
        figure = draw(*tables)
        if not layout:
            figure.set_layout_engine("none")
        figure.draw_without_rendering()
    return figure


@cache
def drawn_once(paper, module):
    return drawn(paper, module, *tables_for(paper, module))


def saved(figure):
    """The bytes of a figure that is laid out already; coarse and with plain fonts, which is faster."""
    figure.set_layout_engine("none")
    found = []
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        file = BytesIO()
        with styled(), matplotlib.rc_context({"pdf.fonttype": 3}):
            figure.savefig(file, format=kind, dpi=60, metadata=metadata)
        found.append(file.getvalue())
    return found


def legends(figure):
    inner = [axes.get_legend() for axes in figure.axes]
    return [*figure.legends, *(legend for legend in inner if legend is not None)]


def points(axes):
    """Places of what is drawn from data, in pixels."""
    found = [np.empty((0, 2))]
    for line in axes.lines:
        # Lines across a whole panel are no data.
        if isinstance(line, Line2D) and line.get_transform() == axes.transData:
            found.append(axes.transData.transform(line.get_xydata()))
    for collection in axes.collections:
        offsets = np.ma.filled(collection.get_offsets(), np.nan)
        if len(offsets) and collection.get_offset_transform() == axes.transData:
            found.append(axes.transData.transform(offsets))
    return np.concatenate(found)


def visible_texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


@every_figure
def test_a_figure_is_legible_and_its_legends_cover_no_data(paper, module):
    figure = drawn_once(paper, module)
    assert min(text.get_fontsize() for text in visible_texts(figure)) >= SMALLEST
    for legend in legends(figure):
        assert len(legend.get_texts()) <= 9
        box = legend.get_window_extent()
        for axes in figure.axes:
            x, y = points(axes).T
            within = (box.x0 < x) & (x < box.x1) & (box.y0 < y) & (y < box.y1)
            assert not within.any(), legend.get_texts()
            assert not any(box.overlaps(patch.get_window_extent()) for patch in axes.patches)
            if axes.get_title():
                assert not box.overlaps(axes.title.get_window_extent()), axes.get_title()


@every_figure
def test_a_figure_is_within_its_page_and_its_ticks_are_apart(paper, module):
    figure = drawn_once(paper, module)
    inside, page = figure.get_tightbbox(), figure.bbox_inches
    assert inside.x0 >= -0.03 and inside.y0 >= -0.03
    assert inside.x1 <= page.x1 + 0.03 and inside.y1 <= page.y1 + 0.03
    for axes in figure.axes:
        for axis, low, high in ((axes.xaxis, "x0", "x1"), (axes.yaxis, "y0", "y1")):
            view = sorted(axis.get_view_interval())
            labels = [
                tick.label1
                for tick in axis.get_major_ticks()
                if view[0] <= tick.get_loc() <= view[1]
                and tick.label1.get_visible()
                and tick.label1.get_text()
            ]
            boxes = [label.get_window_extent() for label in labels]
            boxes.sort(key=attrgetter(low))
            for before, after in pairwise(boxes):
                assert getattr(before, high) <= getattr(after, low) + 1, axes.get_xlabel()


@every_figure
def test_no_panel_is_empty(paper, module):
    figure = drawn_once(paper, module)
    for axes in figure.axes:
        assert axes.has_data() or not axes.axison


@every_figure
def test_the_same_table_gives_the_same_bytes(paper, module):
    first = saved(drawn_once(paper, module))
    np.random.seed(2)
    assert saved(drawn(paper, module, *tables_for(paper, module))) == first


def test_another_process_gives_the_same_files(tmp_path):
    """Of the figure with jitter, as `draw_figure` writes it."""
    code = (
        "import sys\n"
        "from tests.papers.test_figures import drawn, tables_for\n"
        "from workflow_scripts.anatomy.figures.style import save, styled\n"
        "figure = drawn('dark_matter', 'fig6', *tables_for('dark_matter', 'fig6'))\n"
        "with styled():\n"
        "    save(figure, sys.argv[1] + '.pdf', sys.argv[1] + '.png')\n"
    )
    for at in ("first", "second"):
        command = [sys.executable, "-c", code, str(tmp_path / at)]
        subprocess.run(command, cwd=PAPERS.parents[1], check=True)
    for kind in ("pdf", "png"):
        first, second = ((tmp_path / f"{at}.{kind}").read_bytes() for at in ("first", "second"))
        assert first == second


def of_one_sae(table):
    """The rows of the first SAE, or of the first pair."""
    for name in ("sae", "sae_large", "width", "width_large"):
        if name in table:
            return table[table[name] == table[name].iloc[0]].reset_index(drop=True)
    return table


@every_figure
def test_a_table_of_one_sae_is_drawn(paper, module):
    drawn(paper, module, *(of_one_sae(table) for table in tables_for(paper, module)))


@every_figure
def test_a_table_that_lacks_a_part_is_drawn(paper, module):
    tables = tables_for(paper, module)
    for name in PARTS:
        if name in tables[0] and tables[0][name].nunique() > 1:
            lacks = tables[0][tables[0][name] != tables[0][name].iloc[0]]
            drawn(paper, module, lacks.reset_index(drop=True), *tables[1:], layout=False)


def silent(table, whole):
    """The table as it is where nothing fires: for its first SAE (of a pair the larger one), or for all."""
    name = next((each for each in ("sae", "sae_large", "width") if each in table), None)
    if name is None:
        return table
    rows = (table[name] == table[name].iloc[0]) | whole
    values = {"l0": 0.0, "activation_frequency": 0.0}
    if "max_cosine" in table:
        values |= {"count": 0, "novel_latents": 0}
    values |= dict.fromkeys(("fvu", "fvu_lo", "fvu_hi"), 1.0)
    return table.assign(
        **{key: table[key].where(~rows, value) for key, value in values.items() if key in table}
    )


@pytest.mark.parametrize("whole", [False, True], ids=["one", "all"])
@every_figure
def test_an_sae_for_which_nothing_fires_is_no_error(paper, module, whole):
    tables = tables_for(paper, module)
    named = [set(table) & {"l0", "activation_frequency", "max_cosine"} for table in tables]
    if any(named):
        tables = [silent(table, whole) for table in tables]
        drawn(paper, module, *tables)
        room = import_module(f"workflow_scripts.papers.{paper}.figures.{module}")
        if hasattr(room, "finding"):
            assert room.finding(*tables).sentence


def test_a_masking_of_nothing_is_drawn():
    (table,) = tables_for("dark_matter", "fig15")
    figure = drawn("dark_matter", "fig15", table.iloc[:0])
    assert "nothing to show" in "".join(text.get_text() for text in visible_texts(figure))


@pytest.mark.parametrize("module", ["fig4", "fig10", "fig11", "fig14", "fig18"])
def test_a_table_without_novel_latents_is_drawn(module):
    (table,) = tables_for("canonical_units", module)
    figure = drawn("canonical_units", module, table.iloc[:0])
    assert "nothing to show" in "".join(text.get_text() for text in visible_texts(figure))


@pytest.mark.parametrize(
    ("paper", "module"),
    [
        each
        for each in FIGURES
        if "architecture" in cached_tables(each[0])[exhibits(each[0])[each[1]][0]]
    ],
)
def test_two_architectures_are_drawn_and_an_unknown_one_is_an_error(paper, module):
    table, *others = tables_for(paper, module)
    half = np.arange(len(table)) % 2 == 0
    figure = drawn(
        paper, module, table.assign(architecture=np.where(half, "standard", "topk")), *others
    )
    if module != "decomposition":
        texts = " ".join(text.get_text() for text in visible_texts(figure))
        assert "ReLU" in texts and "TopK" in texts


def breakdown(c, pursuit):
    """Text of figure 1 where the SAEs' nonlinear error is 0.1, for an asymptote and pursuit's error."""
    table, fit = tables_for("dark_matter", "fig1")
    fit = fit.assign(c=c, horizontal=np.where(fit["codes"] == "sae", 0.1, pursuit))
    figure = drawn("dark_matter", "fig1", table, fit)
    return "\n".join(text.get_text() for text in visible_texts(figure))


@pytest.mark.parametrize(
    ("c", "pursuit", "missing"),
    [
        (0.15, 0.08, []),
        (0.095, 0.08, ["linear error"]),
        (0.05, 0.08, ["linear error", "absent features"]),
        (-0.02, 0.12, ["linear error", "absent features", "encoder error"]),
    ],
)
def test_figure_1_says_which_region_would_be_negative(c, pursuit, missing):
    text = breakdown(c, pursuit)
    every = ("linear error", "absent features", "encoder error")
    for name in every:
        assert (f"no room for {name}" in text) == (name in missing), name
    assert ("Linear error" in text) == ("linear error" not in missing)


def test_few_saes_are_dots_and_many_are_a_surface():
    (table,) = tables_for("dark_matter", "contours")
    widths, l0s = sorted(table["width"].unique()), sorted(table["l0"].unique())
    for n_widths, surface in ((2, False), (3, True)):
        few = table[table["width"].isin(widths[:n_widths])].reset_index(drop=True)
        assert len(few) == n_widths * len(l0s)
        figure = drawn("dark_matter", "contours", few)
        panels = [axes for axes in figure.axes if axes.get_xlabel()]
        kinds = {type(each).__name__ for axes in panels for each in axes.collections}
        assert ("PathCollection" in kinds) is not surface
        assert len(figure.axes) == 2 * len(panels)  # a colour bar each


def test_interventions_along_one_axis_leave_no_empty_panel():
    (table,) = tables_for("dark_matter", "fig8")
    figure = drawn("dark_matter", "fig8", table[table["axis"] == "width"])
    assert len(figure.axes) == 2


def test_figures_use_the_fonts_that_matplotlib_brings():
    # A figure must not change with the fonts of the machine it is drawn on.
    brought = Path(matplotlib.get_data_path()) / "fonts"
    with styled():
        for family in ("sans-serif", "monospace"):
            name = get_font(findfont(FontProperties(family=[family]), fallback_to_default=False))
            assert (brought / "ttf" / f"{name.postscript_name}.ttf").exists(), name.fname
