"""Names at the ends of lines: apart, in order, and as near to their lines as that allows."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from workflow_scripts.anatomy.figures.line_ends import label_ends, spread
from workflow_scripts.anatomy.figures.style import new_figure, styled


@pytest.mark.parametrize("seed", range(6))
def test_places_are_moved_by_as_little_as_squares_allow(seed):
    generator = np.random.default_rng(seed)
    places, apart = (
        generator.choice([0.1, 0.12, 0.5, 0.9, 1.0], 6) + 0.01 * generator.random(6),
        0.1,
    )
    places = places.clip(0, 1)
    found = spread(places, apart)
    order = np.argsort(places, kind="stable")
    between = np.diff(np.eye(6)[order], axis=0)
    exact = minimize(
        lambda at: ((at - places) ** 2).sum(),
        np.linspace(0, 1, 6)[np.argsort(order)],
        method="SLSQP",
        bounds=[(0, 1)] * 6,
        constraints={"type": "ineq", "fun": lambda at: between @ at - apart},
        options={"ftol": 1e-14},
    )
    np.testing.assert_allclose(found, exact.x, atol=1e-5)


def test_places_that_are_apart_stay():
    np.testing.assert_array_equal(spread([0.7, 0.1, 0.4], 0.2), [0.7, 0.1, 0.4])
    np.testing.assert_array_equal(spread([0.3], 0.2), [0.3])


def labelled(ends, log=False):
    """Texts of the labels and their boxes, from the highest to the lowest, in a panel that was laid out."""
    with styled():
        figure, axes = new_figure()
        for x, y, _, _ in ends:
            axes.plot([0, x], [1, y])
        axes.set_ylabel("a label that takes some room")
        if log:
            axes.set_yscale("log")
        label_ends(axes, ends)
        figure.draw_without_rendering()
    boxes = [(text.get_window_extent(), text.get_text()) for text in axes.texts]
    return sorted(boxes, key=lambda each: -each[0].y0), axes


@pytest.mark.parametrize("log", [False, True])
def test_labels_of_lines_that_end_together_do_not_touch(log):
    ends = [(5.0, 2.0 + 0.001 * at, f"{at}", "black") for at in range(6)]
    boxes, axes = labelled([*ends, (5.0, 900.0, "9", "black"), (1.0, 2.0, "8", "black")], log)
    ours = [each for each in boxes if each[1] != "8"]
    assert [text for _, text in ours] == ["9", "5", "4", "3", "2", "1", "0"]
    for (above, _), (below, _) in pairwise(ours):
        assert below.y1 <= above.y0
    panel = axes.get_window_extent()
    assert all(panel.y0 - 5 < box.y0 and box.y1 < panel.y1 + 5 for box, _ in boxes)


def test_where_there_is_no_room_some_are_left_out():
    boxes, _ = labelled([(1.0, float(at), f"{at}", "black") for at in range(60)])
    assert 8 < len(boxes) < 31
    for (above, _), (below, _) in pairwise(boxes):
        assert below.y1 <= above.y0


def test_ends_without_a_place_have_no_label():
    boxes, _ = labelled([(1.0, 2.0, "a", "black"), (1.0, np.nan, "b", "black")])
    assert [text for _, text in boxes] == ["a"]
