"""Figure 1: no box covers another one, no text leaves its box, whatever the graph."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyBboxPatch
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from tests.papers.canonical_units.explanations_worlds import graph
from workflow_scripts.anatomy.figures.style import WIDTHS, styled
from workflow_scripts.papers.canonical_units.explanations import choice
from workflow_scripts.papers.canonical_units.figures import fig1, fig1_layout
from workflow_scripts.papers.canonical_units.figures.fig1_arcs import routed
from workflow_scripts.papers.canonical_units.figures.fig1_layout import (
    GAP,
    SHAPES,
    arrange,
    box,
    width_of,
    wrapped,
)

# Dots per inch of the saved file; at fewer, characters are rounded to whole dots and wider.
PNG = 300


def corners(place):
    half = np.array([place.width, place.height]) / 2
    return np.array([place.x, place.y]) - half, np.array([place.x, place.y]) + half


def covers(one, other):
    (low, high), (bottom, top) = corners(one), corners(other)
    return bool(((low < top - 1e-9) & (bottom < high - 1e-9)).all())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_boxes_are_apart_and_on_the_page(data):
    words = st.text("ab ", max_size=120)
    parts = [box("part", "p", data.draw(words)) for _ in range(data.draw(st.integers(0, 8)))]
    members = [
        (at, box("member", "m", data.draw(words)))
        for at in range(len(parts))
        for _ in range(data.draw(st.integers(0, 4)))
    ]
    height, *placed = arrange(box("middle", "x", data.draw(words)), parts, members)
    every = [placed[0], *placed[1], *placed[2]]
    for one, other in combinations(every, 2):
        assert not covers(one, other)
    for place in every:
        low, high = corners(place)
        assert (low >= 0).all() and high[0] <= WIDTHS["page"] and high[1] <= height + 1e-9


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 8, 11])
def test_drawn_text_stays_in_its_box_and_boxes_apart(parts):
    with styled():
        tables = graph(parts)
        figure = fig1.draw(tables["fig1"], tables["fig1_nodes"])
        figure.set_dpi(PNG)
        renderer = FigureCanvasAgg(figure).get_renderer()
        (axes,) = figure.axes
        boxes = [p.get_window_extent() for p in axes.patches if isinstance(p, FancyBboxPatch)]
        texts = [text.get_window_extent(renderer) for text in axes.texts]
    drawn = min(parts, fig1.MOST_PARTS)
    assert len(boxes) == 1 + drawn + 3 * drawn
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    for one, other in combinations(texts, 2):
        inside = min(one.x1, other.x1) - max(one.x0, other.x0)
        shared = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert inside <= 0 or shared <= 0.4 * min(one.height, other.height)
    for text in texts:
        own = [
            b
            for b in boxes
            if b.x0 <= text.x0 and text.x1 <= b.x1 and b.y0 <= text.y0 and text.y1 <= b.y1
        ]
        assert len(own) == 1


@pytest.mark.parametrize(
    ("parts", "place"), [((2, 2, 3, 4), 2), ((5, 3, 3, 3), 0), ((2, 1, 2, 2), 0)]
)
def test_the_graph_is_of_a_latent_with_three_meta_latents_if_there_is_one(parts, place):
    """Whose explanations are asked for, too: those of its meta-latents' other latents."""
    table = np.zeros((6, 5), np.float32)
    chosen = np.array([4, 1, 5, 0])
    for at, count in zip(chosen, parts, strict=True):
        table[at, :count] = 1
    apart = SimpleNamespace(activations=csr_matrix(table))
    assert choice.graph_of(apart, chosen).tolist() == [chosen[place]]
    assert choice.graph_of(apart, chosen[:0]).tolist() == []


