"""`docs/<run>-run.md`, written from a finished run, or from runs of one configuration with other seeds:

python -m workflow_scripts.papers.run_page results/default [results/another]
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE
from workflow_scripts.anatomy.claims.page import markdown_line

DOCS = Path(__file__).resolve().parents[2] / "docs"

HEAD = """# What the {name} run shows

This page is written by
`python -m workflow_scripts.papers.run_page {runs}`; nothing in it was typed.
"""
OTHERS = """A run that is named after the first is of other seeds: language model, SAEs, splits and resamples.
"""


def page(runs: Sequence[Path]) -> str:
    """The regime of each run, and every claim with its verdict in each, as Markdown."""
    names = [run.name for run in runs]
    parts = [HEAD.format(name=names[0], runs=" ".join(map(str, runs)))]
    parts += [OTHERS] if len(runs) > 1 else []
    parts += ["## The regime", "", *_table(pd.concat([regime(run) for run in runs], axis=1)), ""]
    verdicts = [read_table(run / "claims.csv").assign(run=run.name) for run in runs]
    claims = pd.concat(verdicts)
    claims["kind"] = claims["verdict"].where(
        ~claims["verdict"].str.startswith(NOT_TESTABLE), NOT_TESTABLE
    )
    counts = claims.pivot_table(
        index=["paper", "kind"], columns="run", values="claim", aggfunc="count", fill_value=0
    )[names]
    parts += ["## Verdicts", "", *_table(counts), ""]
    by_claim = claims.set_index(["paper", "claim", "run"])
    for paper, of_paper in claims.groupby("paper", sort=False):
        parts += [f"## {paper}", ""]
        header = ["claim", "statement", "paper", *names]
        parts += [markdown_line(header), markdown_line(["---"] * len(header))]
        for claim in dict.fromkeys(of_paper["claim"]):
            rows = [by_claim.loc[(paper, claim, name)] for name in names]
            if all(row["kind"] == NOT_TESTABLE for row in rows):
                continue
            cells = [_verdict(row) for row in rows]
            parts.append(
                markdown_line([claim, rows[0]["statement"], rows[0]["paper_value"], *cells])
            )
        parts.append("")
    return "\n".join(parts)


def regime(run: Path) -> pd.DataFrame:
    """What the settings of a run lead to, in one column."""
    tables = run / "tables"
    fig1 = read_table(tables / "dark_matter" / "fig1.csv")
    summary = read_table(tables / "overview" / "summary.csv")
    losses = read_table(tables / "overview" / "loss_curves.csv")
    shown = summary[summary["sae"].isin(fig1["sae"])]
    cut = 100 * (1 - fig1["fvu_pursuit"] / fig1["fvu"])
    rows = {
        "loss of the language model on validation text, nats a token": losses[
            losses["split"] == "validation"
        ]["loss"].iloc[-1],
        "L0 of the SAEs of dark_matter_fig1": _range(shown["l0"]),
        "FVU of these": _range(shown["fvu"]),
        "dead latents of these, per cent": _range(100 * shown["dead_latents"] / shown["width"]),
        "gradient pursuit lowers their FVU by, per cent": _range(cut),
        "SAEs in the run": len(summary),
    }
    shown_rows = {
        key: value if isinstance(value, str) else f"{value:.4g}" for key, value in rows.items()
    }
    return pd.DataFrame({run.name: shown_rows})


def _range(values: pd.Series) -> str:
    return f"{values.min():.3g} to {values.max():.3g}"


def _verdict(row: pd.Series) -> str:
    if row["kind"] == NOT_TESTABLE:
        return NOT_TESTABLE
    if pd.isna(row["measured_lo"]):
        return f"{row['verdict']}: {row['measured']:.3g}"
    return f"{row['verdict']}: {row['measured']:.3g} [{row['measured_lo']:.3g}, {row['measured_hi']:.3g}]"


def _table(table: pd.DataFrame) -> list[str]:
    flat = table.reset_index()
    names = ["" if name == "index" else str(name) for name in flat.columns]
    rows = [[str(cell) for cell in row] for row in flat.to_numpy().tolist()]
    return [markdown_line(names), markdown_line(["---"] * len(names)), *map(markdown_line, rows)]


if __name__ == "__main__":
    given = [Path(run) for run in sys.argv[1:]]
    (DOCS / f"{given[0].name}-run.md").write_text(page(given) + "\n")
