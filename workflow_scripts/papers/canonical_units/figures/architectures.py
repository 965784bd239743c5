"""One name and one colour for each architecture of SAE, in every figure that compares them."""

import pandas as pd

from workflow_scripts.anatomy.figures.style import PALETTE

NAMES = {"batchtopk": "BatchTopK", "topk": "TopK", "jumprelu": "JumpReLU", "standard": "ReLU"}
COLOURS = dict(zip(NAMES, PALETTE, strict=False))


def by_architecture(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each architecture, in the order of `NAMES`."""
    return [
        (architecture, table[table["architecture"] == architecture])
        for architecture in NAMES
        if (table["architecture"] == architecture).any()
    ]