@pytest.mark.parametrize("parts", [2, 3, 5, 8])
def test_every_line_is_drawn_and_dashed_ones_are_seen(parts):
    """Between meta-latents of both sides a straight line would run behind the latent in the middle."""
    with styled():
        tables = graph(parts)
        figure = fig1.draw(tables["fig1"], tables["fig1_nodes"])
    (axes,) = figure.axes
    strong = tables["fig1"][tables["fig1"]["strength"] > 0]
    assert len(axes.lines) == len(tables["fig1"]) >= len(strong)
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    middle = next(b for b in boxes if b.get_edgecolor() == to_rgba(fig1.COLOURS["middle"]))

    def hidden(line, patches):
        x, y = line.get_data()
        inside = [
            (b.get_x() < x)
            & (x < b.get_x() + b.get_width())
            & (b.get_y() < y)
            & (y < b.get_y() + b.get_height())
            for b in patches
        ]
        return np.any(inside, axis=0).mean()

    shared = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert len(shared) == parts * (parts - 1) // 2
    assert all(line.get_linewidth() > 0 for line in shared)
    # Of 28 between eight, some have to pass near one another.
    assert max(hidden(line, [middle]) for line in shared) <= (0.1 if parts > 5 else 0)
    assert max(hidden(line, boxes) for line in shared) < 0.1


def test_an_arc_goes_round_a_box_and_stays_on_the_page():
    left, middle, right = (fig1_layout.Box(x, 2, 1, 0.6, ()) for x in (2, 3.4, 4.8))
    line = routed(left, right, [left, middle, right], 4)
    assert line[0] == pytest.approx([2.5, 2]) and line[-1] == pytest.approx([4.3, 2])
    beside = np.abs(line[:, 0] - 3.4) <= 0.5
    assert (np.abs(line[beside, 1] - 2) > 0.3).all()
    assert (line[:, 1] > 0).all() and (line[:, 1] < 4).all()
    # Nothing in between: as straight as can be.
    np.testing.assert_allclose(routed(left, right, [left, right], 4)[:, 1], 2)


def test_a_member_is_beside_the_meta_latent_that_is_most_active_on_it():
    tables = graph(4)
    found = fig1._belongs(tables["fig1"], [f"meta-latent {part}" for part in range(4)])
    assert found == {
        f"latent {100 + 3 * part + member}": part for part in range(4) for member in range(3)
    }


def test_nothing_to_show_says_so():
    tables = {name: table.iloc[:0] for name, table in graph().items()}
    with styled():
        figure = fig1.draw(tables["fig1"], tables["fig1_nodes"])
    assert "nothing to show" in figure.axes[0].texts[0].get_text()


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(codec="ascii", categories=("L", "P", "Zs")), max_size=200),
    st.integers(1, 5),
)
def test_wrapped_lines_fit_and_lose_nothing_but_the_end(text, most):
    lines = wrapped(text, 1.0, most)
    assert len(lines) <= most
    assert all(width_of(line) <= 1.0 for line in lines)
    if not any(line.endswith("…") for line in lines):
        assert " ".join(lines) == " ".join(text.split())


def test_the_width_of_a_text_is_that_of_the_drawn_one():
    with styled():
        tables = graph(2)
        figure = fig1.draw(tables["fig1"], tables["fig1_nodes"])
        figure.set_dpi(PNG)
        renderer = FigureCanvasAgg(figure).get_renderer()
        for text in figure.axes[0].texts:
            drawn = text.get_window_extent(renderer).width / figure.dpi
            assert drawn == pytest.approx(width_of(text.get_text()), abs=0.03)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(40, 44), min_size=2, max_size=5))
def test_boxes_are_as_near_to_where_they_belong_as_they_can_be(wanted):
    heights = np.linspace(0.3, 0.6, len(wanted))
    found = fig1_layout._apart(wanted, heights, 100.0)
    steps = (heights[:-1] + heights[1:]) / 2 + GAP
    assert (found[:-1] - found[1:] >= steps - 1e-9).all()
    best = minimize(
        lambda y: ((y - wanted) ** 2).sum(),
        42 - np.arange(len(wanted), dtype=float),
        constraints={"type": "ineq", "fun": lambda y: y[:-1] - y[1:] - steps},
    )
    assert ((found - wanted) ** 2).sum() <= best.fun + 1e-4


def test_shapes_leave_room_for_the_lines_between_them():
    widths = [SHAPES[kind][0] for kind in ("middle", "part", "part", "member", "member")]
    assert sum(widths) < WIDTHS["page"] - 0.5
