"""Print a table of measurements and keep it beside the scripts, with the machine it was made on."""

import os
import platform
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"


def report(name: str, title: str, table: pd.DataFrame) -> None:
    """Print `table` and write it to benchmarks/results/<name>.md."""
    shown = table.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
    rows = [list(shown.columns), ["---"] * len(shown.columns), *shown.to_numpy().tolist()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}"
    text = "\n".join([f"# {title}", "", *lines, "", f"Measured on {machine}.", ""])
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text)
