"""What a path from one SAE to the next is shown as: its points (Fig. 5) and its swaps (Fig. 17)."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.draws import DRAWS, cell
from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.statistics.ratio_intervals import ratio_draws, ratio_intervals
from workflow_scripts.papers.canonical_units.stitching.moves import Moves
from workflow_scripts.papers.canonical_units.stitching.path import Walk


def swap_points(moves: Moves) -> np.ndarray:
    """Numbers of steps before the first swap and after each of them, int64 (swaps + 1,)."""
    inserted, swaps = ((moves.kinds == kind).sum() for kind in ("insert", "swap"))
    return inserted + np.arange(swaps + 1)


def point_table(path: Walk, moves: Moves, draws: int, seed: int) -> pd.DataFrame:
    """MSE and L0 at every recorded point, with intervals over documents.

    With their draws at the ends of the phases and where the MSE is highest, which claims compare.
    """
    mse, l0 = (ratio_intervals(s, path.count, draws, seed) for s in (path.error2, path.l0))
    phase = np.concatenate([["start"], moves.kinds])[path.steps]
    compared = np.flatnonzero(np.append(phase[1:] != phase[:-1], True))
    compared = np.union1d(compared, [np.argmax(mse[0])])
    columns = {
        "step": path.steps,
        "phase": phase,
        "n_latents": path.n_small + path.n_large,
        "n_small": path.n_small,
        "n_large": path.n_large,
        **with_interval("mse", mse),
        **with_interval("l0", l0),
    }
    table = pd.DataFrame(columns)
    for name, sums in (("mse", path.error2), ("l0", path.l0)):
        cells = pd.Series(np.nan, table.index, dtype=object)
        drawn = ratio_draws(sums[:, compared], path.count, draws, seed)
        for row, values in zip(compared, drawn, strict=True):
            cells.iat[row] = cell(values)
        table[f"{name}{DRAWS}"] = cells
    return table


def swap_table(path: Walk, draws: int, seed: int) -> pd.DataFrame:
    """What every swap changes, for a path that is recorded at `swap_points` alone.

    Changes in MSE and L0, and in per cent of what they were before this swap.
    """
    columns = {
        "swap": range(len(path.steps) - 1),
        "n_small": -np.diff(path.n_small),
        "n_large": np.diff(path.n_large),
    }
    for name, sums in (("mse", path.error2), ("l0", path.l0)):
        change, before = np.diff(sums, axis=1), sums[:, :-1]
        for column, part, whole in (
            (f"delta_{name}", change, path.count),
            (f"delta_{name}_percent", 100 * change, before),
        ):
            columns |= with_interval(column, ratio_intervals(part, whole, draws, seed))
    return pd.DataFrame(columns)
