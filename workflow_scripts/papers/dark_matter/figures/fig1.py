"""Figure 1: the breakdown of SAE error against SAE width, extrapolated ten times wider."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    estimate_in,
    judged,
    written,
)

EXTRAPOLATION = 10
POINTS = (
    ("fvu", "Sae(x)", PALETTE[0], "o"),
    ("fvu_nonlinear", "Sae(x) + b*x", PALETTE[1], "s"),
    ("fvu_nonlinear_pursuit", "Pursuit(x) + b*x", PALETTE[3], "^"),
)


def draw(table: pd.DataFrame, fit: pd.DataFrame) -> Figure:
    """Draw from `fig1.csv` and `fig1_fit.csv`."""
    figure, axes = new_figure(width="page", ratio=0.55)
    fits = fit.set_index("codes")
    levels = [fits.loc["sae", "horizontal"], fits.loc["pursuit", "horizontal"]]
    draw_regions(axes, table["width"], fits.loc["sae"], levels)
    draw_points(axes, table, POINTS)
    finish(axes, table)
    return figure


def draw_regions(axes: Axes, widths: pd.Series, law: pd.Series, levels: list[float]) -> None:
    """The power law `law` (c, a, m), levels of nonlinear error, and the shaded regions between.

    levels: FVU_nonlinear of the SAE, and below it that of better codes, if there are any; what lies
        between the two is the encoder's error.
    """
    measured = np.geomspace(widths.min(), widths.max(), 200)
    beyond = np.geomspace(measured[-1], measured[-1] * EXTRAPOLATION, 100)
    everywhere = np.concatenate([measured, beyond])
    curve = law["c"] + law["a"] * everywhere ** -law["m"]
    nonlinear, lowest = levels[0], min(levels)
    asymptote = max(law["c"], nonlinear)
    _say(axes, shortfalls(law, curve[-1], levels))
    regions = [
        ("Absent features", asymptote, np.maximum(curve, asymptote), PALETTE[0]),
        ("Linear error", nonlinear, asymptote, PALETTE[2]),
        ("Encoder error", lowest, nonlinear, PALETTE[1]),
        ("Nonlinear error", 0, lowest, PALETTE[3]),
    ]
    for label, low, high, colour in regions:
        if np.max(high - low) > 0:
            axes.fill_between(everywhere, low, high, color=colour, alpha=0.25, lw=0, label=label)
    for part, style in ((measured, "-"), (beyond, ":")):
        axes.plot(part, law["c"] + law["a"] * part ** -law["m"], style, color=PALETTE[0])
        for level, colour in zip(levels, (PALETTE[1], PALETTE[3]), strict=False):
            axes.plot(part, np.full_like(part, level), style, color=colour)
        axes.plot(part, np.full_like(part, law["c"]), ":", color=PALETTE[7], linewidth=0.8)
    axes.set_xlim(measured[0] / 1.1, beyond[-1])


def shortfalls(law: pd.Series, last: float, levels: list[float]) -> list[str]:
    """What there is no room for in the breakdown, since the difference that defines it is negative.

    last: the law at the widest that is drawn.
    levels: FVU_nonlinear of the SAE's codes, and of better codes, if there are any.
    """
    found = []
    if law["c"] < levels[0]:
        interval = f" [{law['c_lo']:.3g}, {law['c_hi']:.3g}]" if "c_lo" in law else ""
        numbers = f"c = {law['c']:.3g}{interval} < {levels[0]:.3g}"
        found.append(f"Asymptote below the nonlinear error ({numbers}): no room for linear error")
    if last < levels[0]:
        found.append("Where the law is below the nonlinear error: no room for absent features")
    if any(level >= levels[0] for level in levels[1:]):
        found.append("Pursuit leaves as much nonlinear error: no room for encoder error")
    return found


def _say(axes: Axes, lines: list[str]) -> None:
    """Write them at the bottom, within the nonlinear error."""
    if lines:
        axes.annotate(
            "\n".join(lines),
            (0.5, 0.03),
            xycoords="axes fraction",
            ha="center",
            va="bottom",
            fontsize=6.5,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5},
        )


def draw_points(axes: Axes, table: pd.DataFrame, points) -> None:
    """Columns of the table against width, with their intervals: (column, label, colour, marker)."""
    for column, label, colour, marker in points:
        spread = [table[column] - table[f"{column}_lo"], table[f"{column}_hi"] - table[column]]
        axes.errorbar(
            table["width"], table[column], np.abs(spread), fmt=marker, color=colour, label=label, capsize=2
        )  # fmt: skip


def finish(axes: Axes, table: pd.DataFrame) -> None:
    """Axes, title and legend."""
    axes.set_xscale("log", base=2)
    axes.set_ylim(0, None)
    axes.set_xlabel("SAE width (latents)")
    axes.set_ylabel("Fraction of variance unexplained")
    axes.set_title(f"{table['model'][0]}, {table['site'][0]}, L0 ≈ {table['l0'].mean():.0f}")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def finding(table: pd.DataFrame, fit: pd.DataFrame) -> Finding:
    """Whether the nonlinear part of the error stays level while SAEs get wider."""
    from workflow_scripts.anatomy.claims.changes import mean_change
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig1": table, "fig1_fit": fit}

    def say(found: Measurement) -> Said:
        rows = table.sort_values("width", ignore_index=True)
        first, last = rows.iloc[0], rows.iloc[-1]
        ends = f"From {first['width']:,.0f} to {last['width']:,.0f} latents"
        fvu, part = (
            " to ".join(written(estimate_in(row, column)) for row in (first, last))
            for column in ("fvu", "fvu_nonlinear")
        )
        change = written(found, 100, "%")
        fall = mean_change(rows, "fvu", [(len(rows) - 1, 0, 0)])
        moves = "falls" if fall.value < 0 else "rises"
        share = f"{_share(rows)} of the fall is nonlinear error. " if fall.hi < 0 else ""
        floor = claim_of(CLAIMS, "asymptote_above_horizontal")
        above = judged(floor, tables, lambda gap: Said("yes", "no", "open", written(gap)))
        level = "the nonlinear part's mean over them"
        law = {
            HOLDS: f"By the power law fitted to these {len(rows)} widths, {above.more} of FVU above "
            f"{level} would remain however wide the SAE.",
            FAILS: f"The power law fitted to these {len(rows)} widths ends {above.more} from {level}, "
            "below it: it does not tell absent features from linear error.",
            UNDECIDED: f"Where the power law fitted to these {len(rows)} widths ends is too uncertain "
            f"({above.more} from {level}) to tell absent features from linear error.",
        }.get(above.verdict, "")
        start = f"{ends} FVU {moves} from {fvu}"
        return Said(
            f"{start}, while its nonlinear part stays nearly level: it changes by {change} per "
            "doubling "
            "of the width.",
            f"{start}, and its nonlinear part does not stay level: it changes by {change} per "
            "doubling of the width.",
            f"{start}; whether its nonlinear part stays level is open: it changes by {change} per "
            "doubling of the width.",
            f"{share}That part goes from {part}. {law}".strip(),
        )

    return judged(claim_of(CLAIMS, "nonlinear_flat_at_target"), tables, say)


def _share(rows: pd.DataFrame) -> str:
    """The nonlinear part's share of the fall of FVU from the first row to the last, with its interval."""
    from workflow_scripts.anatomy.claims.paired import drawn, paired

    nonlinear, whole = (
        rows[name].iloc[0] - rows[name].iloc[-1] for name in ("fvu_nonlinear", "fvu")
    )
    parts, wholes = (drawn(rows, name) for name in ("fvu_nonlinear", "fvu"))
    resampled = (parts[0] - parts[-1]) / (wholes[0] - wholes[-1])
    found = paired((nonlinear / whole, float("nan"), float("nan")), resampled, "documents")
    return written(found, 100, "%")
